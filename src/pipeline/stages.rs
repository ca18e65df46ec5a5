//! Stages joined: what the walk and the single-stage commands both call.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Config;
use crate::camera::{self, CameraError, Cameras};
use crate::depth::{DepthMaps, Model};
use crate::event::Monitor;
use crate::gpu::Gpu;
use crate::motion::{self, Motion};
use crate::splat::{self, FitReport, Renderer, Splats};
use crate::video::{self, DecodeOptions, Frames};
use crate::world::{self, DepthView};

/// A solve that ended in cameras, or in the words why there can be none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tracked {
    /// Cameras in the solver's gauge, or the input's own.
    Solved(Cameras),
    /// No cameras: the reason's name and words.
    Refused {
        /// Such as `static_camera`.
        reason: String,
        /// In words, with the mend.
        words: String,
    },
}

/// Splats and cameras in the world's frame: floor at y = 0, +Y up.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The world's splats.
    pub splats: Splats,
    /// The cameras in the same frame.
    pub cameras: Cameras,
    /// What the fit reports.
    pub report: FitReport,
    /// How the floor was found.
    pub alignment: world::Alignment,
}

/// Frames of a video, or of a folder of images, at the working size.
///
/// # Errors
/// As [`video::decode`].
pub fn frames(
    gpu: &Gpu,
    input: &Path,
    fps: Option<f64>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Frames> {
    let mut options = DecodeOptions {
        max_side: config.max_side,
        max_frames: Some(config.max_frames),
        ..DecodeOptions::default()
    };
    if let Some(fps) = fps {
        options.images_fps = fps;
    }
    let frames = video::decode(gpu, input, &options, monitor)?;
    for fault in &frames.faults {
        monitor.warn(&format!("{}: {fault}", input.display()));
    }
    Ok(frames)
}

/// Cameras and depth: the input's own where it tells them, else solved from flow and a depth network.
///
/// # Errors
/// What failed; a clip that cannot be solved is [`Tracked::Refused`], not an error.
pub fn track(
    gpu: &Gpu,
    input: &Path,
    frames: &Frames,
    motion: Option<&Motion>,
    model: &Model,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<(Tracked, Option<DepthMaps>)> {
    let known = if input.is_dir() {
        camera::known(
            input,
            &frames.sources,
            &frames.times,
            frames.width,
            frames.height,
        )?
    } else {
        None
    };
    let (mut cameras, mut depth, mut intrinsics) = (None, None, None);
    if let Some(known) = known {
        intrinsics = known.intrinsics;
        cameras = known.cameras.filter(|_| !config.ignore_known_cameras);
        depth = known.depth.filter(|_| !config.ignore_known_depth);
    }
    if let Some(cameras) = cameras {
        // Known poses without known depth: the fitter seeds itself from the pictures.
        return Ok((Tracked::Solved(cameras), depth));
    }
    let depth = match depth {
        Some(depth) => depth,
        None => model.estimate(gpu, frames, monitor)?,
    };
    let own;
    let motion = match motion {
        Some(motion) => motion,
        None => {
            own = motion::estimate(gpu, frames, &config.motion, monitor)?;
            &own
        }
    };
    let mut options = config.solve.clone();
    (options.width, options.height) = (frames.width, frames.height);
    if options.intrinsics.is_none() && !config.ignore_known_cameras {
        options.intrinsics = intrinsics;
    }
    match camera::solve(motion, &depth, &options, monitor) {
        Ok(cameras) => Ok((Tracked::Solved(cameras), Some(depth))),
        Err(error) => match refusal(&error) {
            Some(reason) => Ok((
                Tracked::Refused {
                    reason: reason.to_owned(),
                    words: error.to_string(),
                },
                Some(depth),
            )),
            None => Err(error.into()),
        },
    }
}

/// The name under which the reviser's rules know a clip that cannot be solved; `None` for other errors.
fn refusal(error: &CameraError) -> Option<&'static str> {
    match error {
        CameraError::TooFewFrames { .. } => Some("too_short"),
        CameraError::FlowInconsistent { .. } => Some("low_flow"),
        CameraError::Static { .. } => Some("static_camera"),
        CameraError::Unsolved { .. } => Some("not_rigid"),
        _ => None,
    }
}

/// Fits splats to posed frames and turns the result into the world's frame.
///
/// # Errors
/// What failed.
pub fn rebuild(
    gpu: &Gpu,
    frames: &Frames,
    cameras: &Cameras,
    depth: Option<&DepthMaps>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Rebuilt> {
    let fit = splat::fit(gpu, frames, cameras, depth, &config.fit, monitor)?;
    let views = depth_views(gpu, &fit.splats, cameras)?;
    let alignment = world::align(&views, cameras);
    let mut splats = fit.splats;
    splats.transform(alignment.rotation, alignment.translation, alignment.scale);
    Ok(Rebuilt {
        splats,
        cameras: alignment.apply_to_cameras(cameras),
        report: fit.report,
        alignment,
    })
}

/// What each camera sees of the splats.
///
/// # Errors
/// What failed on the GPU.
pub fn depth_views(
    gpu: &Gpu,
    splats: &Splats,
    cameras: &Cameras,
) -> anyhow::Result<Vec<DepthView>> {
    let Some(first) = cameras.cameras.first() else {
        return Ok(Vec::new());
    };
    let (width, height) = (first.intrinsics.width, first.intrinsics.height);
    let mut renderer = Renderer::new(gpu, splats, width, height, 0)?;
    cameras
        .cameras
        .iter()
        .map(|camera| {
            let seen = renderer.render(camera, [0.0; 3])?;
            Ok(DepthView {
                camera: *camera,
                width: seen.width,
                height: seen.height,
                depth: seen.depth,
                alpha: seen.alpha,
            })
        })
        .collect()
}
