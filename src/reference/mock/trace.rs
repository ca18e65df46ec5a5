//! Twin of `kernels/mock/trace.wgsl`: the same rays and the same paint, without the kernel's culling.

use glam::{IVec3, Vec3, Vec4};

use crate::generate::mock::trace::{Primitive, TraceParams, Traced};

const MISS: f32 = 3.0e38;
const NEAR: f32 = 1.0e-3;
const OCTAVES: u32 = 7;
const COARSEST: f32 = 0.8;
const FALL: f32 = 0.85;
/// The four samples of a pixel, in pixels from its centre.
const SAMPLES: [[f32; 2]; 4] = [
    [-0.125, -0.375],
    [0.375, -0.125],
    [-0.375, 0.125],
    [0.125, 0.375],
];

/// Every field is finite.
fn usable(p: &Primitive) -> bool {
    [
        p.row_x, p.row_y, p.row_z, p.size, p.paint, p.second, p.origin, p.cell, p.grain, p.object,
    ]
    .as_flattened()
    .iter()
    .all(|v| v.is_finite())
}

fn local_point(p: &Primitive, at: Vec3) -> Vec3 {
    let q = at.extend(1.0);
    Vec3::new(
        Vec4::from(p.row_x).dot(q),
        Vec4::from(p.row_y).dot(q),
        Vec4::from(p.row_z).dot(q),
    )
}

fn rows(p: &Primitive) -> [Vec3; 3] {
    [p.row_x, p.row_y, p.row_z].map(|r| Vec4::from(r).truncate())
}

fn local_direction(p: &Primitive, d: Vec3) -> Vec3 {
    let [x, y, z] = rows(p);
    Vec3::new(x.dot(d), y.dot(d), z.dot(d))
}

fn hit_box(half: Vec3, o: Vec3, d: Vec3) -> f32 {
    let d = Vec3::select(d.abs().cmplt(Vec3::splat(1.0e-12)), Vec3::splat(1.0e-12), d);
    let inverse = 1.0 / d;
    let (a, b) = ((-half - o) * inverse, (half - o) * inverse);
    let near = a.min(b).max_element();
    let far = a.max(b).min_element();
    if near <= far && near > NEAR {
        near
    } else {
        MISS
    }
}

fn hit_capsule(half: f32, r: f32, o: Vec3, d: Vec3) -> f32 {
    let a = (d.x * d.x + d.z * d.z).max(1.0e-12);
    let k = -(o.x * d.x + o.z * d.z) / a;
    let (lx, lz) = (o.x + k * d.x, o.z + k * d.z);
    let clear = r * r - lx * lx - lz * lz;
    if clear < 0.0 {
        return MISS;
    }
    let side = k - (clear / a).sqrt();
    let y = o.y + side * d.y;
    let t = if y.abs() <= half {
        side
    } else {
        let c = o - Vec3::new(0.0, y.clamp(-half, half), 0.0);
        let dd = d.dot(d).max(1.0e-12);
        let m = -c.dot(d) / dd;
        let l = c + m * d;
        let round = r * r - l.dot(l);
        if round < 0.0 {
            return MISS;
        }
        m - (round / dd).sqrt()
    };
    if t > NEAR { t } else { MISS }
}

/// Parameter of the first hit from outside of the ray from local `o` along local `d`; `MISS` for none.
fn hit(size: [f32; 4], o: Vec3, d: Vec3) -> f32 {
    let [x, y, z, r] = size;
    if r > 0.0 {
        hit_capsule(y, r, o, d)
    } else {
        hit_box(Vec3::new(x, y, z), o, d)
    }
}

fn normal_local(size: [f32; 4], p: Vec3) -> Vec3 {
    let [hx, hy, hz, r] = size;
    if r > 0.0 {
        let c = p - Vec3::new(0.0, p.y.clamp(-hy, hy), 0.0);
        return c / c.length().max(1.0e-12);
    }
    let q = p.abs() - Vec3::new(hx, hy, hz);
    let sign = |v: f32| if v >= 0.0 { 1.0 } else { -1.0 };
    if q.x >= q.y && q.x >= q.z {
        Vec3::new(sign(p.x), 0.0, 0.0)
    } else if q.y >= q.z {
        Vec3::new(0.0, sign(p.y), 0.0)
    } else {
        Vec3::new(0.0, 0.0, sign(p.z))
    }
}

fn normal_world(p: &Primitive, n: Vec3) -> Vec3 {
    let [x, y, z] = rows(p);
    x * n.x + y * n.y + z * n.z
}

fn hash(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32)
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add((y as u32).wrapping_mul(0x85eb_ca77))
        .wrapping_add((z as u32).wrapping_mul(0xc2b2_ae3d));
    h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
    h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^= h >> 16;
    (h >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0
}

fn noise(p: Vec3) -> f32 {
    let whole = p.floor();
    let f = p - whole;
    let u = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    let c = whole.as_ivec3();
    let at = |x: i32, y: i32, z: i32| {
        let q = c.wrapping_add(IVec3::new(x, y, z));
        hash(q.x, q.y, q.z)
    };
    let mix = |a: f32, b: f32, t: f32| a * (1.0 - t) + b * t;
    let plane = |z: i32| {
        mix(
            mix(at(0, 0, z), at(1, 0, z), u.x),
            mix(at(0, 1, z), at(1, 1, z), u.x),
            u.y,
        )
    };
    mix(plane(0), plane(1), u.z)
}

fn octaves(p: Vec3, footprint: f32) -> f32 {
    let (mut wave, mut height, mut sum) = (COARSEST, 1.0, 0.0);
    for i in 0..OCTAVES {
        let keep = (wave / footprint - 1.0).clamp(0.0, 1.0);
        if keep <= 0.0 {
            break;
        }
        let shift = i as f32 * 17.31;
        sum += keep * height * noise(p / wave + Vec3::new(shift, shift * 0.7, shift * 1.3));
        wave *= 0.5;
        height *= FALL;
    }
    sum
}

fn seam(x: f32, cell: f32, width: f32, footprint: f32) -> f32 {
    let away = (x - cell * (x / cell).round_ties_even()).abs();
    let wide = width.max(footprint);
    let cover = ((0.5 * (wide + footprint) - away) / footprint).clamp(0.0, 1.0);
    cover * width / wide
}

/// Linear colour of the paint at local `p` with local normal `n`, filtered over `footprint` metres.
fn albedo(prim: &Primitive, p: Vec3, n: Vec3, footprint: f32) -> Vec3 {
    let paint = Vec4::from(prim.paint);
    let second = Vec4::from(prim.second);
    let grain = Vec4::from(prim.grain);
    let origin = Vec4::from(prim.origin);
    let q = p + origin.truncate();
    let g = octaves(
        q * grain.truncate(),
        footprint * grain.truncate().max_element(),
    );
    let (mut dark, mut at, mut least) = (0.0f32, [0i32; 3], MISS);
    for k in 0..3 {
        let cell = prim.cell[k];
        if cell > 0.0 && n[k].abs() < 0.5 {
            dark = dark.max(seam(q[k], cell, origin.w, footprint));
            at[k] = (q[k] / cell).floor() as i32;
            least = least.min(cell);
        }
    }
    let tone = paint.w
        * (least / footprint * 0.5 - 1.0).clamp(0.0, 1.0)
        * hash(at[0], at[1].wrapping_add(57), at[2]);
    let blend = (0.5 + grain.w * g + tone).clamp(0.0, 1.0);
    paint.truncate().lerp(second.truncate(), blend) * (1.0 - second.w * dark)
}

fn encode(linear: f32) -> u32 {
    let x = linear.clamp(0.0, 1.0);
    let s = if x <= 0.003_130_8 {
        12.92 * x
    } else {
        1.055 * x.max(1.0e-6).powf(1.0 / 2.4) - 0.055
    };
    (s * 255.0 + 0.5) as u32
}

/// The nearest primitive along a ray from `eye`, and the ray's parameter there.
fn nearest(primitives: &[Primitive], eye: Vec3, ray: Vec3) -> Option<(usize, f32)> {
    let mut best = None;
    let mut least = MISS;
    for (i, p) in primitives.iter().enumerate() {
        if !usable(p) {
            continue;
        }
        let t = hit(p.size, local_point(p, eye), local_direction(p, ray));
        if t < least {
            least = t;
            best = Some((i, t));
        }
    }
    best
}

/// Lamp factor (0 in shadow) and ambient factor at `p` on primitive `i`.
fn light(params: &TraceParams, primitives: &[Primitive], i: usize, p: Vec3) -> (f32, f32) {
    let own = &primitives[i];
    let n = normal_world(own, normal_local(own.size, local_point(own, p)));
    let lamp = Vec4::from(params.lamp);
    let to = lamp.truncate() - p;
    let far2 = to.dot(to).max(1.0e-6);
    let facing = (n.dot(to) / far2.sqrt()).max(0.0);
    let ambient = (0.8 + 0.2 * n.y) * (p.y.min(0.0) * 1.5).exp();
    let shaded = primitives.iter().enumerate().any(|(k, c)| {
        k != i
            && c.object[1] > 0.5
            && usable(c)
            && hit(
                c.size,
                local_point(c, lamp.truncate()),
                local_direction(c, -to),
            ) < 0.9995
    });
    let lit = if shaded {
        0.0
    } else {
        facing / (1.0 + far2 / (lamp.w * lamp.w))
    };
    (lit, ambient)
}

struct View {
    eye: Vec3,
    z: Vec3,
    across: Vec3,
    down: Vec3,
}

fn view(params: &TraceParams) -> Option<View> {
    let all = [
        params.axis_x,
        params.axis_y,
        params.axis_z,
        params.position,
        params.focal,
        params.lamp,
        params.lamp_colour,
        params.ambient,
    ];
    let [fx, fy, ..] = params.focal;
    let good = all.as_flattened().iter().all(|v| v.is_finite()) && fx > 0.0 && fy > 0.0;
    let xyz = |v: [f32; 4]| Vec4::from(v).truncate();
    good.then(|| View {
        eye: xyz(params.position),
        z: xyz(params.axis_z),
        across: xyz(params.axis_x) / fx,
        down: xyz(params.axis_y) / fy,
    })
}

/// What lies under image point (`u`, `v`) in pixels: index of the primitive and depth along z in metres.
pub fn probe(params: &TraceParams, u: f32, v: f32) -> Option<(usize, f32)> {
    let view = view(params)?;
    let [_, _, cx, cy] = params.focal;
    let ray = view.z + (u - cx) * view.across + (v - cy) * view.down;
    nearest(params.list(), view.eye, ray)
}

/// One frame; `base` of the parameters is ignored.
pub fn trace(params: &TraceParams) -> Traced {
    let primitives = params.list();
    let [width, height] = params.size;
    let mut out = Traced::default();
    for py in 0..height {
        for px in 0..width {
            let (u, v) = (px as f32 + 0.5, py as f32 + 0.5);
            let found = probe(params, u, v);
            out.depth.push(found.map_or(0.0, |(_, t)| t));
            out.objects
                .push(found.map_or(0, |(i, _)| primitives[i].object[0] as u32));
            out.rgba.push(colour(params, u, v));
        }
    }
    out
}

/// Packed colour of a pixel whose centre lies at image point (`u`, `v`) in pixels.
pub fn colour(params: &TraceParams, u: f32, v: f32) -> u32 {
    let primitives = params.list();
    let [_, _, cx, cy] = params.focal;
    let mut sum = Vec3::ZERO;
    if let Some(view) = view(params) {
        let hits = SAMPLES.map(|[su, sv]| {
            let ray = view.z + (u - cx + su) * view.across + (v - cy + sv) * view.down;
            let (i, t) = nearest(primitives, view.eye, ray)?;
            let p = view.eye + t * ray;
            Some((i, p, light(params, primitives, i, p)))
        });
        for (k, first) in hits.iter().enumerate() {
            let Some((i, ..)) = *first else { continue };
            if hits[..k].iter().flatten().any(|h| h.0 == i) {
                continue;
            }
            let same: Vec<_> = hits.iter().flatten().filter(|h| h.0 == i).collect();
            let p = same.iter().map(|h| h.1).sum::<Vec3>() / same.len() as f32;
            let lit: f32 = same.iter().map(|h| h.2.0).sum();
            let dim: f32 = same.iter().map(|h| h.2.1).sum();
            let own = &primitives[i];
            let q = local_point(own, p);
            let n = normal_local(own.size, q);
            let away = p - view.eye;
            let facing = normal_world(own, n).dot(away).abs() / away.length().max(1.0e-6);
            let footprint =
                (away.dot(view.z) / params.focal[0] / facing.max(0.02).powf(0.8)).max(1.0e-5);
            let shine = Vec4::from(params.ambient).truncate() * dim
                + Vec4::from(params.lamp_colour).truncate() * lit;
            sum += 0.25 * albedo(own, q, n, footprint) * shine;
        }
    }
    let c = sum * params.axis_x[3];
    encode(c.x) | encode(c.y) << 8 | encode(c.z) << 16 | 0xff00_0000
}
