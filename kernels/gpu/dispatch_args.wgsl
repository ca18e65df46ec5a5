// Turns an element count in a buffer into the workgroup counts of indirect dispatches, one for each level of a
// tree: level l + 1 has one element for every `shrink` elements of level l. Folded into y past 65,535 groups.
// The last word of each is the level's number of elements, which the dispatched kernel reads.

struct Params {
    count_at: u32, cap: u32, per: u32, times: u32,
    per_group: u32, shrink: u32, levels: u32, least: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> count: array<u32>;
@group(0) @binding(2) var<storage, read_write> args: array<vec4<u32>>;

fn parts(n: u32, size: u32) -> u32 {
    return n / size + u32(n % size != 0u);
}

@compute @workgroup_size(1)
fn main() {
    var n = parts(min(count[params.count_at], params.cap), params.per) * params.times;
    for (var level = 0u; level < params.levels; level++) {
        let groups = max(parts(n, params.per_group), params.least);
        let x = min(groups, 65535u);
        args[level] = vec4(x, max(parts(groups, max(x, 1u)), 1u), 1u, n);
        n = parts(n, params.shrink);
    }
}
