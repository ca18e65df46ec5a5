//! Twin of `kernels/video/convert.wgsl`.

use crate::video::ConvertParams;

fn sample(params: &ConvertParams, src: &[u32], c: usize, x: i32, y: i32) -> f32 {
    let at = (params.base[c] + y * params.stride[c] + x * params.step[c]) as usize;
    let word = src[at / 4] >> (at % 4 * 8);
    (word >> params.shift[c] & params.mask[c]) as f32
}

fn mix(a: f32, b: f32, t: f32) -> f32 {
    a * (1.0 - t) + b * t
}

fn chroma(params: &ConvertParams, src: &[u32], x: i32, y: i32) -> [f32; 2] {
    let log2 = params.chroma_log2;
    if log2 == [0, 0] {
        return [sample(params, src, 1, x, y), sample(params, src, 2, x, y)];
    }
    let axis = |at: i32, i: usize| {
        let scale = 1u32 << log2[i];
        let last = params.stored[i].div_ceil(scale) as i32 - 1;
        let at = (at as f32 - params.chroma_at[i]) / scale as f32;
        let whole = at.floor();
        let low = (whole as i32).clamp(0, last);
        ((low, (whole as i32 + 1).clamp(0, last)), at - whole)
    };
    let ((x0, x1), tx) = axis(x, 0);
    let ((y0, y1), ty) = axis(y, 1);
    [1, 2].map(|c| {
        let at = |x, y| sample(params, src, c, x, y);
        mix(
            mix(at(x0, y0), at(x1, y0), tx),
            mix(at(x0, y1), at(x1, y1), tx),
            ty,
        )
    })
}

fn byte(value: f32) -> u32 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u32
}

/// Packed sRGB pixels of `params.size`, row-major, from the bytes of one stored frame.
pub fn convert(params: &ConvertParams, src: &[u32]) -> Vec<u32> {
    let swap = params.orient & 1 != 0;
    let [w, h] = params.stored;
    let shown = if swap { [h, w] } else { [w, h] };
    let span = |at: u32, i: usize| {
        let (low, high, scale) = (at * shown[i], (at + 1) * shown[i], params.size[i]);
        (low / scale..high.div_ceil(scale)).map(move |s| {
            let overlap = ((s + 1) * scale).min(high) - (s * scale).max(low);
            (s, overlap as f32)
        })
    };
    let mut dst = Vec::new();
    for oy in 0..params.size[1] {
        for ox in 0..params.size[0] {
            let (mut sum, mut total) = ([0.0f32; 3], 0.0f32);
            for (y, rows) in span(oy, 1) {
                for (x, columns) in span(ox, 0) {
                    let [mut sx, mut sy] = if swap { [y, x] } else { [x, y] };
                    if params.orient & 2 != 0 {
                        sx = w - 1 - sx;
                    }
                    if params.orient & 4 != 0 {
                        sy = h - 1 - sy;
                    }
                    let (sx, sy) = (sx as i32, sy as i32);
                    let mut weight = (rows / shown[1] as f32) * (columns / shown[0] as f32);
                    if params.mask[3] != 0 {
                        weight *= sample(params, src, 3, sx, sy) * params.alpha_scale;
                    }
                    let [cb, cr] = chroma(params, src, sx, sy);
                    let raw = [sample(params, src, 0, sx, sy), cb, cr];
                    (0..3).for_each(|i| sum[i] += weight * raw[i]);
                    total += weight;
                }
            }
            dst.push(if total > 0.0 {
                let mean = sum.map(|s| s / total);
                let row =
                    |r: [f32; 4]| byte(r[0] * mean[0] + r[1] * mean[1] + r[2] * mean[2] + r[3]);
                row(params.row_r)
                    | row(params.row_g) << 8
                    | row(params.row_b) << 16
                    | byte(total) << 24
            } else {
                0
            });
        }
    }
    dst
}
