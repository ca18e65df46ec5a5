// Whether neighbouring lanes of a workgroup can give one another values in eights, as kernels of that tier do: eight
// lanes in a row lie in one subgroup, at a multiple of eight, in order. 1 where an invocation found it so.

struct Params { n: u32, pad: u32, pad2: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> found: array<u32>;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) local: u32,
        @builtin(subgroup_invocation_id) sg: u32, @builtin(subgroup_size) size: u32) {
    let lane = sg & 7u;
    let base = sg - lane;
    var good = size >= 8u && lane == (local & 7u);
    for (var k = 0u; k < 8u; k++) {
        good = good && subgroupShuffle(local, base + k) == local - (local & 7u) + k;
    }
    for (var step = 1u; step < 8u; step *= 2u) {
        good = good && subgroupShuffleXor(local, step) == (local ^ step);
    }
    good = good && subgroupMax(local) >= local && subgroupAll(true);
    let at = wg.x * 32u + local;
    if at < params.n {
        found[at] = u32(good);
    }
}
