//! Corruptions of the levels of each pixel: blur, noise, JPEG blocks, flicker.

use super::{Corruption, short_side};
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_2d};
use crate::mock::blur::{self, BlurParams, MOST_SIGMA};
use crate::video::Frames;

crate::gpu_struct! {
    /// Params of `eval/noise`. A number that is not finite counts as 0.
    pub struct NoiseParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Standard deviation in levels, cut to 0 to 128.
        pub sigma: f32,
        /// Seed; give each frame another.
        pub seed: u32,
    }
}

/// Near-Gaussian noise on sRGB levels, four fifths of its variance the same in the three channels. Alpha stays.
pub static NOISE: Kernel = crate::kernel!(
    "eval/noise",
    shared ["shared/levels", "shared/random"],
    twin crate::eval::twins::noise::twin,
    workgroup [8, 8, 1],
    params NoiseParams,
    bind [read image: u32, write rgba: u32 => colours(1)]
);

crate::gpu_struct! {
    /// Params of `eval/flicker`. A number that is not finite counts as 0.
    pub struct FlickerParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Gain of the frame, cut to 0 to 4.
        pub gain: f32,
        /// Standard deviation of the gain over the picture, cut to 0 to 1.
        pub depth: f32,
        /// Side of a cell of the smooth gain in pixels, cut to 1 to 65536.
        pub cell: f32,
        /// Seed of the smooth gain; give each frame another.
        pub seed: u32,
        /// Not used.
        pub pad0: u32,
        /// Not used.
        pub pad1: u32,
    }
}

/// A gain on sRGB levels that changes smoothly over the picture. Alpha stays.
pub static FLICKER: Kernel = crate::kernel!(
    "eval/flicker",
    shared ["shared/levels", "shared/random"],
    twin crate::eval::twins::flicker::twin,
    workgroup [8, 8, 1],
    params FlickerParams,
    bind [read image: u32, write rgba: u32 => colours(1)]
);

crate::gpu_struct! {
    /// Params of `eval/blocks`: steps as [`steps`] gives them, cut to 1 to 255.
    pub struct BlocksParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Not used.
        pub pad: [u32; 2],
        /// Quantisation steps of luma.
        pub luma: [[f32; 4]; 16],
        /// Quantisation steps of chroma.
        pub chroma: [[f32; 4]; 16],
    }
}

/// The loss of a JPEG at full chroma resolution: blocks of 8x8 from the top left. Alpha stays.
pub static BLOCKS: Kernel = crate::kernel!(
    "eval/blocks", shared ["shared/levels"], twin crate::eval::twins::blocks::twin,
    workgroup [64, 1, 1], params BlocksParams,
    // A coefficient that lies between two steps may fall either way, which shows in its whole block.
    bind [read image: u32, write rgba: u32 => colours(1).but(0.02, 64)]
);

/// Frequencies in the order in which the kernel holds them.
pub const FREQUENCIES: [usize; 8] = [0, 2, 4, 6, 1, 3, 5, 7];

/// Quantisation steps of luma by row and column frequency (ITU-T T.81, table K.1).
pub const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// Quantisation steps of chroma (table K.2).
pub const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// A table scaled to a quality of 1 to 100 as libjpeg scales it, by columns and in the kernel's order.
pub fn steps(table: &[u8; 64], quality: f64) -> [[f32; 4]; 16] {
    let quality = quality.clamp(1.0, 100.0);
    let scale = if quality < 50.0 {
        5000.0 / quality
    } else {
        200.0 - 2.0 * quality
    };
    std::array::from_fn(|i| {
        std::array::from_fn(|k| {
            let at = 4 * i + k;
            let (row, column) = (FREQUENCIES[at % 8], FREQUENCIES[at / 8]);
            let step = (f64::from(table[8 * row + column]) * scale + 50.0) / 100.0;
            step.floor().clamp(1.0, 255.0) as f32
        })
    })
}

/// Workgroups of one image: one for eight blocks side by side.
pub fn block_groups([width, height]: [u32; 2]) -> [u32; 3] {
    [width.div_ceil(64).max(1), height.div_ceil(8).max(1), 1]
}

/// Runs a kernel that reads a frame and writes another in full, with params by frame.
pub(super) fn each<P: crate::gpu::GpuType>(
    gpu: &Gpu,
    frames: &Frames,
    kernel: &'static Kernel,
    groups: [u32; 3],
    mut params: impl FnMut(usize) -> P,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let mut recorder = gpu.recorder();
    let mut out = Vec::with_capacity(frames.len());
    for (t, image) in frames.rgba.iter().enumerate() {
        let rgba = gpu.scratch(image.len())?;
        recorder.run(kernel, &params(t), &[image, &rgba], groups)?;
        out.push(rgba);
    }
    recorder.submit()?;
    Ok(out)
}

pub(super) fn blur(
    gpu: &Gpu,
    frames: &Frames,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    // Narrower kernels do nothing to small pictures.
    let least = 0.5 * corruption.strength() / corruption.kind.strengths()[0];
    let sigma = (corruption.strength() * short_side(frames) / 480.0).max(least);
    let params = BlurParams {
        size: [frames.width, frames.height],
        sigma: (sigma as f32).min(MOST_SIGMA),
        ..BlurParams::default()
    };
    let mut recorder = gpu.recorder();
    let mut out = Vec::with_capacity(frames.len());
    let between = gpu.scratch(frames.rgba[0].len())?;
    for image in &frames.rgba {
        let rgba = gpu.scratch(image.len())?;
        blur::record_both(&mut recorder, &params, image, &between, &rgba)?;
        out.push(rgba);
    }
    recorder.submit()?;
    Ok(out)
}

pub(super) fn noise(
    gpu: &Gpu,
    frames: &Frames,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let size = [frames.width, frames.height];
    let mut rng = corruption.rng();
    let groups = groups_2d(size[0], size[1], NOISE.workgroup);
    each(gpu, frames, &NOISE, groups, |_| NoiseParams {
        size,
        sigma: corruption.strength() as f32,
        seed: rng.next() as u32,
    })
}

pub(super) fn blocks(
    gpu: &Gpu,
    frames: &Frames,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let size = [frames.width, frames.height];
    let params = BlocksParams {
        size,
        pad: [0; 2],
        luma: steps(&LUMA, corruption.strength()),
        chroma: steps(&CHROMA, corruption.strength()),
    };
    each(gpu, frames, &BLOCKS, block_groups(size), |_| params)
}

pub(super) fn flicker(
    gpu: &Gpu,
    frames: &Frames,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let size = [frames.width, frames.height];
    let sigma = corruption.strength();
    let cell = (short_side(frames) / 3.0) as f32;
    let mut rng = corruption.rng();
    let groups = groups_2d(size[0], size[1], FLICKER.workgroup);
    each(gpu, frames, &FLICKER, groups, |_| FlickerParams {
        size,
        gain: (1.0 + sigma * rng.normal()) as f32,
        depth: (sigma / 3.0) as f32,
        cell,
        seed: rng.next() as u32,
        ..FlickerParams::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_50_is_the_table_and_lower_ones_multiply_it() {
        let at = |steps: [[f32; 4]; 16], row: usize, column: usize| {
            let place = |f: usize| FREQUENCIES.iter().position(|&x| x == f).expect("there");
            let i = 8 * place(column) + place(row);
            steps[i / 4][i % 4]
        };
        let luma = steps(&LUMA, 50.0);
        assert_eq!(at(luma, 0, 0), 16.0);
        assert_eq!(at(luma, 0, 1), 11.0);
        assert_eq!(at(luma, 1, 0), 12.0);
        assert_eq!(at(luma, 7, 5), 100.0);
        assert_eq!(at(steps(&LUMA, 25.0), 0, 1), 22.0);
        assert_eq!(at(steps(&CHROMA, 6.0), 7, 7), 255.0);
        assert_eq!(at(steps(&LUMA, 100.0), 3, 3), 1.0);
    }
}
