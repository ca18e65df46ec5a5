//! Twin of `kernels/video/convert.wgsl`.

use crate::gpu::Call;
use crate::video::ConvertParams;

fn sample(params: &ConvertParams, src: &[u32], c: usize, x: i32, y: i32) -> f32 {
    let at = (params.base[c] + y * params.stride[c] + x * params.step[c]) as usize;
    let word = src[at / 4] >> (at % 4 * 8);
    (word >> params.shift[c] & params.mask[c]) as f32
}

/// How much of `[lo, hi)` sample `i` of `last + 1` covers; the first and the last reach out for ever.
fn cover(i: i32, last: i32, lo: f32, hi: f32) -> f32 {
    let left = if i == 0 { -1e9 } else { i as f32 };
    let right = if i == last { 1e9 } else { (i + 1) as f32 };
    (right.min(hi) - left.max(lo)).max(0.0)
}

fn chroma_of(params: &ConvertParams, src: &[u32], id: [u32; 2]) -> [f32; 2] {
    let swap = |v: [f32; 2]| match params.orient & 1 {
        0 => v,
        _ => [v[1], v[0]],
    };
    let stored = params.stored.map(|v| v as f32);
    let across = swap(stored);
    let scale = [0, 1].map(|i| across[i] / params.size[i] as f32);
    let shown = swap([0, 1].map(|i| (id[i] as f32 + 0.5) * scale[i]));
    let scale = swap(scale);
    let axis = |i: usize| {
        let unit = (1u32 << params.chroma_log2[i]) as f32;
        let flip = params.orient & (2 << i) != 0;
        let centre = if flip { stored[i] - shown[i] } else { shown[i] };
        let half = scale[i].max(unit) * 0.5;
        let offset = (unit - 1.0) * 0.5 - params.chroma_at[i];
        let last = params.stored[i].div_ceil(1 << params.chroma_log2[i]) as i32 - 1;
        let (lo, hi) = (
            (centre - half + offset) / unit,
            (centre + half + offset) / unit,
        );
        let first = (lo.floor() as i32).clamp(0, last);
        let end = (hi.ceil() as i32 - 1).clamp(0, last);
        let covers: Vec<_> = (first..=end).map(|s| (s, cover(s, last, lo, hi))).collect();
        (covers, hi - lo)
    };
    let ((columns, width), (rows, height)) = (axis(0), axis(1));
    [1, 2].map(|c| {
        let mut sum = 0.0;
        for &(y, tall) in &rows {
            for &(x, wide) in &columns {
                sum += tall * wide * sample(params, src, c, x, y);
            }
        }
        sum / (width * height)
    })
}

fn byte(value: f32) -> u32 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u32
}

/// Packed sRGB pixels of `params.size`, row-major, from the bytes of one stored frame.
pub fn convert(params: &ConvertParams, src: &[u32]) -> Vec<u32> {
    map_pixels(params, src, |colour| colour)
}

/// As `kernels/shared/stored.wgsl`: each pixel's mean, as R'G'B' through `shade`, packed.
pub(super) fn map_pixels(
    params: &ConvertParams,
    src: &[u32],
    shade: impl Fn([f32; 3]) -> [f32; 3],
) -> Vec<u32> {
    let swap = params.orient & 1 != 0;
    let [w, h] = params.stored;
    let shown = if swap { [h, w] } else { [w, h] };
    let whole = params.chroma_log2 == [0, 0];
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
                    let parts = if whole { 3 } else { 1 };
                    (0..parts).for_each(|c| sum[c] += weight * sample(params, src, c, sx, sy));
                    total += weight;
                }
            }
            dst.push(if total > 0.0 {
                let mut mean = sum.map(|s| s / total);
                if !whole {
                    let [cb, cr] = chroma_of(params, src, [ox, oy]);
                    mean = [mean[0], cb, cr];
                }
                let row = |r: [f32; 4]| r[0] * mean[0] + r[1] * mean[1] + r[2] * mean[2] + r[3];
                let colour = [params.row_r, params.row_g, params.row_b].map(row);
                let [r, g, b] = shade(colour).map(byte);
                r | g << 8 | b << 16 | byte(total) << 24
            } else {
                0
            });
        }
    }
    dst
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &convert(&call.params(), call.read(0)));
}
