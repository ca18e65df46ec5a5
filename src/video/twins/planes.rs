//! Twin of `kernels/video/planes.wgsl`; the encoder converts with it what does not come from a GPU.

use crate::video::PlanesParams;
use crate::video::planes::{stride, words};

/// Luma of one pixel, 0-255, unrounded (ITU-R BT.709-6, 3.2 to 3.5).
fn luma(r: f32, g: f32, b: f32) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn channels(pixel: u32) -> [f32; 3] {
    [0, 8, 16].map(|shift| (pixel >> shift & 255) as f32)
}

/// Repeats the last of the first `len` bytes to the end of the row.
fn pad(row: &mut [u8], len: usize) {
    if let Some(&last) = row[..len].last() {
        row[len..].fill(last);
    }
}

/// The planes of one frame of even size, as many words as [`words`] says; `out` of the parameters is ignored.
/// Chroma is sited left, as H.264 takes untagged 4:2:0: on even columns (weights 1 2 1) and between two rows
/// (weights 1 1).
///
/// # Panics
/// When `rgba` ends before the frame does, or a side is odd.
pub fn planes(p: &PlanesParams, rgba: &[u32]) -> Vec<u32> {
    let [width, height] = p.size.map(|side| side as usize);
    assert!(width.is_multiple_of(2) && height.is_multiple_of(2));
    let rgba = &rgba[p.base as usize..][..width * height];
    let stride = stride(p.size[0]);
    let mut out = vec![0u32; words(p.size[0], p.size[1])];
    if out.is_empty() {
        return out;
    }
    let (grey, chroma) =
        bytemuck::cast_slice_mut::<u32, u8>(&mut out).split_at_mut(stride * height);
    for (row, line) in rgba.chunks_exact(width).zip(grey.chunks_exact_mut(stride)) {
        for (&pixel, out) in row.iter().zip(&mut *line) {
            let [r, g, b] = channels(pixel);
            *out = (16.5 + luma(r, g, b) * (219.0 / 255.0)) as u8;
        }
        pad(line, width);
    }
    // The transform is linear, so RGB is averaged first and the difference to its luma taken once.
    let (blue, red) = chroma.split_at_mut(stride / 2 * (height / 2));
    let lines = blue
        .chunks_exact_mut(stride / 2)
        .zip(red.chunks_exact_mut(stride / 2));
    for (rows, (blue, red)) in rgba.chunks_exact(2 * width).zip(lines) {
        for x in 0..width / 2 {
            let mut sum = [0.0f32; 3];
            for row in rows.chunks_exact(width) {
                let left = (2 * x).saturating_sub(1);
                for (at, weight) in [(left, 1.0), (2 * x, 2.0), (2 * x + 1, 1.0)] {
                    let c = channels(row[at]);
                    (0..3).for_each(|i| sum[i] += weight * c[i] / 8.0);
                }
            }
            let y0 = luma(sum[0], sum[1], sum[2]);
            blue[x] = (128.5 + (sum[2] - y0) * (224.0 / 255.0 / 1.8556)) as u8;
            red[x] = (128.5 + (sum[0] - y0) * (224.0 / 255.0 / 1.5748)) as u8;
        }
        pad(blue, width / 2);
        pad(red, width / 2);
    }
    out
}
