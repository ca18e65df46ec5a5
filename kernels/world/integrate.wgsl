// Truncated signed distance (Curless and Levoy 1996, point-to-plane) and free-space votes (as OctoMap, Hornung et al.
// 2013), one thread a voxel, looping over views. Point-to-plane distance keeps grazing floors whole: along the
// ray a voxel half a voxel above a floor lies many voxels in front of it.
// evidence: sum of weight * distance, sum of weights, views that see through, views with the surface at the voxel.
struct Params {
    origin: vec4<f32>,
    dims: vec4<u32>,
    views: u32,
    reset: u32,
    truncation: f32,
    first: u32, // voxel of the first evidence; dims.w of them
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> views: array<View>;
@group(0) @binding(2) var<storage, read> surface: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> evidence: array<vec4<f32>>;

// Whether the view sees a surface at a camera-space point.
fn goes_on(view: View, p: vec3<f32>) -> bool {
    if (p.z <= 0.0) {
        return false;
    }
    let u = view.intrinsics.x * p.x / p.z + view.intrinsics.z;
    let v = view.intrinsics.y * p.y / p.z + view.intrinsics.w;
    if (!(u >= 0.0 && v >= 0.0 && u < f32(view.size.x) && v < f32(view.size.y))) {
        return false;
    }
    let depth = surface[view.size.z + u32(v) * view.size.x + u32(u)].w;
    return depth > 0.0 && abs(depth - p.z) <= params.truncation;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= params.dims.w) {
        return;
    }
    let v = params.first + i;
    let cell = vec3<u32>(v % params.dims.x, v / params.dims.x % params.dims.y, v / params.dims.x / params.dims.y);
    let voxel = params.origin.w;
    let centre = params.origin.xyz + (vec3<f32>(cell) + 0.5) * voxel;
    let tau = params.truncation;
    var sum = vec4<f32>(0.0);
    if (params.reset == 0u) {
        sum = evidence[i];
    }
    for (var k = 0u; k < params.views; k++) {
        let view = views[k];
        let p = to_camera(view, centre);
        if (p.z < voxel) {
            continue;
        }
        let u = view.intrinsics.x * p.x / p.z + view.intrinsics.z;
        let v = view.intrinsics.y * p.y / p.z + view.intrinsics.w;
        if (!(u >= 0.0 && v >= 0.0 && u < f32(view.size.x) && v < f32(view.size.y))) {
            continue;
        }
        let px = u32(u);
        let py = u32(v);
        let s = surface[view.size.z + py * view.size.x + px];
        if (s.w <= 0.0) {
            continue;
        }
        let ahead = s.w - p.z;
        if (all(s.xyz == vec3<f32>(0.0))) {
            if (ahead > tau) {
                sum.z += 1.0;
            }
            continue;
        }
        let q = vec3<f32>((f32(px) + 0.5 - view.intrinsics.z) / view.intrinsics.x,
            (f32(py) + 0.5 - view.intrinsics.w) / view.intrinsics.y, 1.0) * s.w;
        let distance = dot(s.xyz, p - q);
        if (distance > tau) {
            sum.z += 1.0;
        } else if (distance >= -tau && ahead > -4.0 * tau) {
            // Behind a grazing plane: the plane must go on there, or the voxel lies past its end.
            if (ahead < -voxel && !goes_on(view, p - s.xyz * distance)) {
                continue;
            }
            // A network's error grows with depth.
            var weight = min(8.0 * voxel / s.w, 1.0);
            if (distance < -voxel) {
                weight *= (tau + distance) / (tau - voxel);
            }
            sum.x += weight * distance;
            sum.y += weight;
            if (distance <= voxel) {
                sum.w += 1.0;
            }
        }
    }
    evidence[i] = sum;
}
