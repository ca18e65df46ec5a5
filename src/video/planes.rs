//! Packed sRGB to the planar 4:2:0 that the encoder takes: the kernel's host side.

use crate::gpu::{Buffer, GpuError, Kernel, Recorder, groups_2d};

crate::gpu_struct! {
    /// Params of `video/planes`.
    pub struct PlanesParams {
        /// Width and height in pixels, both even.
        pub size: [u32; 2],
        /// First pixel in the input.
        pub base: u32,
        /// First word in the output.
        pub out: u32,
    }
}

/// Packed pixels to planar 4:2:0, BT.709 limited range; bit for bit what the CPU twin gives.
pub static PLANES: Kernel = crate::kernel!(
    "video/planes",
    shared [],
    twin crate::video::twins::planes::twin,
    workgroup [8, 8, 1],
    params PlanesParams,
    bind [read rgba: u32, write planes: u32]
);

/// Bytes of a row of Y: the width in pixels rounded up to a multiple of 8. Rows of U and V take half of it.
pub fn stride(width: u32) -> usize {
    width.div_ceil(8) as usize * 8
}

/// Words that the planes of one frame take: Y of `height` rows of [`stride`] bytes, then U and V of `height / 2`
/// rows of half as many. `width` and `height` in pixels are even.
pub fn words(width: u32, height: u32) -> usize {
    stride(width) / 8 * (height as usize / 2) * 6
}

/// Records the conversion of one frame: `width * height` packed pixels from `params.base` of `rgba` to
/// [`words`] words from `params.out` of `planes`.
///
/// # Errors
/// [`GpuError::Validation`] for an odd size, or when a buffer ends before the frame does.
pub fn record(
    recorder: &mut Recorder,
    params: &PlanesParams,
    rgba: &Buffer<u32>,
    planes: &Buffer<u32>,
) -> Result<(), GpuError> {
    let [width, height] = params.size;
    let refuse = |reason: String| {
        Err(GpuError::Validation {
            doing: "planes of a frame".to_owned(),
            reason,
        })
    };
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return refuse(format!(
            "the size {width}x{height} is odd, 4:2:0 needs an even one"
        ));
    }
    let pixels = width as usize * height as usize;
    for (what, first, count, len) in [
        ("pixels", params.base, pixels, rgba.len()),
        ("words", params.out, words(width, height), planes.len()),
    ] {
        if first as usize + count > len {
            return refuse(format!(
                "{count} {what} from {first} on in a buffer of {len}"
            ));
        }
    }
    let groups = groups_2d(width.div_ceil(8), height / 2, PLANES.workgroup);
    recorder.run(&PLANES, params, &[rgba, planes], groups)
}

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
