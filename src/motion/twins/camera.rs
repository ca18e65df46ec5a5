//! Twin of `kernels/motion/camera.wgsl`.

use crate::gpu::Call;
use crate::motion::camera::{CameraParams, MODEL};

const LANES: usize = 64;
const SUMS: usize = 21;
const SCALES: [f32; 9] = [1e6, 16.0, 8.0, 4.0, 2.0, 1.0, 0.7, 0.5, 0.5];

fn plane(p: &[f32; 8], x: f32, y: f32) -> [f32; 2] {
    [
        p[0] + p[1] * x + p[2] * y + p[6] * x * x + p[7] * x * y,
        p[3] + p[4] * x + p[5] * y + p[6] * x * y + p[7] * y * y,
    ]
}

/// The camera's model of one step.
pub fn camera(q: &CameraParams, flow: &[[f32; 2]], state: &[u32]) -> [[f32; 4]; MODEL] {
    let (width, height) = (q.width as usize, q.height as usize);
    let stride = q.stride as usize;
    let across = width.div_ceil(stride);
    let points = across * height.div_ceil(stride);
    let half = 0.5 * width.max(height) as f32;
    let (cx, cy) = (0.5 * (width as f32 - 1.0), 0.5 * (height as f32 - 1.0));
    let at = |k: usize| {
        let (px, py) = (k % across * stride, k / across * stride);
        let (x, y) = ((px as f32 - cx) / half, (py as f32 - cy) / half);
        (x, y, py * width + px)
    };
    // As the workgroup sums: each lane its own points, then lane by lane.
    let sum = |f: &dyn Fn(usize) -> [f32; SUMS]| {
        let mut total = [0.0f32; SUMS];
        for lane in 0..LANES {
            let mut t = [0.0f32; SUMS];
            for k in (lane..points).step_by(LANES) {
                t.iter_mut().zip(f(k)).for_each(|(t, v)| *t += v);
            }
            total.iter_mut().zip(t).for_each(|(s, t)| *s += t);
        }
        total
    };
    let mut p = [0.0f32; 8];
    let mut e = [0.577f32; 3];
    let mut weight = 0.0;
    for scale in SCALES {
        let s2 = scale * scale;
        let sums = sum(&|k| {
            let (x, y, i) = at(k);
            if state[i] != 3 {
                return [0.0; SUMS];
            }
            let f = flow[i].map(|v| v * q.scale);
            let m = plane(&p, x, y);
            let r = [f[0] - m[0], f[1] - m[1]];
            let g = s2 / (s2 + (r[0] * r[0] + r[1] * r[1]));
            let w = g * g;
            let (wx, wy) = (w * x, w * y);
            let (xx, xy, yy) = (wx * x, wx * y, wy * y);
            [
                w,
                wx,
                wy,
                xx,
                xy,
                yy,
                xx * x,
                xx * y,
                yy * x,
                yy * y,
                xx * x * x + xx * y * y,
                xx * y * y + yy * y * y,
                xx * x * y + xy * y * y,
                w * f[0],
                wx * f[0],
                wy * f[0],
                w * f[1],
                wx * f[1],
                wy * f[1],
                xx * f[0] + xy * f[1],
                xy * f[0] + yy * f[1],
            ]
        });
        weight = sums[0];
        p = solve(&sums);
    }
    for (round, scale) in SCALES.iter().enumerate().skip(2) {
        let s2 = scale * scale;
        let first = round == 2;
        let sums = sum(&|k| {
            let (x, y, i) = at(k);
            let mut t = [0.0; SUMS];
            if state[i] != 3 {
                return t;
            }
            let m = plane(&p, x, y);
            let r = [flow[i][0] * q.scale - m[0], flow[i][1] * q.scale - m[1]];
            let l = [r[1], -r[0], r[0] * y - r[1] * x];
            let to = [x * e[2] - e[0], y * e[2] - e[1]];
            let reach = (to[0] * to[0] + to[1] * to[1]).sqrt().max(0.02);
            let off = (l[0] * e[0] + l[1] * e[1] + l[2] * e[2]) / reach;
            let g = if first { 1.0 } else { s2 / (s2 + off * off) };
            let by = if first { 1.0 } else { reach * reach };
            let w = g * g / (by * (1.0 + 0.05 * (r[0] * r[0] + r[1] * r[1])));
            t[..6].copy_from_slice(&[
                w * l[0] * l[0],
                w * l[0] * l[1],
                w * l[0] * l[2],
                w * l[1] * l[1],
                w * l[1] * l[2],
                w * l[2] * l[2],
            ]);
            t
        });
        e = smallest(&sums, e);
    }
    let last = sum(&|k| {
        let (x, y, i) = at(k);
        let m = plane(&p, x, y);
        let mut t = [0.0; SUMS];
        t[0] = (m[0] * m[0] + m[1] * m[1]).sqrt();
        t[1] = f32::from(u8::from(state[i] == 3));
        t
    });
    let n = last[1];
    let known = if n >= 16.0 { 1.0 } else { 0.0 };
    let p = p.map(|v| if n >= 16.0 { v } else { 0.0 });
    [
        [p[0], p[1], p[2], p[3]],
        [p[4], p[5], p[6], p[7]],
        [e[0], e[1], e[2], known * weight / n.max(1.0)],
        [
            known * last[0] / points.max(1) as f32,
            n,
            points as f32,
            0.0,
        ],
    ]
}

fn solve(s: &[f32; SUMS]) -> [f32; 8] {
    let n = s[0];
    let mut m = [[0.0f32; 9]; 8];
    for o in [0, 3] {
        m[o][o] = n;
        m[o][o + 1] = s[1];
        m[o][o + 2] = s[2];
        m[o + 1][o + 1] = s[3];
        m[o + 1][o + 2] = s[4];
        m[o + 2][o + 2] = s[5];
    }
    (m[0][6], m[0][7]) = (s[3], s[4]);
    (m[1][6], m[1][7]) = (s[6], s[7]);
    (m[2][6], m[2][7]) = (s[7], s[8]);
    (m[3][6], m[3][7]) = (s[4], s[5]);
    (m[4][6], m[4][7]) = (s[7], s[8]);
    (m[5][6], m[5][7]) = (s[8], s[9]);
    (m[6][6], m[6][7]) = (s[10], s[12]);
    m[7][7] = s[11];
    for i in 0..8 {
        for j in 0..i {
            m[i][j] = m[j][i];
        }
        m[i][8] = s[13 + i];
        m[i][i] += 1e-4 * n + 1e-6;
    }
    for k in 0..8 {
        let row = m[k];
        for below in m.iter_mut().skip(k + 1) {
            let f = below[k] * (1.0 / row[k]);
            for j in k..9 {
                below[j] -= f * row[j];
            }
        }
    }
    let mut p = [0.0f32; 8];
    for i in (0..8).rev() {
        let known: f32 = (i + 1..8).map(|j| m[i][j] * p[j]).sum();
        p[i] = (m[i][8] - known) / m[i][i];
    }
    p
}

fn smallest(s: &[f32; SUMS], e: [f32; 3]) -> [f32; 3] {
    let damp = 1e-4 * (s[0] + s[3] + s[5]) + 1e-9;
    let (a, b, c, d, f, g) = (s[0] + damp, s[1], s[2], s[3] + damp, s[4], s[5] + damp);
    let r0 = [d * g - f * f, c * f - b * g, b * f - c * d];
    let r1 = [r0[1], a * g - c * c, b * c - a * f];
    let r2 = [r0[2], r1[2], a * d - b * b];
    let dot = |r: [f32; 3], v: [f32; 3]| r[0] * v[0] + r[1] * v[1] + r[2] * v[2];
    let mut v = e;
    for _ in 0..6 {
        let next = [dot(r0, v), dot(r1, v), dot(r2, v)];
        let size = next.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        if size > 1e-30 {
            v = next.map(|x| x / size);
        }
    }
    let length = dot(v, v).sqrt().max(1e-12);
    v.map(|x| x / length)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(2, 0, &camera(&call.params(), call.read(0), call.read(1)));
}
