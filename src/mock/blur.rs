//! Gaussian blur of a frame.

use super::expose::{fits, refuse};
use crate::gpu::{Buffer, GpuError, Kernel, Recorder, groups_2d};

/// Largest sigma in pixels.
pub const MOST_SIGMA: f32 = 16.0;

/// Pixels that the kernel looks to each side, at most; three of the largest sigma.
pub const REACH: u32 = 48;

crate::gpu_struct! {
    /// Params of `mock/blur`.
    pub struct BlurParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Direction of the pass: `[1, 0]` along x, `[0, 1]` along y.
        pub step: [i32; 2],
        /// First pixel in the input.
        pub source: u32,
        /// First pixel in the output.
        pub base: u32,
        /// Standard deviation in pixels, cut to 0 to [`MOST_SIGMA`]; 0 and what is not finite copies.
        pub sigma: f32,
        /// Not used.
        pub pad: u32,
    }
}

/// One pass of a separable Gaussian over sRGB values, the edge repeated. Alpha stays.
pub static BLUR: Kernel = crate::kernel!(
    "mock/blur",
    shared [],
    twin crate::mock::twins::blur::twin,
    workgroup [8, 8, 1],
    params BlurParams,
    bind [read image: u32, write rgba: u32 => colours(1)]
);

/// Records one pass over `size[0] * size[1]` packed sRGB pixels of `image` into `rgba`, another buffer.
///
/// # Errors
/// [`GpuError::Validation`] for another step than the two, or when a buffer ends too soon.
pub fn record(
    recorder: &mut Recorder,
    params: &BlurParams,
    image: &Buffer<u32>,
    rgba: &Buffer<u32>,
) -> Result<(), GpuError> {
    const DOING: &str = "a blur";
    if ![[1, 0], [0, 1]].contains(&params.step) {
        return refuse(
            DOING,
            format!("a step of {:?}, not [1, 0] or [0, 1]", params.step),
        );
    }
    let [width, height] = params.size;
    let pixels = width as usize * height as usize;
    fits(DOING, image, params.source, pixels)?;
    fits(DOING, rgba, params.base, pixels)?;
    let groups = groups_2d(width, height, BLUR.workgroup);
    recorder.run(&BLUR, params, &[image, rgba], groups)
}

/// Records both passes, along x from `image` to the start of `between`, then along y to `rgba`, which may be
/// `image`. `step` of the parameters is set here.
///
/// # Errors
/// [`GpuError::Validation`] when a buffer ends too soon.
pub fn record_both(
    recorder: &mut Recorder,
    params: &BlurParams,
    image: &Buffer<u32>,
    between: &Buffer<u32>,
    rgba: &Buffer<u32>,
) -> Result<(), GpuError> {
    let along_x = BlurParams {
        step: [1, 0],
        base: 0,
        ..*params
    };
    record(recorder, &along_x, image, between)?;
    let along_y = BlurParams {
        step: [0, 1],
        source: 0,
        ..*params
    };
    record(recorder, &along_y, between, rgba)
}
