// Real spherical harmonics of degree 0 to 3 in the order and signs of 3D Gaussian splatting, and how coefficients are stored.
// A kernel that includes this declares `sh` and has `params` with `n`, `planes` and `sh_degree`.
//
// Of each splat the coefficients' RGB lie one after the other, four floats a plane: plane p of splat i is sh[p * n + i]. Three planes
// hold four coefficients: a group.

// The basis at a direction of length 1, by groups; 0 above the degree.
fn harmonics(d: vec3<f32>, degree: u32) -> array<vec4<f32>, 4> {
    var b = array<vec4<f32>, 4>();
    b[0].x = 0.28209479177387814;
    if degree > 0u {
        b[0] = vec4<f32>(b[0].x, 0.4886025119029199 * vec3<f32>(-d.y, d.z, -d.x));
    }
    let s = d * d;
    if degree > 1u {
        b[1] = vec4<f32>(
            1.0925484305920792 * d.x * d.y,
            -1.0925484305920792 * d.y * d.z,
            0.31539156525252005 * (2.0 * s.z - s.x - s.y),
            -1.0925484305920792 * d.x * d.z);
        b[2].x = 0.5462742152960396 * (s.x - s.y);
    }
    if degree > 2u {
        b[2] = vec4<f32>(b[2].x,
            -0.5900435899266435 * d.y * (3.0 * s.x - s.y),
            2.890611442640554 * d.x * d.y * d.z,
            -0.4570457994644658 * d.y * (4.0 * s.z - s.x - s.y));
        b[3] = vec4<f32>(
            0.3731763325901154 * d.z * (2.0 * s.z - 3.0 * s.x - 3.0 * s.y),
            -0.4570457994644658 * d.x * (4.0 * s.z - s.x - s.y),
            1.445305721320277 * d.z * (s.x - s.y),
            -0.5900435899266435 * d.x * (s.x - 3.0 * s.y));
    }
    return b;
}

// Derivatives of the basis' polynomials by x, y, z: the columns.
fn harmonic_slopes(d: vec3<f32>, degree: u32) -> array<mat3x4<f32>, 4> {
    var b = array<mat3x4<f32>, 4>();
    if degree > 0u {
        let c = 0.4886025119029199;
        b[0] = mat3x4<f32>(vec4<f32>(0.0, 0.0, 0.0, -c), vec4<f32>(0.0, -c, 0.0, 0.0), vec4<f32>(0.0, 0.0, c, 0.0));
    }
    let s = d * d;
    if degree > 1u {
        let c = 1.0925484305920792;
        let e = 2.0 * 0.31539156525252005;
        let f = 2.0 * 0.5462742152960396;
        b[1] = mat3x4<f32>(
            vec4<f32>(c * d.y, 0.0, -e * d.x, -c * d.z),
            vec4<f32>(c * d.x, -c * d.z, -e * d.y, 0.0),
            vec4<f32>(0.0, -c * d.y, 2.0 * e * d.z, -c * d.x));
        b[2] = mat3x4<f32>(vec4<f32>(f * d.x, 0.0, 0.0, 0.0), vec4<f32>(-f * d.y, 0.0, 0.0, 0.0), vec4<f32>(0.0));
    }
    if degree > 2u {
        let c = -0.5900435899266435;
        let e = 2.890611442640554;
        let f = -0.4570457994644658;
        let g = 0.3731763325901154;
        let h = 1.445305721320277;
        let xy = d.x * d.y;
        let xz = d.x * d.z;
        let yz = d.y * d.z;
        b[2] += mat3x4<f32>(
            vec4<f32>(0.0, 6.0 * c * xy, e * yz, -2.0 * f * xy),
            vec4<f32>(0.0, 3.0 * c * (s.x - s.y), e * xz, f * (4.0 * s.z - s.x - 3.0 * s.y)),
            vec4<f32>(0.0, 0.0, e * xy, 8.0 * f * yz));
        b[3] = mat3x4<f32>(
            vec4<f32>(-6.0 * g * xz, f * (4.0 * s.z - 3.0 * s.x - s.y), 2.0 * h * xz, 3.0 * c * (s.x - s.y)),
            vec4<f32>(-6.0 * g * yz, -2.0 * f * xy, -2.0 * h * yz, -6.0 * c * xy),
            vec4<f32>(g * (6.0 * s.z - 3.0 * s.x - 3.0 * s.y), 8.0 * f * xz, h * (s.x - s.y), 0.0));
    }
    return b;
}

fn sh_plane(i: u32, plane: u32) -> vec4<f32> {
    if plane >= params.planes {
        return vec4<f32>(0.0);
    }
    return sh[plane * params.n + i];
}

// The four coefficients of a group.
struct Group { a: vec3<f32>, b: vec3<f32>, c: vec3<f32>, d: vec3<f32> }

fn sh_group(i: u32, group: u32) -> Group {
    let p = sh_plane(i, 3u * group);
    let q = sh_plane(i, 3u * group + 1u);
    let r = sh_plane(i, 3u * group + 2u);
    return Group(p.xyz, vec3<f32>(p.w, q.xy), vec3<f32>(q.zw, r.x), r.yzw);
}

// Groups that a degree needs.
fn sh_groups(degree: u32) -> u32 {
    return select(select(4u, 3u, degree < 3u), 1u, degree < 2u);
}

// Colour before it is cut at 0.
fn sh_colour(i: u32, basis: array<vec4<f32>, 4>, degree: u32) -> vec3<f32> {
    var colour = vec3<f32>(0.5);
    for (var t = 0u; t < 4u; t++) {
        if t >= sh_groups(degree) {
            break;
        }
        let g = sh_group(i, t);
        let b = basis[t];
        colour += b.x * g.a + b.y * g.b + b.z * g.c + b.w * g.d;
    }
    return colour;
}
