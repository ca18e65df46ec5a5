//! Cameras from a clip and its depth: flows between frames further apart, then the solve.

use super::{Ground, Size, Stage, Work};
use crate::camera::{SolveOptions, solve};
use crate::motion::{MotionOptions, pairs};

/// Flows on the device, the solve on the processor.
pub static STAGE: Stage = Stage {
    name: "cameras",
    unit: "frames",
    about: "the cameras of a clip whose depth is known: flows on the device, the solve on the processor",
    sizes: &[
        Size::new("12 frames of 256x144", 12, [256, 144], 1.0),
        Size::new("24 frames of 320x180", 24, [320, 180], 4.0),
        Size::new("48 frames of 640x360", 48, [640, 360], 14.0),
    ],
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let film = ground.film(size.picture, size.count)?;
    let (frames, depth) = (film.frames(&gpu)?, film.depth_maps());
    let motion = MotionOptions::default();
    let options = SolveOptions {
        width: frames.width,
        height: frames.height,
        ..SolveOptions::default()
    };
    Ok(Work::new(size.count as f64, move |monitor| {
        let pairs = pairs(&gpu, &frames, &motion, monitor)?;
        solve(&pairs, &depth, &options, monitor)?;
        Ok(())
    }))
}
