//! Motion blur: several instants of a frame averaged in linear light.

use crate::gpu::{Buffer, GpuError, Kernel, Recorder, groups_1d};

/// Images that one exposure may average.
pub const MOST_IMAGES: u32 = 32;

crate::gpu_struct! {
    /// Params of `mock/expose`.
    pub struct ExposeParams {
        /// Pixels of one image.
        pub pixels: u32,
        /// Images to average, 1 to [`MOST_IMAGES`].
        pub count: u32,
        /// First pixel of the first image in the input; the others follow it without gaps.
        pub source: u32,
        /// First pixel in the output.
        pub base: u32,
    }
}

/// Mean of images in linear light; of one image, that image. Alpha is the first image's.
pub static EXPOSE: Kernel = crate::kernel!(
    "mock/expose",
    shared [],
    twin crate::mock::twins::expose::twin,
    workgroup [64, 1, 1],
    params ExposeParams,
    bind [read images: u32, write rgba: u32 => colours(1)]
);

/// Refuses `count` elements from `first` on that are not all in `buffer`.
pub(super) fn fits(
    doing: &str,
    buffer: &Buffer<u32>,
    first: u32,
    count: usize,
) -> Result<(), GpuError> {
    if first as usize + count <= buffer.len() {
        return Ok(());
    }
    refuse(
        doing,
        format!(
            "{count} pixels from {first} on in a buffer of {}",
            buffer.len()
        ),
    )
}

/// An error in words.
pub(super) fn refuse(doing: &str, reason: String) -> Result<(), GpuError> {
    Err(GpuError::Validation {
        doing: doing.to_owned(),
        reason,
    })
}

/// Records the mean of `params.count` images of packed sRGB pixels in `images` to one image in `rgba`.
///
/// # Errors
/// [`GpuError::Validation`] for a count outside 1 to [`MOST_IMAGES`], or when a buffer ends too soon.
pub fn record(
    recorder: &mut Recorder,
    params: &ExposeParams,
    images: &Buffer<u32>,
    rgba: &Buffer<u32>,
) -> Result<(), GpuError> {
    const DOING: &str = "an exposure";
    if !(1..=MOST_IMAGES).contains(&params.count) {
        return refuse(
            DOING,
            format!("{} images, not 1 to {MOST_IMAGES}", params.count),
        );
    }
    let pixels = params.pixels as usize;
    fits(DOING, images, params.source, pixels * params.count as usize)?;
    fits(DOING, rgba, params.base, pixels)?;
    let groups = groups_1d(pixels, EXPOSE.workgroup[0]);
    recorder.run(&EXPOSE, params, &[images, rgba], groups)
}
