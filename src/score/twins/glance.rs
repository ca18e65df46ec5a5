//! Twin of `kernels/score/glance.wgsl`.

use nalgebra::{SMatrix, SVector};

use crate::gpu::Call;
use crate::motion::twins::sample;
use crate::score::kernels::GlanceParams;

const SCALES: [f32; 6] = [128.0, 64.0, 32.0, 16.0, 12.0, 12.0];

/// A picture and the one after it, of one size.
struct Pair<'a> {
    a: &'a [f32],
    b: &'a [f32],
    size: [u32; 2],
}

impl Pair<'_> {
    /// Where a pixel goes, and its place from the middle in halves of the long side.
    fn to(&self, p: &[f32; 5], standard: f32, x: u32, y: u32) -> [[f32; 2]; 2] {
        let [w, h] = self.size;
        let half = 0.5 * w.max(h) as f32;
        let per = w.min(h) as f32 / standard;
        let at = [
            (x as f32 - 0.5 * (w as f32 - 1.0)) / half,
            (y as f32 - 0.5 * (h as f32 - 1.0)) / half,
        ];
        let to = [
            x as f32 + per * (p[0] + p[3] * at[0] - p[2] * at[1]),
            y as f32 + per * (p[1] + p[2] * at[0] + p[3] * at[1]),
        ];
        [to, at]
    }

    fn sample(&self, x: f32, y: f32) -> f32 {
        let [w, h] = self.size;
        let x = x.clamp(0.0, w as f32 - 1.0);
        let y = y.clamp(0.0, h as f32 - 1.0);
        sample(self.b, w, h, x, y)
    }

    /// One round; gives the sum of the weights.
    fn improve(&self, p: &mut [f32; 5], standard: f32, s: f32, both: bool) -> f32 {
        let [w, h] = self.size;
        let per = w.min(h) as f32 / standard;
        let mut m = SMatrix::<f64, 5, 5>::zeros();
        let mut right = SVector::<f64, 5>::zeros();
        let mut sum = 0.0;
        for y in 1..h.saturating_sub(1) {
            for x in 1..w.saturating_sub(1) {
                let [to, at] = self.to(p, standard, x, y);
                let inside = |v: f32, side: u32| v >= 0.5 && v <= side as f32 - 1.5;
                if !(inside(to[0], w) && inside(to[1], h)) {
                    continue;
                }
                let a = |x: u32, y: u32| self.a[(y * w + x) as usize];
                let e = self.sample(to[0], to[1]) - a(x, y) - p[4];
                let mut gx = 0.5 * (a(x + 1, y) - a(x - 1, y));
                let mut gy = 0.5 * (a(x, y + 1) - a(x, y - 1));
                if both {
                    let b = |x: f32, y: f32| self.sample(to[0] + x, to[1] + y);
                    gx = 0.5 * gx + 0.25 * (b(1.0, 0.0) - b(-1.0, 0.0));
                    gy = 0.5 * gy + 0.25 * (b(0.0, 1.0) - b(0.0, -1.0));
                }
                let g = s * s / (s * s + e * e);
                let weight = f64::from(g * g);
                let j = [
                    per * gx,
                    per * gy,
                    per * (gy * at[0] - gx * at[1]),
                    per * (gx * at[0] + gy * at[1]),
                    -1.0,
                ];
                let j = SVector::<f64, 5>::from(j.map(f64::from));
                m += weight * j * j.transpose();
                right += weight * f64::from(e) * j;
                sum += weight;
            }
        }
        let damped = m + SMatrix::identity() * (1e-3 * sum + 1e-9);
        let step = damped.lu().solve(&right).unwrap_or_default();
        for (p, d) in p.iter_mut().zip(step.iter()) {
            *p -= *d as f32;
        }
        sum as f32
    }
}

/// The two vectors of a pair of pictures, each at two sizes, and of the larger one before them where there is one.
pub fn glance(
    q: &GlanceParams,
    small: [&[f32]; 2],
    large: [&[f32]; 2],
    before: Option<&[f32]>,
) -> [[f32; 4]; 2] {
    let mut p = [0.0f32; 5];
    let small = Pair {
        a: small[0],
        b: small[1],
        size: [q.small_width, q.small_height],
    };
    let pair = Pair {
        a: large[0],
        b: large[1],
        size: [q.width, q.height],
    };
    for s in SCALES {
        small.improve(&mut p, q.scale, s, true);
    }
    let mut weight = 0.0;
    for _ in 0..3 {
        weight = pair.improve(&mut p, q.scale, SCALES[5], false);
    }
    let [columns, rows] = pair.size.map(|side| side.max(2) - 2);
    let found = weight / (columns * rows).max(1) as f32;
    let [w, h] = pair.size;
    let across = w.div_ceil(q.cell);
    // Sum of the differences of two pictures in a cell, and its pixels.
    let differ = |c: u32, one: &[f32], other: &[f32]| {
        let (x0, y0) = (c % across * q.cell, c / across * q.cell);
        let rows = y0..(y0 + q.cell).min(h);
        let places = rows.flat_map(|y| (x0..(x0 + q.cell).min(w)).map(move |x| y * w + x));
        places.fold((0.0f32, 0.0f32), |(sum, n), at| {
            (sum + (one[at as usize] - other[at as usize]).abs(), n + 1.0)
        })
    };
    let (mut still, mut most, mut back, mut all) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for c in 0..across * h.div_ceil(q.cell) {
        let (now, n) = differ(c, pair.b, pair.a);
        still += now;
        most = most.max(now / n);
        if let Some(before) = before {
            let (last, both) = (differ(c, pair.a, before).0, differ(c, pair.b, before).0);
            back += (now.max(last) - both).max(0.0);
            all += now.max(last) + both + n;
        }
    }
    [
        [p[0], p[1], p[2], p[3]],
        [still / (w * h) as f32, most, back / all.max(1.0), found],
    ]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let q: GlanceParams = call.params();
    let mut records = Vec::new();
    for i in 0..call.groups()[0] as usize {
        let of = |b: usize, i: usize, w: u32, h: u32| {
            let n = (w * h) as usize;
            &call.read::<f32>(b)[i * n..(i + 1) * n]
        };
        let known = i + q.known as usize;
        let record = if known == 0 {
            [[0.0; 4]; 2]
        } else {
            let small = [i + 1, i + 2].map(|i| of(0, i, q.small_width, q.small_height));
            let large = [i + 1, i + 2].map(|i| of(1, i, q.width, q.height));
            let before = (known > 1).then(|| of(1, i, q.width, q.height));
            glance(&q, small, large, before)
        };
        records.extend(record);
    }
    call.put(2, 0, &records);
}
