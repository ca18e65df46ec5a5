//! A clip painted frame by frame, as a video.

use std::path::Path;

use crate::gpu::Gpu;
use crate::video::{EncodeOptions, Encoder, Frames};

/// Encodes a picture of `size` for each frame, which `paint` makes of the frame's number and its pixels (packed sRGB), at the rate at
/// which the frames were taken.
///
/// # Errors
/// The device's and the encoder's.
pub(super) fn film(
    gpu: &Gpu,
    frames: &Frames,
    path: &Path,
    [width, height]: [u32; 2],
    mut paint: impl FnMut(usize, Vec<u32>) -> Vec<u32>,
) -> anyhow::Result<()> {
    let seconds = frames.times.last().zip(frames.times.first());
    let seconds = seconds.map_or(0.0, |(last, first)| last - first);
    let fps = match seconds > 0.0 {
        true => ((frames.len() - 1) as f64 / seconds).clamp(1.0, 120.0),
        false => 8.0,
    };
    let mut encoder = Encoder::create(path, width, height, fps, &EncodeOptions::default())?;
    for index in 0..frames.len() {
        encoder.push(&paint(index, frames.read(gpu, index)?))?;
    }
    encoder.finish()?;
    Ok(())
}
