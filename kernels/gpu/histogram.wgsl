// Counts the keys of each block of 8192 in workgroup memory, then adds the counts to `bins`. Integer sums are
// free of order, so atomics give the same counts in every run.

struct Params { n: u32, at: u32, shift: u32, mask: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> quads: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> keys: array<u32>;
@group(0) @binding(4) var<storage, read_write> bins: array<atomic<u32>>;

const LANES: u32 = 128u;
const BLOCK: u32 = 8192u;

var<workgroup> counts: array<atomic<u32>, 4096>;

fn tally(key: u32) {
    atomicAdd(&counts[(key >> params.shift) & params.mask], 1u);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = min(sizes[params.at].w, params.n);
    let first = block * BLOCK;
    if first + BLOCK <= n {
        for (var k = 0u; k < BLOCK / 4u; k += LANES) {
            let quad = quads[block * (BLOCK / 4u) + k + lane];
            tally(quad.x);
            tally(quad.y);
            tally(quad.z);
            tally(quad.w);
        }
    } else {
        for (var i = first + lane; i < n; i += LANES) {
            tally(keys[i]);
        }
    }
    workgroupBarrier();
    for (var bin = lane; bin <= params.mask; bin += LANES) {
        let here = atomicLoad(&counts[bin]);
        if here != 0u {
            atomicAdd(&bins[bin], here);
        }
    }
}
