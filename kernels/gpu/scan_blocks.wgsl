// Exclusive prefix sum within blocks of 1024, in place; each block's total goes to `sums`.
// Hillis and Steele, "Data parallel algorithms", CACM 29(12), 1986, over per-lane serial sums.

struct Params { n: u32, pad: u32, pad2: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> data: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;

const LANES: u32 = 64u;
const ITEMS: u32 = 16u;

var<workgroup> partial: array<u32, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let first = min((block * LANES + lane) * ITEMS, params.n);
    let last = min(first + ITEMS, params.n);
    var total = 0u;
    for (var i = first; i < last; i++) {
        total += data[i];
    }
    partial[lane] = total;
    for (var step = 1u; step < LANES; step *= 2u) {
        workgroupBarrier();
        var left = 0u;
        if lane >= step {
            left = partial[lane - step];
        }
        workgroupBarrier();
        partial[lane] += left;
    }
    workgroupBarrier();
    var running = partial[lane] - total;
    for (var i = first; i < last; i++) {
        let value = data[i];
        data[i] = running;
        running += value;
    }
    if lane == LANES - 1u && block * LANES * ITEMS < params.n {
        sums[block] = partial[lane];
    }
}
