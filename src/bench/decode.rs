//! H.264 into GPU buffers.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::ensure;

use super::{Ground, Size, Stage, Work};
use crate::video::{Decode, DecodeOptions, Windows};

/// Sizes of clips; scores take the same.
pub const CLIPS: [Size; 3] = [
    Size::new("24 frames of 640x360", 24, [640, 360], 1.0),
    Size::new("48 frames of 1280x720", 48, [1280, 720], 8.0),
    Size::new("48 frames of 1920x1080", 48, [1920, 1080], 18.0),
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
pub fn whole(decode: Decode) -> DecodeOptions {
    DecodeOptions {
        max_side: 4096,
        decode,
        ..DecodeOptions::default()
    }
}

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let (gpu, clip) = (ground.gpu()?, ground.clip(size.picture, size.count)?);
    let (count, options) = (size.count, whole(ground.decode()));
    let decoder = Rc::<RefCell<_>>::default();
    let told = decoder.clone();
    Ok(Work {
        decoder,
        ..Work::new(count as f64, move |monitor| {
            let mut windows = Windows::open(&gpu, &clip, &options, monitor)?;
            let frames = windows.next(usize::MAX, monitor)?;
            gpu.wait()?;
            let came = frames.map_or(0, |frames| frames.len());
            ensure!(came == count, "{came} frames came of a clip of {count}");
            *told.borrow_mut() = windows.taken().map(ToString::to_string);
            Ok(())
        })
    })
}
