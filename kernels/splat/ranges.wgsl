// Finds where each tile's instances begin and end in the sorted keys; `ranges` is zeroed before.

struct Params { capacity: u32, count_at: u32, depth_bits: u32, pad: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> count: array<u32>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    let n = min(count[params.count_at], params.capacity);
    if i >= n {
        return;
    }
    let tile = keys[i] >> params.depth_bits;
    if i == 0u || (keys[i - 1u] >> params.depth_bits) != tile {
        ranges[tile].x = i;
    }
    if i + 1u == n || (keys[i + 1u] >> params.depth_bits) != tile {
        ranges[tile].y = i + 1u;
    }
}
