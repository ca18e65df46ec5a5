//! Blocks and noise in a frame, as a poor encoder and a poor sensor make them.

use super::expose::{fits, refuse};
use crate::gpu::{Buffer, GpuError, Kernel, Recorder};

/// Largest standard deviation of the noise, in levels.
pub const MOST_NOISE: f32 = 80.0;

crate::gpu_struct! {
    /// Params of `mock/spoil`. A number that is not finite counts as 0.
    pub struct SpoilParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// First pixel in the input.
        pub source: u32,
        /// First pixel in the output.
        pub base: u32,
        /// Side of a block in pixels, 8 or 16; blocks start at the top left and are cut at the edges.
        pub block: u32,
        /// How much of a pixel's deviation from its block's mean colour goes, cut to 0 to 1.
        pub mix: f32,
        /// What is left of the deviation becomes the nearest multiple of so many levels, cut to 0 to 255 and held
        /// to 1/256; 0 leaves it.
        pub step: f32,
        /// Standard deviation of the noise in levels, cut to 0 to [`MOST_NOISE`]; each channel has its own.
        pub sigma: f32,
        /// Seed of the noise; give each frame another.
        pub seed: u32,
        /// Not used.
        pub pad0: u32,
        /// Not used.
        pub pad1: u32,
        /// Not used.
        pub pad2: u32,
    }
}

/// Blocks, then noise, on sRGB values; a workgroup a block. With `mix`, `step` and `sigma` 0 it copies. Alpha stays.
/// Bit for bit what the CPU twin gives.
pub static SPOIL: Kernel = crate::kernel!(
    "mock/spoil",
    shared [],
    twin crate::mock::twins::spoil::twin,
    workgroup [8, 8, 1],
    params SpoilParams,
    bind [read image: u32, write rgba: u32]
);

/// Records blocks and noise from `size[0] * size[1]` packed sRGB pixels of `image` into `rgba`, another buffer.
///
/// # Errors
/// [`GpuError::Validation`] for another block than 8 or 16, or when a buffer ends too soon.
pub fn record(
    recorder: &mut Recorder,
    params: &SpoilParams,
    image: &Buffer<u32>,
    rgba: &Buffer<u32>,
) -> Result<(), GpuError> {
    const DOING: &str = "blocks and noise";
    if ![8, 16].contains(&params.block) {
        return refuse(
            DOING,
            format!("blocks of {} pixels, not 8 or 16", params.block),
        );
    }
    let [width, height] = params.size;
    let pixels = width as usize * height as usize;
    fits(DOING, image, params.source, pixels)?;
    fits(DOING, rgba, params.base, pixels)?;
    recorder.run(&SPOIL, params, &[image, rgba], groups(params))
}

/// Workgroups of one image: one a block.
pub fn groups(params: &SpoilParams) -> [u32; 3] {
    let [x, y] = params
        .size
        .map(|side| side.div_ceil(params.block.clamp(1, 16)).max(1));
    [x, y, 1]
}
