//! Twin of `kernels/motion/search.wgsl`.

use super::quads::Picture;
use super::{mix, nearest, seen};
use crate::gpu::Call;
use crate::motion::kernels::SearchParams;

/// What one level's search reads.
pub struct Inputs<'a> {
    /// Quads of the first picture.
    pub a: &'a [[u32; 2]],
    /// Quads of the second picture.
    pub b: &'a [[u32; 2]],
    /// Coarser flow a to b.
    pub coarse_forward: &'a [[f32; 2]],
    /// Coarser flow b to a.
    pub coarse_backward: &'a [[f32; 2]],
    /// Initial flow.
    pub init: &'a [[f32; 2]],
}

/// Over the pixels that both pictures hold: their number, sums of the difference, of its square, of the gradient, of
/// the gradient times the difference, and of the gradient's outer product.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: f32,
    d: f32,
    dd: f32,
    g: [f32; 2],
    gd: [f32; 2],
    gg: [f32; 3],
}

fn finite(u: [f32; 2]) -> bool {
    u[0].abs() < 1e6 && u[1].abs() < 1e6
}

fn minus(p: [f32; 2], q: [f32; 2]) -> [f32; 2] {
    [p[0] - q[0], p[1] - q[1]]
}

fn square(u: [f32; 2]) -> f32 {
    u[0] * u[0] + u[1] * u[1]
}

fn evaluate([a, b]: [Picture<'_>; 2], ox: i64, oy: i64, u: [f32; 2]) -> Sums {
    let mut s = Sums::default();
    let whole = u.map(f32::floor);
    let (tx, ty) = (u[0] - whole[0], u[1] - whole[1]);
    for y in (oy..oy + 8).filter(|y| (0..i64::from(a.height)).contains(y)) {
        for x in (ox..ox + 8).filter(|x| (0..i64::from(a.width)).contains(x)) {
            if !seen(x as f32 + u[0], y as f32 + u[1], a.width, a.height) {
                continue;
            }
            let (bx, by) = (x + whole[0] as i64, y + whole[1] as i64);
            let row = |y| mix(b.at(bx, y), b.at(bx + 1, y), tx);
            let d = mix(row(by), row(by + 1), ty) - a.at(x, y);
            let g = [
                0.5 * (a.at(x + 1, y) - a.at(x - 1, y)),
                0.5 * (a.at(x, y + 1) - a.at(x, y - 1)),
            ];
            s.n += 1.0;
            s.d += d;
            s.dd += d * d;
            for c in 0..2 {
                s.g[c] += g[c];
                s.gd[c] += g[c] * d;
            }
            let outer = [g[0] * g[0], g[0] * g[1], g[1] * g[1]];
            s.gg.iter_mut().zip(outer).for_each(|(sum, v)| *sum += v);
        }
    }
    s
}

/// Mean-normalised mean square residual.
fn cost(s: &Sums) -> f32 {
    let n = s.n.max(1.0);
    let c = (s.dd - s.d * s.d / n) / n;
    if s.n >= 12.0 && c < 1e9 { c } else { 1e9 }
}

/// The Gauss-Newton step of the displacement.
fn newton(s: &Sums) -> [f32; 2] {
    let n = s.n.max(1.0);
    let r = [0, 1].map(|c| s.gd[c] - s.g[c] * s.d / n);
    let mut h = [
        s.gg[0] - s.g[0] * s.g[0] / n,
        s.gg[1] - s.g[0] * s.g[1] / n,
        s.gg[2] - s.g[1] * s.g[1] / n,
    ];
    let damp = 0.01 * (h[0] + h[2]) + 1.0;
    h[0] += damp;
    h[2] += damp;
    let det = h[0] * h[2] - h[1] * h[1];
    [
        -(h[2] * r[0] - h[1] * r[1]) / det,
        -(h[0] * r[1] - h[1] * r[0]) / det,
    ]
}

/// Best displacement of each patch: (u, v, cost, pixels seen).
pub fn search(p: &SearchParams, input: &Inputs<'_>) -> Vec<[f32; 4]> {
    let pictures = [input.a, input.b].map(|quads| Picture {
        quads,
        width: p.width,
        height: p.height,
    });
    let (cw, ch) = (p.coarse_width, p.coarse_height);
    let coarse = |field: &[[f32; 2]], x: f32, y: f32| {
        field[nearest((x - 0.5) * 0.5, (y - 0.5) * 0.5, cw, ch)].map(|v| 2.0 * v)
    };
    let mut out = Vec::new();
    for row in 0..i64::from(p.patches_y) {
        for column in 0..i64::from(p.patches_x) {
            let (ox, oy) = (column * 4 - 2, row * 4 - 2);
            let (cx, cy) = (ox as f32 + 3.5, oy as f32 + 3.5);
            let mut best_u = coarse(input.coarse_forward, cx, cy);
            if !finite(best_u) {
                best_u = [0.0; 2];
            }
            let mut best = evaluate(pictures, ox, oy, best_u);
            let back = coarse(input.coarse_backward, cx + best_u[0], cy + best_u[1]).map(|v| -v);
            let mut candidates = vec![];
            for (dx, dy) in [(8.0, 0.0), (-8.0, 0.0), (0.0, 8.0), (0.0, -8.0)] {
                candidates.push(coarse(input.coarse_forward, cx + dx, cy + dy));
            }
            candidates.push(back);
            if p.has_init != 0 {
                let s = p.init_scale;
                let (x, y) = ((cx + 0.5) / s - 0.5, (cy + 0.5) / s - 0.5);
                let at = nearest(x, y, p.init_width, p.init_height);
                candidates.push(input.init[at].map(|v| v * s));
            }
            for u in candidates {
                if !finite(u) || square(minus(u, best_u)) < 0.01 {
                    continue;
                }
                let s = evaluate(pictures, ox, oy, u);
                if cost(&s) < cost(&best) {
                    (best, best_u) = (s, u);
                }
            }
            let (start, mut u, mut s) = (best_u, best_u, best);
            for _ in 0..p.iterations {
                let step = newton(&s);
                let size = square(step);
                u = [u[0] + step[0], u[1] + step[1]];
                if !(size < 1e6 && square(minus(u, start)) < 64.0) || size < 1e-4 {
                    break;
                }
                s = evaluate(pictures, ox, oy, u);
                if cost(&s) < cost(&best) {
                    (best, best_u) = (s, u);
                }
            }
            out.push([best_u[0], best_u[1], cost(&best), best.n]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let input = Inputs {
        a: call.read(0),
        b: call.read(1),
        coarse_forward: call.read(2),
        coarse_backward: call.read(3),
        init: call.read(4),
    };
    call.put(5, 0, &search(&call.params(), &input));
}
