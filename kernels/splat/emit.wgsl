// Writes one (key, slot) pair for each tile a splat touches. Key: tile, then depth; the 32-bit key of VkSplat
// (arXiv 2605.00219). A splat's slots are contiguous, so its gradients are summed later without atomics.

struct Params {
    size: vec2<u32>,   // image width, height
    n: u32,
    capacity: u32,
    near: f32,
    depth_bits: u32,
    depth_shift: u32,  // drops the low bits of the depth's f32 pattern
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> projected: array<Projected>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys: array<u32>;
@group(0) @binding(4) var<storage, read_write> values: array<u32>;
@group(0) @binding(5) var<storage, read_write> owners: array<u32>;
@group(0) @binding(6) var<storage, read_write> most: array<u32>; // the most instances any frame asked for

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i == 0u {
        most[0] = max(most[0], offsets[params.n]);
    }
    if i >= params.n {
        return;
    }
    let p = projected[i];
    var slot = offsets[i];
    // Positive floats order as their bit patterns do.
    let depth = min((bitcast<u32>(max(p.centre.z, params.near)) - bitcast<u32>(params.near)) >> params.depth_shift,
        (1u << params.depth_bits) - 1u);
    let tiles_x = (params.size.x + TILE - 1u) / TILE;
    let rows = tile_rows(p, params.size.y);
    for (var row = rows.x; row < rows.y; row++) {
        let span = tile_span(p, row, params.size.x);
        for (var column = span.x; column < span.y; column++) {
            if slot < params.capacity {
                keys[slot] = ((row * tiles_x + column) << params.depth_bits) | depth;
                values[slot] = slot;
                owners[slot] = i;
            }
            slot++;
        }
    }
}
