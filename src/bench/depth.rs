//! The depth network that is built in. It runs on the processor.

use super::{Ground, Size, Stage, Work};
use crate::depth::{Model, ModelChoice};

const fn size(name: &'static str, picture: [u32; 2], cost: f64) -> Size {
    Size::new(name, 8, picture, cost)
}

/// The network's own size does not depend on the clip's.
pub static STAGE: Stage = Stage {
    name: "depth",
    unit: "frames",
    about: "the built-in depth network, on the processor",
    sizes: &[
        size("8 frames of 320x180", [320, 180], 1.0),
        size("8 frames of 1280x720", [1280, 720], 4.0),
    ],
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let frames = ground.film(size.picture, size.count)?.frames(&gpu)?;
    let model = Model::load(&ModelChoice::Embedded)?;
    Ok(Work::new(size.count as f64, move |monitor| {
        model.estimate(&gpu, &frames, monitor)?;
        Ok(())
    }))
}
