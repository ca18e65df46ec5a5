// Radix sort, counting half: how many keys of each block of 4096 have each 8-bit digit.
// Each lane counts its own 128 consecutive keys in its own column, so nothing is atomic, no subgroup operation is
// used and the order is stable. A word holds the counts of two digits; a row has one word of padding for the banks.
// Zagha and Blelloch, "Radix sort for vector multiprocessors", Supercomputing 1991.

struct Params { at: u32, shift: u32, mask: u32, pad: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> histogram: array<u32>;

const LANES: u32 = 32u;
const QUADS: u32 = 32u;
const BLOCK: u32 = 4096u;
const ROW: u32 = 33u;

var<workgroup> counts: array<u32, 4224>;

fn tally(key: u32, lane: u32, valid: bool) {
    let digit = (key >> params.shift) & params.mask;
    counts[(digit >> 1u) * ROW + lane] += select(0u, 1u << ((digit & 1u) * 16u), valid);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = sizes[params.at].w;
    let blocks = (n + BLOCK - 1u) / BLOCK;
    let first = (block * LANES + lane) * QUADS;
    let last = min(first + QUADS, (n + 3u) / 4u);
    for (var q = first; q < last; q++) {
        let quad = keys[q];
        let left = n - q * 4u;
        tally(quad.x, lane, true);
        tally(quad.y, lane, left > 1u);
        tally(quad.z, lane, left > 2u);
        tally(quad.w, lane, left > 3u);
    }
    workgroupBarrier();
    if block >= blocks {
        return;
    }
    for (var row = lane; row < 128u; row += LANES) {
        var total = 0u;
        for (var i = 0u; i < LANES; i++) {
            total += counts[row * ROW + i];
        }
        histogram[row * 2u * blocks + block] = total & 0xffffu;
        histogram[(row * 2u + 1u) * blocks + block] = total >> 16u;
    }
}
