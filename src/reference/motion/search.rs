//! Twin of `kernels/motion/search.wgsl`.

use super::{nearest, sample, seen};
use crate::motion::kernels::SearchParams;

/// What one level's search reads.
pub struct Inputs<'a> {
    /// First picture.
    pub a: &'a [f32],
    /// Second picture.
    pub b: &'a [f32],
    /// Gradient of the first.
    pub gradient: &'a [[f32; 2]],
    /// Coarser flow a to b.
    pub coarse_forward: &'a [[f32; 2]],
    /// Coarser flow b to a.
    pub coarse_backward: &'a [[f32; 2]],
    /// Initial flow.
    pub init: &'a [[f32; 2]],
}

fn finite(u: [f32; 2]) -> bool {
    u[0].abs() < 1e6 && u[1].abs() < 1e6
}

/// Pixels of the patch at (ox, oy) that lie on the picture and whose target does too.
fn pixels(p: &SearchParams, ox: i32, oy: i32) -> impl Iterator<Item = (i32, i32)> {
    let (width, height) = (p.width as i32, p.height as i32);
    let rows = oy.max(0)..(oy + 8).min(height);
    rows.flat_map(move |j| (ox.max(0)..(ox + 8).min(width)).map(move |i| (i, j)))
}

fn cost(p: &SearchParams, input: &Inputs<'_>, ox: i32, oy: i32, u: [f32; 2]) -> (f32, f32) {
    let (mut n, mut sum, mut square) = (0.0f32, 0.0f32, 0.0f32);
    for (i, j) in pixels(p, ox, oy) {
        let (x, y) = (i as f32 + u[0], j as f32 + u[1]);
        if !seen(x, y, p.width, p.height) {
            continue;
        }
        let at = (j as u32 * p.width + i as u32) as usize;
        let d = sample(input.b, p.width, p.height, x, y) - input.a[at];
        n += 1.0;
        sum += d;
        square += d * d;
    }
    if n < 12.0 {
        return (1e9, n);
    }
    let c = (square - sum * sum / n) / n;
    (if c < 1e9 { c } else { 1e9 }, n)
}

fn refine(p: &SearchParams, input: &Inputs<'_>, ox: i32, oy: i32, start: [f32; 2]) -> [f32; 2] {
    let (mut n, mut g, mut h) = (0.0f32, [0.0f32; 2], [0.0f32; 3]);
    for (i, j) in pixels(p, ox, oy) {
        let d = input.gradient[(j as u32 * p.width + i as u32) as usize];
        n += 1.0;
        g = [g[0] + d[0], g[1] + d[1]];
        h = [h[0] + d[0] * d[0], h[1] + d[0] * d[1], h[2] + d[1] * d[1]];
    }
    let n = n.max(1.0);
    h[0] -= g[0] * g[0] / n;
    h[1] -= g[0] * g[1] / n;
    h[2] -= g[1] * g[1] / n;
    let damp = 0.01 * (h[0] + h[2]) + 1.0;
    h[0] += damp;
    h[2] += damp;
    let det = h[0] * h[2] - h[1] * h[1];
    let mut u = start;
    for _ in 0..p.iterations {
        let (mut n, mut g, mut sum, mut r) = (0.0f32, [0.0f32; 2], 0.0f32, [0.0f32; 2]);
        for (i, j) in pixels(p, ox, oy) {
            let (x, y) = (i as f32 + u[0], j as f32 + u[1]);
            if !seen(x, y, p.width, p.height) {
                continue;
            }
            let at = (j as u32 * p.width + i as u32) as usize;
            let d = sample(input.b, p.width, p.height, x, y) - input.a[at];
            let grad = input.gradient[at];
            n += 1.0;
            sum += d;
            g = [g[0] + grad[0], g[1] + grad[1]];
            r = [r[0] + grad[0] * d, r[1] + grad[1] * d];
        }
        let n = n.max(1.0);
        r = [r[0] - g[0] * sum / n, r[1] - g[1] * sum / n];
        let step = [
            (h[2] * r[0] - h[1] * r[1]) / det,
            (h[0] * r[1] - h[1] * r[0]) / det,
        ];
        let size = step[0] * step[0] + step[1] * step[1];
        if size.is_nan() || size >= 1e6 {
            break;
        }
        u = [u[0] - step[0], u[1] - step[1]];
        if size < 1e-4 {
            break;
        }
    }
    u
}

/// Best displacement of each patch: (u, v, cost, pixels seen).
pub fn search(p: &SearchParams, input: &Inputs<'_>) -> Vec<[f32; 4]> {
    let (cw, ch) = (p.coarse_width, p.coarse_height);
    let coarse = |field: &[[f32; 2]], x: f32, y: f32| {
        field[nearest((x - 0.5) * 0.5, (y - 0.5) * 0.5, cw, ch)].map(|v| 2.0 * v)
    };
    let mut out = Vec::new();
    for row in 0..p.patches_y as i32 {
        for column in 0..p.patches_x as i32 {
            let (ox, oy) = (column * 4 - 2, row * 4 - 2);
            let (cx, cy) = (ox as f32 + 3.5, oy as f32 + 3.5);
            let mut best_u = coarse(input.coarse_forward, cx, cy);
            if !finite(best_u) {
                best_u = [0.0; 2];
            }
            let mut best = cost(p, input, ox, oy, best_u);
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
                let d = [u[0] - best_u[0], u[1] - best_u[1]];
                if !finite(u) || d[0] * d[0] + d[1] * d[1] < 0.01 {
                    continue;
                }
                let c = cost(p, input, ox, oy, u);
                if c.0 < best.0 {
                    (best, best_u) = (c, u);
                }
            }
            let u = refine(p, input, ox, oy, best_u);
            let moved = [u[0] - best_u[0], u[1] - best_u[1]];
            if moved[0] * moved[0] + moved[1] * moved[1] < 64.0 {
                let c = cost(p, input, ox, oy, u);
                if c.0 < best.0 {
                    (best, best_u) = (c, u);
                }
            }
            out.push([best_u[0], best_u[1], best.0, best.1]);
        }
    }
    out
}
