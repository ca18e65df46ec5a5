// Views that see through a solid voxel, one thread a voxel of the list: a view counts where all five pixels on and two
// voxels around the projected centre hold a surface more than `margin` behind it, so that edges and grazing floors
// do not count. seen: number of views, and 1 + the nearest of them (0: none), its distance as f32 bits in z.
struct Params {
    origin: vec4<f32>,
    dims: vec4<u32>,
    voxels: u32,
    views: u32,
    first_view: u32,
    margin: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> list: array<u32>;
@group(0) @binding(2) var<storage, read> views: array<View>;
@group(0) @binding(3) var<storage, read> depth: array<f32>;
@group(0) @binding(4) var<storage, read_write> seen: array<vec4<u32>>;

fn beyond(view: View, u: f32, v: f32, z: f32) -> bool {
    if (!(u >= 0.0 && v >= 0.0 && u < f32(view.size.x) && v < f32(view.size.y))) {
        return false;
    }
    return depth[view.size.z + u32(v) * view.size.x + u32(u)] > z + params.margin;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= params.voxels) {
        return;
    }
    let at = list[i];
    let cell = vec3<u32>(at % params.dims.x, at / params.dims.x % params.dims.y, at / params.dims.x / params.dims.y);
    let voxel = params.origin.w;
    let centre = params.origin.xyz + (vec3<f32>(cell) + 0.5) * voxel;
    var answer = vec4<u32>(0u);
    if (params.first_view > 0u) {
        answer = seen[i];
    }
    for (var k = 0u; k < params.views; k++) {
        let view = views[k];
        let p = to_camera(view, centre);
        if (p.z < 2.0 * voxel) {
            continue;
        }
        let u = view.intrinsics.x * p.x / p.z + view.intrinsics.z;
        let v = view.intrinsics.y * p.y / p.z + view.intrinsics.w;
        let du = view.intrinsics.x * 2.0 * voxel / p.z;
        let dv = view.intrinsics.y * 2.0 * voxel / p.z;
        if (beyond(view, u, v, p.z) && beyond(view, u - du, v, p.z) && beyond(view, u + du, v, p.z)
                && beyond(view, u, v - dv, p.z) && beyond(view, u, v + dv, p.z)) {
            answer.x += 1u;
            if (answer.y == 0u || p.z < bitcast<f32>(answer.z)) {
                answer.y = params.first_view + k + 1u;
                answer.z = bitcast<u32>(p.z);
            }
        }
    }
    seen[i] = answer;
}
