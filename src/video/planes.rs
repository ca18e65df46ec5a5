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
