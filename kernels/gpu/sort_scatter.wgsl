// Radix sort, moving half: each key and value to its place by one 6-bit digit, equal digits in their old order.
// `histogram` holds the exclusive prefix sum of what gpu/sort_count wrote, digit-major.

struct Params { capacity: u32, shift: u32, blocks: u32, count_at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> count: array<u32>;
@group(0) @binding(2) var<storage, read> histogram: array<u32>;
@group(0) @binding(3) var<storage, read> keys: array<u32>;
@group(0) @binding(4) var<storage, read> values: array<u32>;
@group(0) @binding(5) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(6) var<storage, read_write> values_out: array<u32>;

const LANES: u32 = 64u;
const ITEMS: u32 = 32u;

var<workgroup> places: array<u32, 4096>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = min(count[params.count_at], params.capacity);
    if block >= params.blocks || block * LANES * ITEMS >= n {
        return;
    }
    for (var digit = 0u; digit < 64u; digit++) {
        places[digit * LANES + lane] = 0u;
    }
    let first = min((block * LANES + lane) * ITEMS, n);
    let last = min(first + ITEMS, n);
    for (var i = first; i < last; i++) {
        places[((keys[i] >> params.shift) & 63u) * LANES + lane] += 1u;
    }
    workgroupBarrier();
    var running = histogram[lane * params.blocks + block];
    for (var i = 0u; i < LANES; i++) {
        let here = places[lane * LANES + i];
        places[lane * LANES + i] = running;
        running += here;
    }
    workgroupBarrier();
    for (var i = first; i < last; i++) {
        let key = keys[i];
        let at = ((key >> params.shift) & 63u) * LANES + lane;
        let place = places[at];
        places[at] = place + 1u;
        keys_out[place] = key;
        values_out[place] = values[i];
    }
}
