// Segmented reduction, query half: one lane a segment. It climbs the tree while blocks of 32 lie wholly inside,
// taking what sticks out on the left and on the right of each level, then adds the right sides from the top down:
// the order is that of the elements, and depends on the segment's ends alone. At most 62 elements a level.

struct Params { n: u32, at: u32, op: u32, values: u32, starts: array<vec4<u32>, 2> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<u32>;
@group(0) @binding(4) var<storage, read> odd: array<u32>;
@group(0) @binding(5) var<storage, read> even: array<u32>;
@group(0) @binding(6) var<storage, read_write> results: array<u32>;

fn element(level: u32, i: u32) -> u32 {
    if level == 0u {
        return values[i];
    }
    let at = params.starts[level / 4u][level % 4u] + i;
    if (level & 1u) == 1u {
        return odd[at];
    }
    return even[at];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let segment = (wg.y * groups.x + wg.x) * 64u + lane;
    let n = min(sizes[params.at].w, params.n);
    if segment >= n {
        return;
    }
    let op = params.op;
    let end = min(offsets[segment + 1u], params.values);
    var first = min(offsets[segment], end);
    var last = end;
    var sum = empty(op);
    var level = 0u;
    // Left sides, bottom up, while at least one whole block is inside.
    loop {
        let inner_first = (first + 31u) / 32u;
        let inner_last = last / 32u;
        if inner_first >= inner_last {
            break;
        }
        for (; first < inner_first * 32u; first++) {
            sum = combine(sum, element(level, first), op);
        }
        first = inner_first;
        last = inner_last;
        level++;
    }
    for (; first < last; first++) {
        sum = combine(sum, element(level, first), op);
    }
    // Right sides, top down.
    for (; level > 0u; level--) {
        let below = end >> (5u * (level - 1u));
        for (var i = (below / 32u) * 32u; i < below; i++) {
            sum = combine(sum, element(level - 1u, i), op);
        }
    }
    results[segment] = sum;
}
