// Gradient of splat/project by all parameters of a splat, from the sums over its slots, and one step of Adam (Kingma and Ba, ICLR 2015)
// by it, for the splats that this view saw: no gradient is kept.
// Ye et al., "gsplat", arXiv 2409.06765, appendix on the backward pass; here the affine map times the scaled
// rotation is kept as two rows b0, b1, so that the covariance is their Gram matrix. Each splat counts its own steps,
// so that the bias correction fits;
// coefficients that join later have the splat's own count, and so move some five times as fast at first, as in the reference implementation of
// Kerbl et al. A splat with a gradient that is not finite keeps its values.

struct Params {
    row_x: vec4<f32>,
    row_y: vec4<f32>,
    row_z: vec4<f32>,
    focal: vec4<f32>,
    limits: vec4<f32>,
    size: vec2<u32>,
    n: u32,
    sh_degree: u32, // that counts now
    near: f32,
    capacity: u32, // slots
    first: u32,    // slot of the first of the moments: splats whose slots begin here ...
    last: u32,     // ... and before here are done
    planes: u32,   // of coefficients
    pad: u32,
    pad2: vec2<u32>,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    centre: f32, // learning rates
    opacity: f32,
    scale: f32,
    rotation: f32,
    sh0: f32,
    sh1: f32, // of all coefficients above degree 0
    least: f32, // bounds of the logarithm of the scale
    most: f32,
    pad3: u32,
}

struct Moments { a: vec4<f32>, b: vec4<f32>, c: vec4<f32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> splats: array<Splat>;
@group(0) @binding(2) var<storage, read_write> sh: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> offsets: array<u32>;
@group(0) @binding(4) var<storage, read> moments: array<Moments>;
@group(0) @binding(5) var<storage, read_write> mean: array<Splat>;     // first moments of Adam; log_scale.w: steps
@group(0) @binding(6) var<storage, read_write> square: array<Splat>;   // second moments
@group(0) @binding(7) var<storage, read_write> sh_mean: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sh_square: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> credit: array<Credit>;

fn whole(v: vec4<f32>) -> bool {
    return finite(v.x) && finite(v.y) && finite(v.z) && finite(v.w);
}

// Adam for one vector: what it moves by at a rate of 1.
fn along(m: vec4<f32>, v: vec4<f32>, fix: vec2<f32>) -> vec4<f32> {
    return (m / fix.x) / (sqrt(v / fix.y) + params.epsilon);
}

fn adam(i: u32, plane: u32, g: vec4<f32>, rate: vec4<f32>, fix: vec2<f32>) {
    if plane >= params.planes {
        return;
    }
    let at = plane * params.n + i;
    let m = params.beta1 * sh_mean[at] + (1.0 - params.beta1) * g;
    let v = params.beta2 * sh_square[at] + (1.0 - params.beta2) * g * g;
    sh_mean[at] = m;
    sh_square[at] = v;
    sh[at] -= rate * along(m, v, fix);
}

// One step for four coefficients, whose gradients lie in the planes as they do.
fn adam_group(i: u32, group: u32, b: vec4<f32>, shown: vec3<f32>, lead: vec4<f32>, fix: vec2<f32>) {
    let rate = vec4<f32>(params.sh1);
    adam(i, 3u * group, vec4<f32>(b.x * shown, b.y * shown.x), lead, fix);
    adam(i, 3u * group + 1u, vec4<f32>(b.y * shown.yz, b.z * shown.xy), rate, fix);
    adam(i, 3u * group + 2u, vec4<f32>(b.z * shown.z, b.w * shown), rate, fix);
}

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
    g.log_scale = vec4<f32>(dot(dm0, m0), dot(dm1, m1), dot(dm2, m2), 0.0);
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
    let basis = harmonics(dir, params.sh_degree);
    let all = sh_coefficients(i, params.sh_degree);
    let shown = select(vec3<f32>(0.0), rgb.xyz, sh_colour(all, basis) > vec3<f32>(0.0));
    if params.sh_degree > 0u {
        let weights = Basis(sh_dots(all.a, shown), sh_dots(all.b, shown), sh_dots(all.c, shown), sh_dots(all.d, shown));
        let by_dir = harmonics_back(weights, dir, params.sh_degree);
        at += (by_dir - dir * dot(dir, by_dir)) / far;
    }
    g.centre = vec4<f32>(at, g.centre.w);
    if !whole(g.centre) || !whole(g.log_scale) || !whole(g.rotation) || !whole(vec4<f32>(shown, 0.0)) {
        return;
    }

    var out = s;
    var m = mean[i];
    var sq = square[i];
    let steps = m.log_scale.w + 1.0;
    let keep = params.beta1;
    let keep_sq = params.beta2;
    let fix = vec2<f32>(1.0 - pow(keep, steps), 1.0 - pow(keep_sq, steps));
    m.centre = keep * m.centre + (1.0 - keep) * g.centre;
    sq.centre = keep_sq * sq.centre + (1.0 - keep_sq) * g.centre * g.centre;
    m.log_scale = keep * m.log_scale + (1.0 - keep) * g.log_scale;
    sq.log_scale = keep_sq * sq.log_scale + (1.0 - keep_sq) * g.log_scale * g.log_scale;
    m.rotation = keep * m.rotation + (1.0 - keep) * g.rotation;
    sq.rotation = keep_sq * sq.rotation + (1.0 - keep_sq) * g.rotation * g.rotation;
    out.centre -= vec4<f32>(vec3<f32>(params.centre), params.opacity) * along(m.centre, sq.centre, fix);
    let grown = s.log_scale.xyz - params.scale * along(m.log_scale, sq.log_scale, fix).xyz;
    out.log_scale = vec4<f32>(clamp(grown, vec3<f32>(params.least), vec3<f32>(params.most)), s.log_scale.w);
    out.rotation -= params.rotation * along(m.rotation, sq.rotation, fix);
    out.rotation /= max(sqrt(dot(out.rotation, out.rotation)), 1e-12);
    m.log_scale.w = steps;
    splats[i] = out;
    mean[i] = m;
    square[i] = sq;
    let so_far = credit[i];
    credit[i] = Credit(max(so_far.weight, b.w), so_far.views + 1.0);
    adam_group(i, 0u, basis.a, shown, vec4<f32>(vec3<f32>(params.sh0), params.sh1), fix);
    if params.sh_degree > 1u {
        adam_group(i, 1u, basis.b, shown, vec4<f32>(params.sh1), fix);
        adam_group(i, 2u, basis.c, shown, vec4<f32>(params.sh1), fix);
    }
    if params.sh_degree > 2u {
        adam_group(i, 3u, basis.d, shown, vec4<f32>(params.sh1), fix);
    }
}
