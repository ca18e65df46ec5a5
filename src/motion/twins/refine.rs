//! Twin of `kernels/motion/refine.wgsl`.

use super::{clamped, seen};
use crate::gpu::Call;
use crate::motion::kernels::{BLOCK, RefineParams, SWEEPS};

/// What one pixel is relaxed by: weights of the edges left, right, above and below it, the inverse matrix times omega,
/// the right side, and how much of the old value stays.
struct System {
    edges: [f32; 4],
    inverse: [f32; 3],
    right: [f32; 2],
    keep: f32,
}

/// The fields as the block at `origin` finds them.
struct Fields<'a> {
    origin: [i64; 2],
    p: &'a RefineParams,
    warped: &'a [[f32; 4]],
    flow: &'a [[f32; 2]],
}

impl Fields<'_> {
    fn at(&self, x: i64, y: i64) -> usize {
        clamped(x, y, self.p.width, self.p.height)
    }

    /// First picture, u and v; these off the block's corners as they were when the pictures were linearised.
    fn three(&self, x: i64, y: i64) -> [f32; 3] {
        let at = self.at(x, y);
        let [first, _, u0, v0] = self.warped[at];
        let out = |at: i64, from: i64| !(from..from + i64::from(BLOCK)).contains(&at);
        if out(x, self.origin[0]) && out(y, self.origin[1]) {
            return [first, u0, v0];
        }
        [first, self.flow[at][0], self.flow[at][1]]
    }

    /// Weight of the edge from (x, y) to the next pixel along (dx, dy); 0 at the border.
    fn edge(&self, x: i64, y: i64, (dx, dy): (i64, i64)) -> f32 {
        let (width, height) = (i64::from(self.p.width), i64::from(self.p.height));
        if x < 0 || y < 0 || x + dx >= width || y + dy >= height {
            return 0.0;
        }
        let (from, to) = (self.three(x, y), self.three(x + dx, y + dy));
        // Neighbours on both sides of the edge.
        let low = [
            self.three(x - dy, y - dx),
            self.three(x + dx - dy, y + dy - dx),
        ];
        let high = [
            self.three(x + dy, y + dx),
            self.three(x + dx + dy, y + dy + dx),
        ];
        let square = |c: usize| {
            let along = 0.25 * (high[0][c] + high[1][c] - low[0][c] - low[1][c]);
            (to[c] - from[c]) * (to[c] - from[c]) + along * along
        };
        let e2 = self.p.epsilon * self.p.epsilon;
        let bend = (square(1) + square(2) + e2).sqrt();
        let w = self.p.alpha / (bend * (1.0 + self.p.edge * square(0).sqrt()));
        if w < 1e12 { w } else { 0.0 }
    }

    fn system(&self, x: i64, y: i64) -> System {
        let p = self.p;
        let warped = |x, y| self.warped[self.at(x, y)];
        let mean = |x, y| 0.5 * (warped(x, y)[0] + warped(x, y)[1]);
        let diff = |x, y| warped(x, y)[1] - warped(x, y)[0];
        let ix = 0.5 * (mean(x + 1, y) - mean(x - 1, y));
        let iy = 0.5 * (mean(x, y + 1) - mean(x, y - 1));
        let ixx = mean(x + 1, y) - 2.0 * mean(x, y) + mean(x - 1, y);
        let iyy = mean(x, y + 1) - 2.0 * mean(x, y) + mean(x, y - 1);
        let ixy = 0.25
            * (mean(x + 1, y + 1) - mean(x + 1, y - 1) - mean(x - 1, y + 1) + mean(x - 1, y - 1));
        let dc = diff(x, y);
        let dx = 0.5 * (diff(x + 1, y) - diff(x - 1, y));
        let dy = 0.5 * (diff(x, y + 1) - diff(x, y - 1));
        let (z2, e2) = (p.zeta * p.zeta, p.epsilon * p.epsilon);
        let n0 = 1.0 / (ix * ix + iy * iy + z2);
        let nx = 1.0 / (ixx * ixx + ixy * ixy + z2);
        let ny = 1.0 / (ixy * ixy + iyy * iyy + z2);
        let [_, _, u0, v0] = warped(x, y);
        let [u, v] = self.flow[self.at(x, y)];
        let (du, dv) = (u - u0, v - v0);
        let square = |v: f32| v * v;
        let w0 = p.delta * n0 / (square(dc + ix * du + iy * dv) * n0 + e2).sqrt();
        let rest = square(dx + ixx * du + ixy * dv) * nx + square(dy + ixy * du + iyy * dv) * ny;
        let w1 = p.gamma / (rest + e2).sqrt();
        let mut m = [
            w0 * ix * ix + w1 * (ixx * ixx * nx + ixy * ixy * ny),
            w0 * ix * iy + w1 * (ixx * ixy * nx + ixy * iyy * ny),
            w0 * iy * iy + w1 * (ixy * ixy * nx + iyy * iyy * ny),
        ];
        let mut right = [
            m[0] * u0 + m[1] * v0 - w0 * ix * dc - w1 * (ixx * dx * nx + ixy * dy * ny),
            m[1] * u0 + m[2] * v0 - w0 * iy * dc - w1 * (ixy * dx * nx + iyy * dy * ny),
        ];
        let inside = seen(x as f32 + u0, y as f32 + v0, p.width, p.height);
        let small = m[0] < 1e12 && m[2] < 1e12 && right.iter().all(|b| b.abs() < 1e15);
        if !(inside && small) {
            (m, right) = ([0.0; 3], [0.0; 2]);
        }
        let edges = [
            self.edge(x - 1, y, (1, 0)),
            self.edge(x, y, (1, 0)),
            self.edge(x, y - 1, (0, 1)),
            self.edge(x, y, (0, 1)),
        ];
        let total: f32 = edges.iter().sum();
        let (a11, a12, a22) = (m[0] + total, m[1], m[2] + total);
        let det = a11 * a22 - a12 * a12;
        let good = det > 1e-20;
        let k = if good { p.omega / det } else { 0.0 };
        System {
            edges,
            inverse: [a22 * k, -a12 * k, a11 * k],
            right,
            keep: if good { 1.0 - p.omega } else { 1.0 },
        }
    }
}

/// Relaxes the blocks of one colour, in place.
pub fn refine(p: &RefineParams, warped: &[[f32; 4]], flow: &mut [[f32; 2]]) {
    let (width, height) = (p.width as usize, p.height as usize);
    let block = BLOCK as usize;
    for (row, y0) in (0..height).step_by(block).enumerate() {
        for (column, x0) in (0..width).step_by(block).enumerate() {
            if (row + column) % 2 != p.colour as usize {
                continue;
            }
            let fields = Fields {
                origin: [x0 as i64, y0 as i64],
                p,
                warped,
                flow,
            };
            let pixels: Vec<(usize, usize)> = (y0..(y0 + block).min(height))
                .flat_map(|y| (x0..(x0 + block).min(width)).map(move |x| (x, y)))
                .collect();
            let systems: Vec<System> = pixels
                .iter()
                .map(|&(x, y)| fields.system(x as i64, y as i64))
                .collect();
            for _ in 0..SWEEPS {
                for (&(x, y), s) in pixels.iter().zip(&systems) {
                    relax(s, x, y, p, flow);
                }
            }
        }
    }
}

fn relax(s: &System, x: usize, y: usize, p: &RefineParams, flow: &mut [[f32; 2]]) {
    let near = |dx, dy| clamped(x as i64 + dx, y as i64 + dy, p.width, p.height);
    let here = near(0, 0);
    let mut sum = s.right;
    let neighbours = [near(-1, 0), near(1, 0), near(0, -1), near(0, 1)];
    for (n, w) in neighbours.into_iter().zip(s.edges) {
        sum = [sum[0] + w * flow[n][0], sum[1] + w * flow[n][1]];
    }
    let old = flow[here];
    let [i11, i12, i22] = s.inverse;
    let u = [
        s.keep * old[0] + i11 * sum[0] + i12 * sum[1],
        s.keep * old[1] + i12 * sum[0] + i22 * sum[1],
    ];
    if u.iter().all(|v| v.abs() < 1e6) {
        flow[here] = u;
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    refine(&call.params(), call.read(0), call.write(1));
}
