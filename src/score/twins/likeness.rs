//! Twin of `kernels/score/likeness.wgsl`.

use crate::gpu::Call;
use crate::motion::twins::sample;
use crate::score::kernels::LikenessParams;

/// What a frame looks like.
pub struct Look<'a> {
    /// Its luma.
    pub luma: &'a [f32],
    /// Its small chroma.
    pub tint: &'a [[f32; 2]],
}

/// The vector of each point.
pub fn likeness(
    q: &LikenessParams,
    key: &Look<'_>,
    now: &Look<'_>,
    points: &[[f32; 4]],
) -> Vec<[f32; 4]> {
    (0..q.count as usize)
        .map(|i| one(q, key, now, points[i], points[q.at as usize + i]))
        .collect()
}

fn one(
    q: &LikenessParams,
    key: &Look<'_>,
    now: &Look<'_>,
    from: [f32; 4],
    to: [f32; 4],
) -> [f32; 4] {
    let at = |luma: &[f32], p: [f32; 4], i: usize, j: usize| {
        let x = p[0] + q.spacing * (i as f32 - 4.0);
        let y = p[1] + q.spacing * (j as f32 - 4.0);
        let [w, h] = [q.width, q.height].map(|s| (s as f32 * q.ratio).ceil() as u32);
        let [x, y] = [x, y].map(|v| (v + 0.5) * q.ratio - 0.5);
        sample(luma, w, h, x, y)
    };
    let mut s = [0.0f32; 5];
    for j in 0..9 {
        for i in 0..9 {
            let (x, y) = (at(key.luma, from, i, j), at(now.luma, to, i, j));
            let terms = [x, y, x * x, y * y, x * y];
            s.iter_mut().zip(terms).for_each(|(s, t)| *s += t);
        }
    }
    let [mx, my, xx, yy, xy] = s.map(|s| s / 81.0);
    let dx = (xx - mx * mx).max(0.0).sqrt();
    let dy = (yy - my * my).max(0.0).sqrt();
    if to[2] != 0.0 {
        return [0.0, 0.0, dx, 0.0];
    }
    let alike = ((xy - mx * my + 29.26) / (dx * dy + 29.26)).clamp(0.0, 1.0);
    let contrast = (2.0 * dx * dy + 58.52) / (dx * dx + dy * dy + 58.52);
    let (a, b) = (hue(q, key.tint, from), hue(q, now.tint, to));
    let tint = (a[0] - b[0]).hypot(a[1] - b[1]);
    [alike * contrast, tint, dx, my - mx]
}

fn hue(q: &LikenessParams, tint: &[[f32; 2]], p: [f32; 4]) -> [f32; 2] {
    let scale = [
        q.tint_width as f32 / q.width as f32,
        q.tint_height as f32 / q.height as f32,
    ];
    let last = [q.tint_width as f32 - 1.0, q.tint_height as f32 - 1.0];
    let mut sum = [0.0f32; 2];
    for i in 0..4 {
        let sign = [[-1.0, 1.0][i & 1], [-1.0, 1.0][i >> 1]];
        let [x, y] = [0, 1].map(|c| {
            let v = (p[c] + 2.0 * q.spacing * sign[c] + 0.5) * scale[c];
            v.clamp(0.0, last[c]) as usize
        });
        let t = tint[y * q.tint_width as usize + x];
        sum = [sum[0] + t[0], sum[1] + t[1]];
    }
    sum.map(|s| 0.25 * s)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let look = |luma, tint| Look {
        luma: call.read(luma),
        tint: call.read(tint),
    };
    let looks = likeness(&call.params(), &look(0, 2), &look(1, 3), call.read(4));
    call.put(5, 0, &looks);
}
