// Radix sort, moving half: each key and value to its place by one 8-bit digit, equal digits in their old order.
// `histogram` holds the exclusive prefix sum of what gpu/sort_count wrote, digit-major. Counts as there; they
// become each lane's places within the block.

struct Params { at: u32, shift: u32, mask: u32, pad: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> histogram: array<u32>;
@group(0) @binding(3) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(6) var<storage, read_write> values_out: array<u32>;

const LANES: u32 = 32u;
const QUADS: u32 = 32u;
const BLOCK: u32 = 4096u;
const ROW: u32 = 33u;

var<workgroup> counts: array<u32, 4224>;
var<workgroup> base: array<u32, 256>;

fn tally(key: u32, lane: u32, valid: bool) {
    let digit = (key >> params.shift) & params.mask;
    counts[(digit >> 1u) * ROW + lane] += select(0u, 1u << ((digit & 1u) * 16u), valid);
}

fn move_pair(key: u32, value: u32, lane: u32) {
    let digit = (key >> params.shift) & params.mask;
    let at = (digit >> 1u) * ROW + lane;
    let half = (digit & 1u) * 16u;
    let here = counts[at];
    counts[at] = here + (1u << half);
    let place = base[digit] + ((here >> half) & 0xffffu);
    keys_out[place] = key;
    values_out[place] = value;
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
    for (var digit = lane; digit < 256u; digit += LANES) {
        if block < blocks {
            base[digit] = histogram[digit * blocks + block];
        }
    }
    workgroupBarrier();
    // Both halves at once: a block's counts stay under 2^16.
    for (var row = lane; row < 128u; row += LANES) {
        var running = 0u;
        for (var i = 0u; i < LANES; i++) {
            let here = counts[row * ROW + i];
            counts[row * ROW + i] = running;
            running += here;
        }
    }
    workgroupBarrier();
    for (var q = first; q < last; q++) {
        let key = keys[q];
        let value = values[q];
        let left = n - q * 4u;
        move_pair(key.x, value.x, lane);
        if left > 1u {
            move_pair(key.y, value.y, lane);
        }
        if left > 2u {
            move_pair(key.z, value.z, lane);
        }
        if left > 3u {
            move_pair(key.w, value.w, lane);
        }
    }
}
