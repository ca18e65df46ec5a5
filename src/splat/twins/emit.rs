//! Twin of `kernels/splat/emit.wgsl`, and of the tile intersection in `kernels/shared/splat.wgsl`.

use crate::gpu::Call;
use std::ops::Range;

use crate::splat::records::{EmitParams, Projected, TILE};

/// Tile rows that the ellipse can reach.
pub fn tile_rows(p: &Projected, height: u32) -> Range<u32> {
    let [a, b, c, cutoff] = p.conic;
    let det = a * c - b * b;
    if !(cutoff >= 0.0 && det > 0.0) {
        return 0..0;
    }
    let reach = (cutoff * a / det).sqrt();
    pixels_to_tiles(
        (p.centre[1] - reach - 0.5).ceil(),
        (p.centre[1] + reach - 0.5).floor(),
        height,
    )
}

fn pixels_to_tiles(low: f32, high: f32, size: u32) -> Range<u32> {
    if high.is_nan() || low.is_nan() || high < low || high < 0.0 || low >= size as f32 {
        return 0..0;
    }
    let first = low.max(0.0) as u32;
    let last = high.min(size as f32 - 1.0) as u32;
    first / TILE..last / TILE + 1
}

/// Tiles of one row that the ellipse can reach.
pub fn tile_span(p: &Projected, row: u32, width: u32) -> Range<u32> {
    let [a, b, c, cutoff] = p.conic;
    let det = a * c - b * b;
    let top = (row * TILE) as f32 + 0.5 - p.centre[1];
    let bottom = top + (TILE - 1) as f32;
    let reach = (cutoff * a / det).sqrt();
    if top > reach || bottom < -reach {
        return 0..0;
    }
    let tilt = -b / c * (cutoff * c / det).sqrt();
    let clamp = |y: f32| y.max(top.max(-reach)).min(bottom.min(reach));
    let half = |y: f32| (a * cutoff - det * y * y).max(0.0).sqrt();
    let (y_right, y_left) = (clamp(tilt), clamp(-tilt));
    let right = (-b * y_right + half(y_right)) / a;
    let left = (-b * y_left - half(y_left)) / a;
    pixels_to_tiles(
        (p.centre[0] + left - 0.5).ceil(),
        (p.centre[0] + right - 0.5).floor(),
        width,
    )
}

/// Tiles that a projected splat touches, in the order of its slots.
pub fn tiles(p: &Projected, size: [u32; 2]) -> Vec<u32> {
    let across = size[0].div_ceil(TILE);
    tile_rows(p, size[1])
        .flat_map(|row| tile_span(p, row, size[0]).map(move |column| row * across + column))
        .collect()
}

/// Tile, then depth.
fn key(p: &Projected, tile: u32, params: &EmitParams) -> u32 {
    let z = p.centre[2].max(params.near);
    let depth = (z.to_bits() - params.near.to_bits()) >> params.depth_shift;
    tile << params.depth_bits | depth.min((1 << params.depth_bits) - 1)
}

/// Keys, slots and owners of all instances, cut at the capacity.
pub fn emit(projected: &[Projected], params: &EmitParams) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let (mut keys, mut owners) = (Vec::new(), Vec::new());
    for (i, p) in projected.iter().enumerate() {
        for tile in tiles(p, params.size) {
            keys.push(key(p, tile, params));
            owners.push(i as u32);
        }
    }
    keys.truncate(params.capacity as usize);
    owners.truncate(params.capacity as usize);
    let slots = (0..keys.len() as u32).collect();
    (keys, slots, owners)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: EmitParams = call.params();
    let (projected, offsets): (&[Projected], &[u32]) = (call.read(0), call.read(1));
    let [keys, values, owners, most] = [2, 3, 4, 5].map(|i| call.write::<u32>(i));
    most[0] = most[0].max(offsets[p.n as usize]);
    for i in 0..p.n {
        let seen = &projected[i as usize];
        for (slot, tile) in (offsets[i as usize]..).zip(tiles(seen, p.size)) {
            if slot < p.capacity {
                let at = slot as usize;
                (keys[at], values[at], owners[at]) = (key(seen, tile, &p), slot, i);
            }
        }
    }
}
