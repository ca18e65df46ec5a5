//! H.264 into GPU buffers.

use anyhow::ensure;

use super::{Ground, Size, Stage, Work};
use crate::video::{DecodeOptions, decode};

/// Sizes of clips; scores take the same.
pub const CLIPS: [Size; 3] = [
    Size {
        name: "24 frames of 640x360",
        count: 24,
        picture: [640, 360],
        cost: 1.0,
    },
    Size {
        name: "48 frames of 1280x720",
        count: 48,
        picture: [1280, 720],
        cost: 8.0,
    },
    Size {
        name: "48 frames of 1920x1080",
        count: 48,
        picture: [1920, 1080],
        cost: 18.0,
    },
];

/// At the clip's own size.
pub static STAGE: Stage = Stage {
    name: "decode",
    unit: "frames",
    about: "H.264 to packed sRGB in GPU memory, at the clip's own size",
    sizes: &CLIPS,
    prepare,
};

/// A clip's own size, whatever it is.
pub fn whole() -> DecodeOptions {
    DecodeOptions {
        max_side: 4096,
        ..DecodeOptions::default()
    }
}

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let (gpu, clip) = (ground.gpu()?, ground.clip(size.picture, size.count)?);
    let count = size.count;
    Ok(Work::new(count as f64, move |monitor| {
        let frames = decode(&gpu, &clip, &whole(), monitor)?;
        gpu.wait()?;
        ensure!(
            frames.len() == count,
            "{} frames came of a clip of {count}",
            frames.len()
        );
        Ok(())
    }))
}
