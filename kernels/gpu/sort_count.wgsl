// Radix sort, counting half: how many keys of each block of 2048 have each 6-bit digit.
// Each lane counts its own 32 consecutive keys in its own column, so nothing is atomic and the order is stable.
// Zagha and Blelloch, "Radix sort for vector multiprocessors", Supercomputing 1991.

struct Params { capacity: u32, shift: u32, blocks: u32, count_at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> count: array<u32>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> histogram: array<u32>;

const LANES: u32 = 64u;
const ITEMS: u32 = 32u;

var<workgroup> counts: array<u32, 4096>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    if block >= params.blocks {
        return;
    }
    let n = min(count[params.count_at], params.capacity);
    if block * LANES * ITEMS >= n {
        histogram[lane * params.blocks + block] = 0u;
        return;
    }
    for (var digit = 0u; digit < 64u; digit++) {
        counts[digit * LANES + lane] = 0u;
    }
    let first = min((block * LANES + lane) * ITEMS, n);
    let last = min(first + ITEMS, n);
    for (var i = first; i < last; i++) {
        counts[((keys[i] >> params.shift) & 63u) * LANES + lane] += 1u;
    }
    workgroupBarrier();
    var total = 0u;
    for (var i = 0u; i < LANES; i++) {
        total += counts[lane * LANES + i];
    }
    histogram[lane * params.blocks + block] = total;
}
