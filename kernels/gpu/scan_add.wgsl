// Second half of the prefix sum: adds to each block of 1024 the scanned total of the blocks before it.

struct Params { n: u32, pad: u32, pad2: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<u32>;
@group(0) @binding(2) var<storage, read_write> data: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    if block * 1024u >= params.n {
        return;
    }
    let before = sums[block];
    let first = min((block * 64u + lane) * 16u, params.n);
    let last = min(first + 16u, params.n);
    for (var i = first; i < last; i++) {
        data[i] += before;
    }
}
