// Gradient of splat/project by all parameters of a splat, from the sums over its slots.
// Ye et al., "gsplat", arXiv 2409.06765, appendix on the backward pass; here the affine map times the scaled
// rotation is kept as two rows b0, b1, so that the covariance is their Gram matrix.

struct Params {
    row_x: vec4<f32>,
    row_y: vec4<f32>,
    row_z: vec4<f32>,
    focal: vec4<f32>,
    limits: vec4<f32>,
    size: vec2<u32>,
    n: u32,
    sh_degree: u32,
    near: f32,
    capacity: u32, // slots
    first: u32,    // slot of the first of the moments: splats whose slots begin here ...
    last: u32,     // ... and before here are done
}

struct Moments { a: vec4<f32>, b: vec4<f32>, c: vec4<f32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> splats: array<Splat>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> moments: array<Moments>;
@group(0) @binding(4) var<storage, read_write> grads: array<Splat>; // log_scale.w: sum of blending weights, -1 when unseen

const SH0: f32 = 0.28209479177387814;
const SH1: f32 = 0.4886025119029199;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i >= params.n || offsets[i] < params.first || offsets[i] >= params.last {
        return;
    }
    var g: Splat;
    let first = min(offsets[i], params.capacity);
    let last = min(offsets[i + 1u], params.capacity);
    if first >= last {
        g.log_scale.w = -1.0;
        grads[i] = g;
        return;
    }
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    var rgb = vec4<f32>(0.0);
    for (var slot = first - params.first; slot < last - params.first; slot++) {
        a += moments[slot].a;
        b += moments[slot].b;
        rgb += moments[slot].c;
    }
    let s = splats[i];

    // Forward again. A splat with slots passed every test of splat/project.
    let row_x = params.row_x.xyz;
    let row_y = params.row_y.xyz;
    let row_z = params.row_z.xyz;
    let d = s.centre.xyz - vec3<f32>(params.row_x.w, params.row_y.w, params.row_z.w);
    let x = dot(row_x, d);
    let y = dot(row_y, d);
    let z = dot(row_z, d);
    let norm = sqrt(dot(s.rotation, s.rotation));
    let q = s.rotation / norm;
    let scale = exp(s.log_scale.xyz);
    let r0 = vec3<f32>(1.0 - 2.0 * (q.z * q.z + q.w * q.w), 2.0 * (q.y * q.z + q.x * q.w), 2.0 * (q.y * q.w - q.x * q.z));
    let r1 = vec3<f32>(2.0 * (q.y * q.z - q.x * q.w), 1.0 - 2.0 * (q.y * q.y + q.w * q.w), 2.0 * (q.z * q.w + q.x * q.y));
    let r2 = vec3<f32>(2.0 * (q.y * q.w + q.x * q.z), 2.0 * (q.z * q.w - q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z));
    let m0 = scale.x * r0;
    let m1 = scale.y * r1;
    let m2 = scale.z * r2;
    let u = clamp(x / z, params.limits.x, params.limits.y);
    let v = clamp(y / z, params.limits.z, params.limits.w);
    let a0 = params.focal.x / z * (row_x - u * row_z);
    let a1 = params.focal.y / z * (row_y - v * row_z);
    let b0 = vec3<f32>(dot(a0, m0), dot(a0, m1), dot(a0, m2));
    let b1 = vec3<f32>(dot(a1, m0), dot(a1, m1), dot(a1, m2));
    let cxx = dot(b0, b0) + 0.3;
    let cxy = dot(b0, b1);
    let cyy = dot(b1, b1) + 0.3;
    let det = cxx * cyy - cxy * cxy;
    let ca = cyy / det;
    let cb = -cxy / det;
    let cc = cxx / det;
    let opacity = 1.0 / (1.0 + exp(-s.centre.w));

    // Opacity: alpha = opacity * exp(..), so the sum of s is opacity times the gradient by opacity.
    g.centre.w = (1.0 - opacity) * a.x;
    // Image position.
    let du = ca * a.y + cb * a.z;
    let dv = cb * a.y + cc * a.z;
    // Conic as a symmetric matrix Q, then its inverse: H = -Q G Q.
    let ga = -0.5 * a.w;
    let gb = -0.5 * b.x;
    let gc = -0.5 * b.y;
    let p0 = ca * ga + cb * gb;
    let p1 = ca * gb + cb * gc;
    let p2 = cb * ga + cc * gb;
    let p3 = cb * gb + cc * gc;
    let hxx = -(p0 * ca + p1 * cb);
    let hxy = -(p0 * cb + p1 * cc);
    let hyy = -(p2 * cb + p3 * cc);
    let db0 = 2.0 * (hxx * b0 + hxy * b1);
    let db1 = 2.0 * (hxy * b0 + hyy * b1);
    let da0 = m0 * db0.x + m1 * db0.y + m2 * db0.z;
    let da1 = m0 * db1.x + m1 * db1.y + m2 * db1.z;
    let dm0 = a0 * db0.x + a1 * db1.x;
    let dm1 = a0 * db0.y + a1 * db1.y;
    let dm2 = a0 * db0.z + a1 * db1.z;
    g.log_scale = vec4<f32>(dot(dm0, m0), dot(dm1, m1), dot(dm2, m2), b.w);
    // Rotation, then through the normalisation.
    let e0 = dm0 * scale.x;
    let e1 = dm1 * scale.y;
    let e2 = dm2 * scale.z;
    let dq = 2.0 * vec4<f32>(
        q.w * (e0.y - e1.x) + q.z * (e2.x - e0.z) + q.y * (e1.z - e2.y),
        q.z * (e0.y + e1.x) + q.w * (e0.z + e2.x) + q.x * (e1.z - e2.y) - 2.0 * q.y * (e1.y + e2.z),
        q.y * (e0.y + e1.x) + q.w * (e1.z + e2.y) + q.x * (e2.x - e0.z) - 2.0 * q.z * (e0.x + e2.z),
        q.y * (e0.z + e2.x) + q.z * (e1.z + e2.y) + q.x * (e0.y - e1.x) - 2.0 * q.w * (e0.x + e1.y));
    g.rotation = (dq - q * dot(q, dq)) / norm;
    // Camera-space position: through the image position, the affine map and the depth.
    var dx = du * params.focal.x / z;
    var dy = dv * params.focal.y / z;
    var dz = b.z - (du * params.focal.x * x + dv * params.focal.y * y) / (z * z) - (dot(da0, a0) + dot(da1, a1)) / z;
    let along_u = -params.focal.x / z * dot(da0, row_z);
    let along_v = -params.focal.y / z * dot(da1, row_z);
    if u == x / z {
        dx += along_u / z;
        dz -= along_u * x / (z * z);
    }
    if v == y / z {
        dy += along_v / z;
        dz -= along_v * y / (z * z);
    }
    var at = row_x * dx + row_y * dy + row_z * dz;
    // Colour, and the view direction in it.
    let far = sqrt(dot(d, d));
    let dir = d / far;
    let c1 = vec3<f32>(s.sh[0].w, s.sh[1].x, s.sh[1].y);
    let c2 = vec3<f32>(s.sh[1].z, s.sh[1].w, s.sh[2].x);
    let c3 = vec3<f32>(s.sh[2].y, s.sh[2].z, s.sh[2].w);
    var colour = 0.5 + SH0 * vec3<f32>(s.sh[0].x, s.sh[0].y, s.sh[0].z);
    if params.sh_degree > 0u {
        colour += SH1 * (-dir.y * c1 + dir.z * c2 - dir.x * c3);
    }
    let shown = select(vec3<f32>(0.0), rgb.xyz, colour > vec3<f32>(0.0));
    let g0 = SH0 * shown;
    if params.sh_degree > 0u {
        let g1 = -SH1 * dir.y * shown;
        let g2 = SH1 * dir.z * shown;
        let g3 = -SH1 * dir.x * shown;
        g.sh[0] = vec4<f32>(g0, g1.x);
        g.sh[1] = vec4<f32>(g1.y, g1.z, g2.x, g2.y);
        g.sh[2] = vec4<f32>(g2.z, g3.x, g3.y, g3.z);
        let by_dir = SH1 * vec3<f32>(-dot(shown, c3), -dot(shown, c1), dot(shown, c2));
        at += (by_dir - dir * dot(dir, by_dir)) / far;
    } else {
        g.sh[0] = vec4<f32>(g0, 0.0);
    }
    g.centre = vec4<f32>(at, g.centre.w);
    grads[i] = g;
}
