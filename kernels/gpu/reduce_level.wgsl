// Segmented reduction, tree half: each lane combines 32 consecutive elements of a level, in order, into one
// element of the next. `source` is the values for the first level and the other tree buffer for the rest.

struct Params { n: u32, at: u32, op: u32, source_at: u32, tree_at: u32, pad: u32, pad2: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> tree: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let at = (wg.y * groups.x + wg.x) * 64u + lane;
    let n = min(sizes[params.at].w, params.n);
    let first = at * 32u;
    if at > 0x07ffffffu || first >= n {
        return;
    }
    let last = min(first + 32u, n);
    var sum = empty(params.op);
    for (var i = first; i < last; i++) {
        sum = combine(sum, source[params.source_at + i], params.op);
    }
    tree[params.tree_at + at] = sum;
}
