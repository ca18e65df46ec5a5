//! Tests of the evaluations: of agents against planted faults, of solved cameras, of scores against corruptions.

mod agent;
mod cameras;
mod corrupt;
mod depth;
mod kernels;
mod scores;
mod splats;
mod witness;

use sora_director::gpu::Gpu;
use sora_director::video::{Frames, VideoInfo};

use crate::common::Rng;

/// A clip of `count` frames: coarse texture that moves to the left by two pixels a frame.
pub fn clip(gpu: &Gpu, [width, height]: [u32; 2], count: usize) -> Frames {
    let level = |x: u32, y: u32| Rng(u64::from(x / 5 * 7919 + y / 5)).u32() & 0x00ff_ffff;
    let frame = |t: usize| -> Vec<u32> {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        places
            .map(|(x, y)| level(x + 2 * t as u32, y) | 0xff00_0000)
            .collect()
    };
    Frames {
        width,
        height,
        times: (0..count).map(|t| t as f64 / 12.0).collect(),
        rgba: (0..count)
            .map(|t| gpu.upload(&frame(t)).expect("upload"))
            .collect(),
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    }
}
