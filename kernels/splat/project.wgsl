// Projects splats to the image and counts the tiles each touches.
// EWA splatting: Zwicker et al., "EWA volume splatting", VIS 2001; low-pass 0.3 px and the clamp of the local
// affine map as in Kerbl et al., "3D Gaussian splatting", SIGGRAPH 2023.

struct Params {
    row_x: vec4<f32>,  // world-to-camera rotation, row by row; w: the camera's centre x, y, z
    row_y: vec4<f32>,
    row_z: vec4<f32>,
    focal: vec4<f32>,  // fx, fy, cx, cy in pixels
    limits: vec4<f32>, // least and greatest x/z, then y/z, for the affine map
    size: vec2<u32>,   // image width, height
    n: u32,
    sh_degree: u32, // that counts now
    near: f32,
    capacity: u32,
    first: u32,
    last: u32,
    planes: u32, // of coefficients
    pad: u32,
    pad2: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> splats: array<Splat>;
@group(0) @binding(2) var<storage, read> sh: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> projected: array<Projected>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

fn project(i: u32) -> Projected {
    let s = splats[i];
    var none: Projected;
    none.conic.w = -1.0;
    let d = s.centre.xyz - vec3<f32>(params.row_x.w, params.row_y.w, params.row_z.w);
    let x = dot(params.row_x.xyz, d);
    let y = dot(params.row_y.xyz, d);
    let z = dot(params.row_z.xyz, d);
    let norm = dot(s.rotation, s.rotation);
    if !(z > params.near) || !finite(z) || !(norm > 0.0) || !finite(norm) || !(s.centre.w > -80.0) {
        return none;
    }
    let q = s.rotation / sqrt(norm);
    let scale = exp(s.log_scale.xyz);
    // Columns of the rotation, each times its standard deviation.
    let m0 = scale.x * vec3<f32>(1.0 - 2.0 * (q.z * q.z + q.w * q.w), 2.0 * (q.y * q.z + q.x * q.w), 2.0 * (q.y * q.w - q.x * q.z));
    let m1 = scale.y * vec3<f32>(2.0 * (q.y * q.z - q.x * q.w), 1.0 - 2.0 * (q.y * q.y + q.w * q.w), 2.0 * (q.z * q.w + q.x * q.y));
    let m2 = scale.z * vec3<f32>(2.0 * (q.y * q.w + q.x * q.z), 2.0 * (q.z * q.w - q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z));
    let u = clamp(x / z, params.limits.x, params.limits.y);
    let v = clamp(y / z, params.limits.z, params.limits.w);
    let a0 = params.focal.x / z * (params.row_x.xyz - u * params.row_z.xyz);
    let a1 = params.focal.y / z * (params.row_y.xyz - v * params.row_z.xyz);
    let b0 = vec3<f32>(dot(a0, m0), dot(a0, m1), dot(a0, m2));
    let b1 = vec3<f32>(dot(a1, m0), dot(a1, m1), dot(a1, m2));
    let cxx = dot(b0, b0) + 0.3;
    let cxy = dot(b0, b1);
    let cyy = dot(b1, b1) + 0.3;
    let det = cxx * cyy - cxy * cxy;
    let opacity = 1.0 / (1.0 + exp(-s.centre.w));
    if !(det > 0.0) || !finite(det) || !(opacity * 255.0 > 1.0) {
        return none;
    }
    let dir = d / sqrt(dot(d, d));
    let colour = sh_colour(sh_coefficients(i, params.sh_degree), harmonics(dir, params.sh_degree));
    if !finite(colour.x) || !finite(colour.y) || !finite(colour.z) {
        return none;
    }
    var out: Projected;
    out.centre = vec4<f32>(params.focal.x * x / z + params.focal.z, params.focal.y * y / z + params.focal.w, z, opacity);
    out.conic = vec4<f32>(cyy / det, -cxy / det, cxx / det, 2.0 * log(255.0 * opacity));
    out.colour = vec4<f32>(max(colour, vec3<f32>(0.0)), 0.0);
    return out;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i > params.n {
        return;
    }
    if i == params.n {
        // The prefix sum leaves the total here.
        counts[i] = 0u;
        return;
    }
    let p = project(i);
    projected[i] = p;
    var count = 0u;
    let rows = tile_rows(p, params.size.y);
    for (var row = rows.x; row < rows.y; row++) {
        let span = tile_span(p, row, params.size.x);
        count += span.y - span.x;
    }
    counts[i] = count;
}
