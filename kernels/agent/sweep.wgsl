// What moving capsules first touch, one thread a capsule; see kernels/shared/capsule.wgsl.
struct Params {
    origin: vec4<f32>,
    dims: vec4<u32>,
    capsules: u32,
    stop_unknown: u32,
    pad: vec2<u32>,
}
struct Capsule {
    middle: vec4<f32>,   // and its height
    motion: vec4<f32>,   // and its radius
}
struct Met {
    normal: vec4<f32>,   // and the share of the motion before
    state: u32,
    voxel: u32,
    pad: vec2<u32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tags: array<u32>;
@group(0) @binding(2) var<storage, read> masks: array<u32>;
@group(0) @binding(3) var<storage, read> blocks: array<u32>;
@group(0) @binding(4) var<storage, read> regions: array<u32>;
@group(0) @binding(5) var<storage, read> capsules: array<Capsule>;
@group(0) @binding(6) var<storage, read_write> contacts: array<Met>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= params.capsules) {
        return;
    }
    let c = capsules[i];
    let middle = sane(c.middle.x) && sane(c.middle.y) && sane(c.middle.z);
    let motion = sane(c.motion.x) && sane(c.motion.y) && sane(c.motion.z);
    if (!middle || !motion || !sane(c.middle.w) || !sane(c.motion.w) || c.middle.w < 0.0 || !(c.motion.w > 0.0)) {
        contacts[i] = Met(vec4<f32>(0.0), INVALID, NOWHERE, vec2<u32>(0u));
        return;
    }
    let grid = Grid(params.origin.xyz, params.origin.w, params.dims.xyz);
    let per = params.origin.w;
    let half = max(0.5 * c.middle.w - c.motion.w, 0.0) * per;
    let moving = Moving((c.middle.xyz - params.origin.xyz) * per, c.motion.xyz * per, half, c.motion.w * per);
    let found = touch(grid, moving, params.stop_unknown != 0u);
    contacts[i] = Met(vec4<f32>(found.normal, found.t), found.state, found.voxel, vec2<u32>(0u));
}
