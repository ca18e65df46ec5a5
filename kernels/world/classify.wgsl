// Evidence to states: 0 unknown, 1 free, 2 solid; two bits a voxel, 16 voxels a word, one thread a word.
// Evidence that is not finite says nothing. Solid where the mean distance lies within [-2.25, .25] voxels and the views of a
// surface outweigh those that see through. The floor is a face of voxels, so middles lie halves of a voxel from it: limits
// of whole halves would leave its voxels to rounding and noise.
struct Params {
    voxels: u32,
    voxel: f32,
    occupied: f32,
    free: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> evidence: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> states: array<u32>;

fn state(e: vec4<f32>) -> u32 {
    if (any((bitcast<vec4<u32>>(e) & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u))) {
        return 0u;
    }
    let free = params.free * e.z;
    if (e.y > 0.0) {
        let mean = e.x / e.y;
        if (mean > 0.25 * params.voxel) {
            return 1u;
        }
        if (mean >= -2.25 * params.voxel && params.occupied * e.w > free) {
            return 2u;
        }
        if (e.z > 0.0 && params.occupied * e.w <= free) {
            return 1u;
        }
        return 0u;
    }
    return select(0u, 1u, e.z > 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let word = (wg.y * groups.x + wg.x) * 64u + local;
    if (word * 16u >= params.voxels) {
        return;
    }
    var bits = 0u;
    for (var k = 0u; k < 16u; k++) {
        let i = word * 16u + k;
        if (i < params.voxels) {
            bits |= state(evidence[i]) << (2u * k);
        }
    }
    states[word] = bits;
}
