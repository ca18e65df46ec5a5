//! Heights of terrain: a lattice of hashed heights over a rectangle, level with its foot all around the edge.

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

/// The kernel's integer hash of a lattice point, -1 to 1.
pub fn hash(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32)
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add((y as u32).wrapping_mul(0x85eb_ca77))
        .wrapping_add((z as u32).wrapping_mul(0xc2b2_ae3d));
    h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
    h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^= h >> 16;
    (h >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0
}
