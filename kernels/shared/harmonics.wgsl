// Real spherical harmonics of degree 0 to 3 in the order and signs of 3D Gaussian splatting, and how coefficients are stored.
// A kernel that includes this declares `sh` and has `params` with `n`, `planes` and `sh_degree`.
//
// Of each splat the coefficients' RGB lie one after the other, four floats a plane: plane p of splat i is sh[p * n + i]. Three planes
// hold four coefficients: a group.

// What belongs to the coefficients of each group, four a group; named, since arrays that a loop walks lie in memory on most devices.
struct Basis { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }

// The basis at a direction of length 1; 0 above the degree.
fn harmonics(d: vec3<f32>, degree: u32) -> Basis {
    var b: Basis;
    b.a.x = 0.28209479177387814;
    if degree > 0u {
        b.a = vec4<f32>(b.a.x, 0.4886025119029199 * vec3<f32>(-d.y, d.z, -d.x));
    }
    let s = d * d;
    if degree > 1u {
        b.b = vec4<f32>(
            1.0925484305920792 * d.x * d.y,
            -1.0925484305920792 * d.y * d.z,
            0.31539156525252005 * (2.0 * s.z - s.x - s.y),
            -1.0925484305920792 * d.x * d.z);
        b.c.x = 0.5462742152960396 * (s.x - s.y);
    }
    if degree > 2u {
        b.c = vec4<f32>(b.c.x,
            -0.5900435899266435 * d.y * (3.0 * s.x - s.y),
            2.890611442640554 * d.x * d.y * d.z,
            -0.4570457994644658 * d.y * (4.0 * s.z - s.x - s.y));
        b.d = vec4<f32>(
            0.3731763325901154 * d.z * (2.0 * s.z - 3.0 * s.x - 3.0 * s.y),
            -0.4570457994644658 * d.x * (4.0 * s.z - s.x - s.y),
            1.445305721320277 * d.z * (s.x - s.y),
            -0.5900435899266435 * d.x * (s.x - 3.0 * s.y));
    }
    return b;
}

// Derivatives of the basis' polynomials by x, y, z, each times the weight of its coefficient, summed.
fn harmonics_back(w: Basis, d: vec3<f32>, degree: u32) -> vec3<f32> {
    var g = vec3<f32>(0.0);
    if degree > 0u {
        g = 0.4886025119029199 * vec3<f32>(-w.a.w, -w.a.y, w.a.z);
    }
    if degree > 1u {
        let c = 1.0925484305920792;
        let e = 2.0 * 0.31539156525252005;
        let f = 2.0 * 0.5462742152960396;
        g += vec3<f32>(
            c * (d.y * w.b.x - d.z * w.b.w) - e * d.x * w.b.z + f * d.x * w.c.x,
            c * (d.x * w.b.x - d.z * w.b.y) - e * d.y * w.b.z - f * d.y * w.c.x,
            -c * (d.y * w.b.y + d.x * w.b.w) + 2.0 * e * d.z * w.b.z);
    }
    if degree > 2u {
        let s = d * d;
        let c = -0.5900435899266435;
        let e = 2.890611442640554;
        let f = -0.4570457994644658;
        let k = 0.3731763325901154;
        let h = 1.445305721320277;
        let xy = d.x * d.y;
        let xz = d.x * d.z;
        let yz = d.y * d.z;
        g += vec3<f32>(
            6.0 * c * xy * w.c.y + e * yz * w.c.z - 2.0 * f * xy * w.c.w,
            3.0 * c * (s.x - s.y) * w.c.y + e * xz * w.c.z + f * (4.0 * s.z - s.x - 3.0 * s.y) * w.c.w,
            e * xy * w.c.z + 8.0 * f * yz * w.c.w);
        g += vec3<f32>(
            -6.0 * k * xz * w.d.x + f * (4.0 * s.z - 3.0 * s.x - s.y) * w.d.y + 2.0 * h * xz * w.d.z + 3.0 * c * (s.x - s.y) * w.d.w,
            -6.0 * k * yz * w.d.x - 2.0 * f * xy * w.d.y - 2.0 * h * yz * w.d.z - 6.0 * c * xy * w.d.w,
            k * (6.0 * s.z - 3.0 * s.x - 3.0 * s.y) * w.d.x + 8.0 * f * xz * w.d.y + h * (s.x - s.y) * w.d.z);
    }
    return g;
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

// The coefficients that a degree needs; 0 above.
struct Coefficients { a: Group, b: Group, c: Group, d: Group }

fn sh_coefficients(i: u32, degree: u32) -> Coefficients {
    var all: Coefficients;
    all.a = sh_group(i, 0u);
    if degree > 1u {
        all.b = sh_group(i, 1u);
        all.c = sh_group(i, 2u);
    }
    if degree > 2u {
        all.d = sh_group(i, 3u);
    }
    return all;
}

fn sh_sum(g: Group, b: vec4<f32>) -> vec3<f32> {
    return b.x * g.a + b.y * g.b + b.z * g.c + b.w * g.d;
}

// Colour before it is cut at 0.
fn sh_colour(all: Coefficients, b: Basis) -> vec3<f32> {
    return vec3<f32>(0.5) + sh_sum(all.a, b.a) + sh_sum(all.b, b.b) + sh_sum(all.c, b.c) + sh_sum(all.d, b.d);
}

// A colour's product with each coefficient of a group.
fn sh_dots(g: Group, colour: vec3<f32>) -> vec4<f32> {
    return vec4<f32>(dot(colour, g.a), dot(colour, g.b), dot(colour, g.c), dot(colour, g.d));
}
