//! The scores of a clip.

use super::decode::{CLIPS, whole};
use super::{Ground, Size, Stage, Work};
use crate::motion::MotionOptions;
use crate::score::{ScoreOptions, score};
use crate::video::decode;

/// With their readback.
pub static STAGE: Stage = Stage {
    name: "scores",
    unit: "frames",
    about: "all scores of a clip, its frames in GPU memory",
    sizes: &CLIPS,
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let (gpu, clip) = (ground.gpu()?, ground.clip(size.picture, size.count)?);
    let frames = decode(
        &gpu,
        &clip,
        &whole(ground.decode()),
        &crate::monitor::Silent,
    )?;
    let motion = MotionOptions::default();
    let options = ScoreOptions::default();
    Ok(Work::new(size.count as f64, move |_| {
        score(&gpu, &frames, &motion, &options, &crate::monitor::Silent)?;
        Ok(gpu.wait()?)
    }))
}
