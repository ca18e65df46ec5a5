//! Dense flow between neighbouring frames, both ways, with what is found from it.

use super::{Ground, Size, Stage, Work};
use crate::motion::{MotionOptions, estimate};

const fn size(name: &'static str, picture: [u32; 2], cost: f64) -> Size {
    Size::new(name, 12, picture, cost)
}

/// A pair is two neighbouring frames. Runs estimate motion at 256x144 (`motion.step_side`).
pub static STAGE: Stage = Stage {
    name: "flow",
    unit: "pairs",
    about: "flow both ways, consistency, camera and objects between neighbouring frames",
    sizes: &[
        size("11 pairs of 256x144", [256, 144], 1.0),
        size("11 pairs of 640x360", [640, 360], 6.0),
        size("11 pairs of 1024x576", [1024, 576], 16.0),
    ],
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let frames = ground.film(size.picture, size.count)?.frames(&gpu)?;
    let options = MotionOptions {
        step_side: size.picture[0],
        ..MotionOptions::default()
    };
    Ok(Work::new(size.count as f64 - 1.0, move |monitor| {
        estimate(&gpu, &frames, &options, monitor)?;
        Ok(gpu.wait()?)
    }))
}
