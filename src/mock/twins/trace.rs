//! Twin of `kernels/mock/trace.wgsl`: the same rays and the same paint, without the kernel's culling.

use crate::gpu::Call;
use glam::{IVec3, Vec2, Vec3, Vec4};

use crate::mock::terrain::{self, hash};
use crate::mock::trace::{
    HAS_MIRROR, HAS_SKY, HAS_TERRAIN, HAS_VEIL, Primitive, Solid, TraceParams, Traced,
};

const MISS: f32 = 3.0e38;
const NEAR: f32 = 1.0e-3;
const OCTAVES: u32 = 7;
const COARSEST: f32 = 0.8;
const FALL: f32 = 0.85;
/// End of a shadow ray: the point itself lies at 1.
const SHORT: f32 = 0.9995;
/// The four samples of a pixel, in pixels from its centre.
const SAMPLES: [[f32; 2]; 4] = [
    [-0.125, -0.375],
    [0.375, -0.125],
    [-0.375, 0.125],
    [0.125, 0.375],
];

/// It is there.
fn usable(p: &Primitive) -> bool {
    p.object[1] >= 0.0
}

fn has(params: &TraceParams, flag: u32) -> bool {
    params.flags[0] & flag != 0
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

fn hit_cylinder(half: f32, r: f32, o: Vec3, d: Vec3) -> f32 {
    let a = (d.x * d.x + d.z * d.z).max(1.0e-12);
    let k = -(o.x * d.x + o.z * d.z) / a;
    let (lx, lz) = (o.x + k * d.x, o.z + k * d.z);
    let clear = r * r - lx * lx - lz * lz;
    if clear < 0.0 {
        return MISS;
    }
    let wide = (clear / a).sqrt();
    let dy = if d.y.abs() < 1.0e-12 { 1.0e-12 } else { d.y };
    let (e, f) = ((-half - o.y) / dy, (half - o.y) / dy);
    let near = (k - wide).max(e.min(f));
    let far = (k + wide).min(e.max(f));
    if near <= far && near > NEAR {
        near
    } else {
        MISS
    }
}

/// Heights of the corners of cell (`i`, `j`) in local metres: (i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1).
fn corners(half_y: f32, code: u32, i: u32, j: u32) -> [f32; 4] {
    let (cells, seed) = (code & 31, code >> 5);
    [(0, 0), (1, 0), (0, 1), (1, 1)]
        .map(|(a, b)| half_y * (2.0 * terrain::height(seed, cells, i + a, j + b) - 1.0))
}

fn hit_terrain(half: Vec3, code: u32, o: Vec3, d: Vec3) -> f32 {
    let d_safe = Vec3::select(d.abs().cmplt(Vec3::splat(1.0e-12)), Vec3::splat(1.0e-12), d);
    let (a, b) = ((-half - o) / d_safe, (half - o) / d_safe);
    let near = a.min(b).max_element().max(NEAR);
    let far = a.max(b).min_element();
    let cells = code & 31;
    if near.is_nan() || far.is_nan() || near > far || cells == 0 {
        return MISS;
    }
    let n = cells as f32;
    let scale = 0.5 * n / Vec2::new(half.x, half.z);
    let q = (Vec2::new(o.x, o.z) + Vec2::new(half.x, half.z)) * scale;
    let dq = Vec2::new(d.x, d.z) * scale;
    let mut cell = (q + near * dq)
        .floor()
        .clamp(Vec2::ZERO, Vec2::splat(n - 1.0))
        .as_ivec2();
    for _ in 0..34 {
        let mut next = [MISS; 2];
        for k in 0..2 {
            if dq[k].abs() >= 1.0e-12 {
                let edge = cell[k] as f32 + if dq[k] > 0.0 { 1.0 } else { 0.0 };
                next[k] = (edge - q[k]) / dq[k];
            }
        }
        let [h00, h10, h01, h11] = corners(half.y, code, cell.x as u32, cell.y as u32);
        let f = q - cell.as_vec2();
        let mut found = MISS;
        for (first, gradient) in [
            (true, Vec2::new(h10 - h00, h11 - h10)),
            (false, Vec2::new(h11 - h01, h01 - h00)),
        ] {
            let slope = d.y - gradient.dot(dq);
            let base = o.y - h00 - gradient.dot(f);
            let t = -base
                / if slope.abs() < 1.0e-12 {
                    -1.0e-12
                } else {
                    slope
                };
            let (u, v) = (f.x + t * dq.x, f.y + t * dq.y);
            let own = -1.0e-4..=1.0 + 1.0e-4;
            let half_of_cell = if first {
                u >= v - 1.0e-4
            } else {
                u <= v + 1.0e-4
            };
            if slope < 0.0 && t >= NEAR && own.contains(&u) && own.contains(&v) && half_of_cell {
                found = found.min(t);
            }
        }
        if found < MISS {
            return found;
        }
        if next[0].min(next[1]).min(far) >= far {
            break;
        }
        let k = usize::from(next[0] > next[1]);
        cell[k] += if dq[k] > 0.0 { 1 } else { -1 };
        if cell[k] < 0 || cell[k] >= cells as i32 {
            break;
        }
    }
    MISS
}

fn code(p: &Primitive) -> u32 {
    p.cell[3] as u32
}

/// Parameter of the first hit from outside of the ray from local `o` along local `d`; `MISS` for none.
fn hit(solid: Solid, p: &Primitive, o: Vec3, d: Vec3) -> f32 {
    let [x, y, z, r] = p.size;
    match solid {
        Solid::Box => hit_box(Vec3::new(x, y, z), o, d),
        Solid::Capsule => hit_capsule(y, r, o, d),
        Solid::Cylinder => hit_cylinder(y, x, o, d),
        Solid::Terrain => hit_terrain(Vec3::new(x, y, z), code(p), o, d),
    }
}

fn normal_local(solid: Solid, prim: &Primitive, p: Vec3) -> Vec3 {
    let [hx, hy, hz, _] = prim.size;
    let sign = |v: f32| if v >= 0.0 { 1.0 } else { -1.0 };
    match solid {
        Solid::Capsule => {
            let c = p - Vec3::new(0.0, p.y.clamp(-hy, hy), 0.0);
            c / c.length().max(1.0e-12)
        }
        Solid::Cylinder => {
            let rho = p.x.hypot(p.z);
            if p.y.abs() - hy > rho - hx {
                Vec3::new(0.0, sign(p.y), 0.0)
            } else {
                Vec3::new(p.x, 0.0, p.z) / rho.max(1.0e-12)
            }
        }
        Solid::Terrain => {
            let n = (code(prim) & 31) as f32;
            let scale = 0.5 * n / Vec2::new(hx, hz);
            let q = (Vec2::new(p.x, p.z) + Vec2::new(hx, hz)) * scale;
            let cell = q.floor().clamp(Vec2::ZERO, Vec2::splat((n - 1.0).max(0.0)));
            let f = q - cell;
            let [h00, h10, h01, h11] = corners(hy, code(prim), cell.x as u32, cell.y as u32);
            let g = scale
                * if f.x >= f.y {
                    Vec2::new(h10 - h00, h11 - h10)
                } else {
                    Vec2::new(h11 - h01, h01 - h00)
                };
            Vec3::new(-g.x, 1.0, -g.y).normalize()
        }
        Solid::Box => {
            let q = p.abs() - Vec3::new(hx, hy, hz);
            if q.x >= q.y && q.x >= q.z {
                Vec3::new(sign(p.x), 0.0, 0.0)
            } else if q.y >= q.z {
                Vec3::new(0.0, sign(p.y), 0.0)
            } else {
                Vec3::new(0.0, 0.0, sign(p.z))
            }
        }
    }
}

/// Share of the lamp that a caster leaves which must grow by `grow` metres to touch the ray at share `t` of its way.
fn penumbra(radius: f32, grow: f32, t: f32) -> f32 {
    let wide = radius * (1.0 - t.clamp(0.0, 1.0)) + 1.0e-4;
    let x = (0.5 * grow / wide + 0.5).clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// Share of a lamp of `radius` at local `o` that reaches `o + d` past a caster.
fn shade(radius: f32, solid: Solid, p: &Primitive, o: Vec3, d: Vec3) -> f32 {
    let [x, y, z, r] = p.size;
    match solid {
        Solid::Box => {
            let half = Vec3::new(x, y, z);
            let d = Vec3::select(d.abs().cmplt(Vec3::splat(1.0e-12)), Vec3::splat(1.0e-12), d);
            let inverse = 1.0 / d;
            let (c, k) = (-o * inverse, inverse.abs());
            let mut grow = f32::NEG_INFINITY;
            for i in 0..3 {
                let j = (i + 1) % 3;
                let pair = ((c[i] - c[j]).abs() - half[i] * k[i] - half[j] * k[j]) / (k[i] + k[j]);
                grow = grow
                    .max(pair)
                    .max(-half[i])
                    .max((c[i] - SHORT) / k[i] - half[i])
                    .max(-c[i] / k[i] - half[i]);
            }
            let near = (c - (half + grow) * k).max_element();
            let far = (c + (half + grow) * k).min_element();
            penumbra(radius, grow, 0.5 * (near + far))
        }
        Solid::Capsule => {
            let a = (d.x * d.x + d.z * d.z).max(1.0e-12);
            let dd = d.dot(d).max(1.0e-12);
            let mut t = (-(o.x * d.x + o.z * d.z) / a).clamp(0.0, SHORT);
            let mut axis = 0.0;
            for _ in 0..2 {
                axis = (o.y + t * d.y).clamp(-y, y);
                t = (-(o - Vec3::Y * axis).dot(d) / dd).clamp(0.0, SHORT);
            }
            penumbra(radius, (o + t * d - Vec3::Y * axis).length() - r, t)
        }
        Solid::Cylinder => {
            let dy = if d.y.abs() < 1.0e-12 { 1.0e-12 } else { d.y };
            let (e, f) = ((-y - o.y) / dy, (y - o.y) / dy);
            let (from, to) = (e.min(f).max(0.0), e.max(f).min(SHORT));
            if from > to {
                return 1.0;
            }
            let a = (d.x * d.x + d.z * d.z).max(1.0e-12);
            let t = (-(o.x * d.x + o.z * d.z) / a).min(to).max(from);
            penumbra(radius, (o.x + t * d.x).hypot(o.z + t * d.z) - x, t)
        }
        Solid::Terrain => 1.0,
    }
}

fn normal_world(p: &Primitive, n: Vec3) -> Vec3 {
    let [x, y, z] = rows(p);
    x * n.x + y * n.y + z * n.z
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
fn nearest(params: &TraceParams, eye: Vec3, ray: Vec3, but: Option<usize>) -> Option<(usize, f32)> {
    let mut best = None;
    let mut least = MISS;
    for (i, p) in params.list().iter().enumerate() {
        // Mirrors do not show terrain.
        let terrain = params.solid(i) == Solid::Terrain;
        let skipped = terrain && (but.is_some() || !has(params, HAS_TERRAIN));
        if !usable(p) || but == Some(i) || skipped {
            continue;
        }
        let t = hit(
            params.solid(i),
            p,
            local_point(p, eye),
            local_direction(p, ray),
        );
        if t < least {
            least = t;
            best = Some((i, t));
        }
    }
    best
}

/// Lamp factor without shadows and ambient factor at `p` on primitive `i`.
fn light(params: &TraceParams, i: usize, p: Vec3) -> (f32, f32) {
    let own = &params.list()[i];
    let n = normal_world(own, normal_local(params.solid(i), own, local_point(own, p)));
    let lamp = Vec4::from(params.lamp);
    let to = lamp.truncate() - p;
    let far2 = to.dot(to).max(1.0e-6);
    let facing = (n.dot(to) / far2.sqrt()).max(0.0);
    let ambient = (0.8 + 0.2 * n.y) * (p.y.min(0.0) * 1.5).exp();
    (facing / (1.0 + far2 / (lamp.w * lamp.w)), ambient)
}

/// Share of the lamp that reaches `p` on primitive `i`.
fn unshaded(params: &TraceParams, i: usize, p: Vec3) -> f32 {
    let lamp = Vec4::from(params.lamp).truncate();
    let casters = params.list().iter().enumerate();
    casters
        .filter(|(k, c)| *k != i && c.object[1] > 0.5 && usable(c))
        .map(|(k, c)| {
            shade(
                params.lamp_colour[3],
                params.solid(k),
                c,
                local_point(c, lamp),
                local_direction(c, p - lamp),
            )
        })
        .product()
}

fn sky(params: &TraceParams, d: Vec3) -> Vec3 {
    if !has(params, HAS_SKY) {
        return Vec3::ZERO;
    }
    let zenith = Vec4::from(params.zenith);
    let horizon = Vec4::from(params.horizon);
    let up = d.y.max(0.0);
    let plane = Vec2::new(d.x, d.z) / (up + 0.12);
    let puffs = octaves(Vec3::new(plane.x, 0.0, plane.y) * 0.35, 0.05);
    let cloud = zenith.w * (0.5 + 0.8 * puffs).clamp(0.0, 1.0) * (up * 6.0).clamp(0.0, 1.0);
    let low = horizon.truncate();
    let clear = low.lerp(zenith.truncate(), up.sqrt());
    let lamp = Vec4::from(params.lamp).truncate() - Vec4::from(params.position).truncate();
    let glow = horizon.w * d.dot(lamp.normalize()).max(0.0).powf(300.0);
    let grey = 0.5 * (low + Vec3::splat(low.dot(Vec3::splat(0.333))));
    clear.lerp(grey, cloud) + glow * Vec4::from(params.lamp_colour).truncate()
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
        params.zenith,
        params.horizon,
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
    nearest(params, view.eye, ray, None)
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
            out.ids.push(found.map_or(0, |(i, _)| {
                (primitives[i].object[0] as u32 & 0xffff) | (i as u32 + 1) << 16
            }));
            out.rgba.push(colour(params, u, v));
        }
    }
    out
}

/// Linear radiance of one surface's share of a pixel, from the samples that hit primitive `i` at the points `at`.
fn surface(params: &TraceParams, view: &View, i: usize, at: &[Vec3]) -> Vec3 {
    let own = &params.list()[i];
    let n = at.len() as f32;
    let p = at.iter().copied().sum::<Vec3>() / n;
    let (mut lit, mut dim) = (0.0, 0.0);
    for &at in at {
        let (lamp, ambient) = light(params, i, at);
        lit += lamp * unshaded(params, i, at);
        dim += ambient;
    }
    let q = local_point(own, p);
    let nl = normal_local(params.solid(i), own, q);
    let nw = normal_world(own, nl);
    let away = p - view.eye;
    let far = away.length().max(1.0e-6);
    let facing = nw.dot(away).abs() / far;
    let footprint = (away.dot(view.z) / params.focal[0] / facing.max(0.02).powf(0.8)).max(1.0e-5);
    let ambient = Vec4::from(params.ambient);
    let lamp = Vec4::from(params.lamp_colour).truncate();
    let mut shown = 0.25 * albedo(own, q, nl, footprint) * (ambient.truncate() * dim + lamp * lit);
    let gloss = own.object[2];
    if has(params, HAS_MIRROR) && gloss > 0.0 && nw.y > 0.5 && p.y.abs() < 0.01 {
        let share = gloss * (0.08 + 0.92 * (1.0 - facing).powf(5.0));
        let back = Vec3::new(away.x, -away.y, away.z);
        let glass = match nearest(params, p, back, Some(i)) {
            None => sky(params, back / far),
            Some((j, t)) => {
                let other = &params.list()[j];
                let m = p + t * back;
                let mq = local_point(other, m);
                let (lit, dim) = light(params, j, m);
                albedo(
                    other,
                    mq,
                    normal_local(params.solid(j), other, mq),
                    footprint * (1.0 + t),
                ) * (ambient.truncate() * dim + 0.7 * lamp * lit)
            }
        };
        shown = shown.lerp(0.25 * n * glass, share);
    }
    let fog = 0.25 * n * Vec4::from(params.horizon).truncate();
    fog.lerp(shown, (-ambient.w * far).exp())
}

/// The frame's colour seen through the veil where it stands before depth `best`.
fn veiled(params: &TraceParams, view: &View, ray: Vec3, best: f32, colour: Vec3) -> Vec3 {
    let veil = Primitive {
        row_x: params.veil_x,
        row_y: params.veil_y,
        row_z: params.veil_z,
        size: params.veil,
        paint: params.veil_paint,
        ..Primitive::default()
    };
    if !has(params, HAS_VEIL) {
        return colour;
    }
    let o = local_point(&veil, view.eye);
    let d = local_direction(&veil, ray);
    let [x, y, z, opacity] = params.veil;
    let t = hit_box(Vec3::new(x, y, z), o, d);
    if t >= best {
        return colour;
    }
    let grain = octaves(o + t * d, (t / params.focal[0]).max(1.0e-5));
    let paint = Vec4::from(params.veil_paint).truncate() * (1.0 + 0.5 * grain.clamp(-1.0, 1.0));
    colour.lerp(paint, opacity.clamp(0.0, 1.0))
}

/// Packed colour of a pixel whose centre lies at image point (`u`, `v`) in pixels.
pub fn colour(params: &TraceParams, u: f32, v: f32) -> u32 {
    let [_, _, cx, cy] = params.focal;
    let mut sum = Vec3::ZERO;
    if let Some(view) = view(params) {
        let centre = view.z + (u - cx) * view.across + (v - cy) * view.down;
        let hits = SAMPLES.map(|[su, sv]| {
            let ray = centre + su * view.across + sv * view.down;
            let (i, t) = nearest(params, view.eye, ray, None)?;
            Some((i, view.eye + t * ray))
        });
        for (k, first) in hits.iter().enumerate() {
            let Some((i, _)) = *first else { continue };
            if hits[..k].iter().flatten().any(|h| h.0 == i) {
                continue;
            }
            let same: Vec<Vec3> = hits
                .iter()
                .flatten()
                .filter(|h| h.0 == i)
                .map(|h| h.1)
                .collect();
            sum += surface(params, &view, i, &same);
        }
        let missed = hits.iter().filter(|h| h.is_none()).count() as f32;
        if missed > 0.0 {
            sum += 0.25 * missed * sky(params, centre.normalize());
        }
        let best = nearest(params, view.eye, centre, None).map_or(MISS, |(_, t)| t);
        sum = veiled(params, &view, centre, best, sum);
    }
    let c = sum * params.axis_x[3];
    encode(c.x) | encode(c.y) << 8 | encode(c.z) << 16 | 0xff00_0000
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: TraceParams = call.params();
    let traced = trace(&p);
    let base = p.base as usize;
    call.put(0, base, &traced.rgba);
    call.put(1, base, &traced.depth);
    call.put(2, base, &traced.ids);
}
