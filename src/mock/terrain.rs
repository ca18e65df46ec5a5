//! Heights of terrain: a lattice of hashed heights over a rectangle, level with its foot all around the edge.

use crate::mock::twins::trace::hash;

/// Cells along each side of a terrain, at most.
pub const MOST_CELLS: u32 = 16;

/// Height of lattice point (`i`, `j`), each 0 to `cells`, as a share of the whole height, 0 to 1. Between the points
/// the surface is two triangles a cell, split along the diagonal from (i, j) to (i + 1, j + 1).
pub fn height(seed: u32, cells: u32, i: u32, j: u32) -> f32 {
    let n = cells as f32;
    // 0 at the edge, 1 in the middle.
    let rise = |k: u32| {
        let u = k as f32 / n;
        4.0 * u * (1.0 - u)
    };
    let rough = 0.5 + 0.5 * hash(i as i32, j as i32, seed as i32);
    rise(i) * rise(j) * (0.55 + 0.45 * rough)
}
