//! Stages joined: what the walk and the single-stage commands both call.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Config;
use super::watch::{WINDOW, Watched, watch};
use crate::camera::{self, CameraError, Cameras, Intrinsics, Known, Point, Undistortion, moving};
use crate::depth::{DepthKind, DepthMaps, Model};
use crate::gpu::Gpu;
use crate::mock;
use crate::monitor::Monitor;
use crate::motion::{Masks, MotionOptions, Pairs};
use crate::score::{Networks, ScoreOptions};
use crate::splat::{self, FitReport, Renderer, Splats};
use crate::video::{self, Decode, DecodeOptions, Frames, Windows};
use crate::world::{self, DepthView};

/// Masks that leave less of the pictures tell of no scene.
const MOST_MOVING: f64 = 0.9;

/// A solve that ended in cameras, or in the words why there can be none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Tracked {
    /// Cameras in the solver's gauge, or the input's own.
    Solved(Cameras),
    /// No cameras: the reason's name and words.
    Refused {
        /// Such as `not_rigid`.
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

/// What is known of a take's frames pixel by pixel.
#[derive(Clone, Debug, Default)]
pub struct Maps {
    /// How far off.
    pub depth: Option<DepthMaps>,
    /// What moves; only where cameras were solved.
    pub masks: Option<Masks>,
}

impl Maps {
    /// As the fitter takes it.
    pub fn parts(&self) -> (Option<&DepthMaps>, Option<&Masks>) {
        (self.depth.as_ref(), self.masks.as_ref())
    }
}

/// What a solve tells beside its cameras; nothing where they are known.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// What moves by itself.
    pub masks: Option<Masks>,
    /// What several frames see, in the cameras' world; none where the camera does not travel.
    pub points: Vec<Point>,
}

/// Frames of a video, or of a folder of images, at the working size; those of lenses that distort as pinholes see them, where
/// known cameras are not ignored.
///
/// # Errors
/// As [`video::decode`], and a file of known cameras that cannot be read.
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
        decode: config.decode,
        ..DecodeOptions::default()
    };
    if let Some(fps) = fps {
        options.images_fps = fps;
    }
    let mut frames = video::decode(gpu, input, &options, monitor)?;
    for fault in &frames.faults {
        monitor.warn(&format!("{}: {fault}", input.display()));
    }
    let lenses = known(input, &frames, !config.ignore_known_cameras, false)?.lenses;
    let size = [frames.width, frames.height];
    let params = |lens: &Undistortion| (lens.frame, lens.pixels(size[0], size[1]));
    frames.undistort(gpu, lenses.iter().map(params))?;
    Ok(frames)
}

/// How a clip is read that is scored as it comes: none of its frames left out, and made smaller only where their long
/// side is over `max_side`.
pub fn reading(fps: Option<f64>, max_side: u32, decode: Decode) -> DecodeOptions {
    let plain = DecodeOptions::default();
    DecodeOptions {
        max_side,
        images_fps: fps.unwrap_or(plain.images_fps),
        // A window at a time is in memory.
        max_bytes: u64::MAX,
        decode,
        ..plain
    }
}

/// The scores of an input that is read as [`reading`] says, and its motion where it is not too long to keep.
///
/// # Errors
/// As [`watch`], and when the input cannot be opened.
pub fn scored(
    gpu: &Gpu,
    input: &Path,
    read: &DecodeOptions,
    motion: &MotionOptions,
    options: &ScoreOptions,
    networks: &Networks,
    monitor: &dyn Monitor,
) -> anyhow::Result<Watched> {
    let expected = video::probe(input).map_or(0, |info| info.frames);
    let mut windows = Windows::open(gpu, input, read, monitor)?;
    let how = (WINDOW, expected);
    let watched = watch(gpu, &mut windows, how, motion, options, networks, monitor)?;
    for fault in &watched.faults {
        monitor.warn(&format!("{}: {fault}", input.display()));
    }
    Ok(watched)
}

/// What an input folder tells of its own cameras and depth, and the run may use.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Poses.
    pub cameras: Option<Cameras>,
    /// Depth in metres.
    pub depth: Option<DepthMaps>,
    /// Intrinsics at the working size.
    pub intrinsics: Option<Intrinsics>,
    /// What a person should know of them, and of cameras that lie there and are not read.
    pub notes: Vec<String>,
}

/// What lies beside the images of an input.
fn known(input: &Path, frames: &Frames, cameras: bool, depth: bool) -> anyhow::Result<Known> {
    if !input.is_dir() && !crate::paths::is_list(input) {
        return Ok(Known::default());
    }
    let wanted = camera::Wanted { cameras, depth };
    let size = [frames.width, frames.height];
    let (sources, times) = (&frames.sources, &frames.times);
    Ok(camera::known_of(wanted, input, sources, times, size)?)
}

/// Reads what the input tells of its cameras and depth, both of pinholes as [`frames`] are; what is ignored may be damaged.
///
/// # Errors
/// A file of them that is there and cannot be read.
pub fn given(gpu: &Gpu, input: &Path, frames: &Frames, config: &Config) -> anyhow::Result<Given> {
    let cameras = !config.ignore_known_cameras;
    let mut known = known(input, frames, cameras, !config.ignore_known_depth)?;
    known.undistort_depth(gpu)?;
    Ok(Given {
        cameras: known.cameras,
        depth: known.depth,
        intrinsics: known.intrinsics,
        notes: known.notes,
    })
}

/// What to know of a network's answers on an input that the mock provider did not make, told once.
pub fn caution(
    model: &Model,
    input: &Path,
    frames: &Frames,
    monitor: &dyn Monitor,
) -> Option<String> {
    match mock::made(input) {
        true => None,
        false => model.caution(frames, monitor),
    }
}

/// Depth: the input's own, else the network's; none where poses are known without depth, since the fitter then
/// seeds itself from the pictures. A network that is rough on the frames of `input` says so.
///
/// # Errors
/// A failed run of the network.
pub fn depth(
    gpu: &Gpu,
    frames: &Frames,
    given: &Given,
    model: &Model,
    input: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Option<DepthMaps>> {
    if given.depth.is_some() {
        return Ok(given.depth.clone());
    }
    if given.cameras.is_some() {
        return Ok(None);
    }
    caution(model, input, frames, monitor);
    Ok(Some(model.estimate(gpu, frames, monitor)?))
}

/// Cameras: the input's own where it tells them, else solved from flow and depth. What is to be known of the input's own
/// is told, and kept in the notes. Where they are solved, what moves and the points that they see are told beside them.
///
/// # Errors
/// What failed; a clip that cannot be solved is [`Tracked::Refused`], not an error.
pub fn track(
    frames: &Frames,
    motion: impl FnOnce() -> anyhow::Result<Pairs>,
    given: &Given,
    depth: Option<&DepthMaps>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<(Tracked, Beside)> {
    for note in &given.notes {
        monitor.warn(note);
    }
    if let Some(cameras) = &given.cameras {
        let mut cameras = cameras.clone();
        cameras.measured = given.depth.is_some();
        return Ok((Tracked::Solved(cameras), Beside::default()));
    }
    let Some(depth) = depth else {
        anyhow::bail!("no depth to solve cameras with");
    };
    let mut options = config.solve.clone();
    (options.width, options.height) = (frames.width, frames.height);
    if options.intrinsics.is_none() {
        options.intrinsics = given.intrinsics;
    }
    let motion = motion()?;
    match camera::solve_with_points(&motion, depth, &options, monitor) {
        Ok((mut cameras, points)) => {
            cameras.notes.extend(given.notes.iter().cloned());
            let masks = moving::moving(&motion, depth, &cameras);
            let share = moving::moving_share(&masks).unwrap_or(0.0);
            if share > MOST_MOVING {
                let note = format!(
                    "{:.0}% of the pictures move by themselves, which leaves no scene: all of it is taken for one",
                    100.0 * share
                );
                monitor.warn(&note);
                cameras.notes.push(note);
                let masks = None;
                return Ok((Tracked::Solved(cameras), Beside { masks, points }));
            }
            let masks = Some(masks);
            Ok((Tracked::Solved(cameras), Beside { masks, points }))
        }
        Err(error) => match refusal(&error) {
            Some(reason) => {
                let reason = reason.to_owned();
                let words = error.to_string();
                Ok((Tracked::Refused { reason, words }, Beside::default()))
            }
            None => Err(error.into()),
        },
    }
}

/// Writes points as [`camera::save_points`] does, each in the colour that the frame that it was taken from shows it in.
///
/// # Errors
/// As [`Frames::read`], and a file that cannot be written.
pub fn save_points(
    gpu: &Gpu,
    frames: &Frames,
    points: &[Point],
    path: &Path,
) -> anyhow::Result<()> {
    let mut colours = Vec::with_capacity(points.len());
    let mut shown: Option<(usize, Vec<u32>)> = None;
    for point in points {
        let pixels = match shown.take() {
            Some((frame, pixels)) if frame == point.frame => pixels,
            _ => frames.read(gpu, point.frame)?,
        };
        let [x, y] = [
            (point.pixel.x, frames.width),
            (point.pixel.y, frames.height),
        ]
        .map(|(at, side)| (at.max(0.0) as usize).min(side as usize - 1));
        let [r, g, b, _] = pixels[y * frames.width as usize + x].to_le_bytes();
        colours.push([r, g, b]);
        shown = Some((point.frame, pixels));
    }
    Ok(camera::save_points(points, &colours, path)?)
}

/// Which of a round's takes becomes the world, as they are looked at from the one with the best scores on: the first whose cameras are good,
/// else the one whose cameras are best, the earlier of equals.
#[derive(Debug, Default)]
pub struct Choice {
    /// Where that take stands, and its reconstructability.
    pub best: Option<(usize, f64)>,
    /// The reconstructability of each take that was looked at, in that order; `None` where no cameras could be solved.
    pub looked: Vec<(usize, Option<f64>)>,
}

impl Choice {
    /// Looks at the take at `at`; whether no other has to be looked at.
    pub fn enough(&mut self, at: usize, tracked: &Tracked) -> bool {
        let Tracked::Solved(cameras) = tracked else {
            self.looked.push((at, None));
            return false;
        };
        let value = cameras.reconstructability();
        self.looked.push((at, Some(value)));
        if self.best.is_none_or(|(_, best)| value > best) {
            self.best = Some((at, value));
        }
        value >= camera::GOOD
    }

    /// The takes anew, ranked by scores before: those with good cameras, those that were not looked at, then the others by what
    /// their cameras promise. The first is the one that becomes the world.
    pub fn rank(&self, by_scores: &[usize]) -> Vec<usize> {
        let promise = |at: usize| {
            let looked = self.looked.iter().find(|(other, _)| *other == at);
            match looked.map(|(_, value)| value.unwrap_or(-1.0)) {
                Some(value) if value >= camera::GOOD => f64::INFINITY,
                Some(value) => value,
                None => f64::MAX,
            }
        };
        let mut order = by_scores.to_vec();
        order.sort_by(|&a, &b| promise(b).total_cmp(&promise(a)));
        order
    }
}

/// The name under which the reviser's rules know a clip that cannot be solved; `None` for other errors.
pub fn refusal(error: &CameraError) -> Option<&'static str> {
    match error {
        CameraError::TooFewFrames { .. } => Some("too_short"),
        CameraError::Blank { .. } => Some("blank"),
        CameraError::FlowInconsistent { .. } => Some("low_flow"),
        CameraError::Unsolved { .. }
        | CameraError::DepthContradicts { .. }
        | CameraError::Drifts => Some("not_rigid"),
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
    maps: &Maps,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Rebuilt> {
    let mut fit = splat::fit(gpu, frames, cameras, maps.parts(), &config.fit, monitor)?;
    let (cameras, alignment) = align(gpu, &mut fit.splats, cameras, maps)?;
    Ok(Rebuilt {
        splats: fit.splats,
        cameras,
        report: fit.report,
        alignment,
    })
}

/// Turns splats into the world's frame: floor at y = 0, +Y up. The floor is looked for in the aligned depth maps, whose
/// floor is flatter than that of the splats; without maps in what the cameras see of the splats. Answers the cameras in
/// that frame, and how the floor was found.
///
/// # Errors
/// What failed on the GPU.
pub fn align(
    gpu: &Gpu,
    splats: &mut Splats,
    cameras: &Cameras,
    maps: &Maps,
) -> anyhow::Result<(Cameras, world::Alignment)> {
    let views = match &maps.depth {
        Some(depth) => world::of_maps(depth, maps.masks.as_ref(), cameras, |_| None),
        None => depth_views(gpu, splats, cameras)?,
    };
    let alignment = world::align(&views, cameras);
    splats.transform(alignment.rotation, alignment.translation, alignment.scale);
    Ok((alignment.apply_to_cameras(cameras), alignment))
}

/// What agents and the world are given: the frames' aligned depth maps, refined by the pictures where the floor lies at
/// y = 0 or not, a quarter of them held out; without depth maps what the cameras see of the splats.
///
/// # Errors
/// What failed on the GPU.
pub fn evidence(
    gpu: &Gpu,
    frames: &Frames,
    maps: &Maps,
    splats: &Splats,
    cameras: &Cameras,
    floor_found: bool,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<DepthView>> {
    let mut failed = None;
    let mut pixels = |frame: usize| match frames.read(gpu, frame) {
        Ok(pixels) => Some((frames.width, frames.height, pixels)),
        Err(error) => {
            failed.get_or_insert(error);
            None
        }
    };
    let mut views = match &maps.depth {
        Some(depth) => world::of_maps(depth, maps.masks.as_ref(), cameras, &mut pixels),
        None => {
            let mut views = depth_views(gpu, splats, cameras)?;
            for view in &mut views {
                view.colour = pixels(view.camera.frame).map_or(Vec::new(), |p| p.2);
            }
            world::hold_out(&mut views);
            views
        }
    };
    if let Some(error) = failed {
        return Err(error.into());
    }
    // Depth that the input brings is a measurement; a network's is a guess that pictures mend.
    if maps
        .depth
        .as_ref()
        .is_some_and(|m| m.kind == DepthKind::RelativeInverse)
    {
        world::refine(gpu, &mut views, floor_found, monitor)?;
    }
    Ok(views)
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
            let size = [seen.width, seen.height];
            Ok(DepthView::new(*camera, size, seen.depth, seen.alpha))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Camera, LengthUnit, Pose, Way};

    fn solved(held_out: f64, way: Way) -> Tracked {
        let camera = Camera {
            frame: 0,
            time: 0.0,
            intrinsics: Intrinsics::from_fov_x(64, 36, 1.0),
            pose: Pose::gauge(),
            depth_scale: 1.0,
            depth_shift: 0.0,
        };
        let mut cameras = Cameras::known(vec![camera], LengthUnit::Arbitrary);
        cameras.way = way;
        cameras.residual_median = Some(0.5);
        cameras.held_out_under_2px = Some(held_out);
        Tracked::Solved(cameras)
    }

    fn looked(takes: &[Tracked]) -> Choice {
        let mut choice = Choice::default();
        for (at, take) in takes.iter().enumerate() {
            if choice.enough(at, take) {
                break;
            }
        }
        choice
    }

    fn chosen(takes: &[Tracked]) -> (Option<usize>, usize) {
        let choice = looked(takes);
        (choice.best.map(|(at, _)| at), choice.looked.len())
    }

    #[test]
    fn the_first_take_with_good_cameras_becomes_the_world_else_the_one_with_the_best() {
        let refused = || Tracked::Refused {
            reason: "not_rigid".to_owned(),
            words: "no".to_owned(),
        };
        let travels = |held_out| solved(held_out, Way::Travels);
        assert_eq!(chosen(&[travels(0.9), travels(1.0)]), (Some(0), 1));
        assert_eq!(
            chosen(&[refused(), travels(0.55), travels(0.9)]),
            (Some(2), 3)
        );
        assert_eq!(
            chosen(&[travels(0.55), travels(0.6), travels(0.6)]),
            (Some(1), 3)
        );
        assert_eq!(
            chosen(&[solved(1.0, Way::Stands), travels(0.5)]),
            (Some(1), 2)
        );
        assert_eq!(chosen(&[refused(), solved(1.0, Way::Turns)]), (Some(1), 2));
        assert_eq!(chosen(&[refused(), refused()]), (None, 2));
    }

    #[test]
    fn takes_are_ranked_anew_once_their_cameras_were_looked_at() {
        let refused = || Tracked::Refused {
            reason: "not_rigid".to_owned(),
            words: "no".to_owned(),
        };
        let travels = |held_out| solved(held_out, Way::Travels);
        let ranked = |takes: &[Tracked]| {
            let order: Vec<usize> = (0..takes.len()).collect();
            looked(takes).rank(&order)
        };
        assert_eq!(ranked(&[travels(0.9), travels(0.2)]), [0, 1]);
        // The last was not looked at.
        assert_eq!(
            ranked(&[refused(), travels(0.55), travels(0.9), travels(0.1)]),
            [2, 3, 1, 0]
        );
        assert_eq!(
            ranked(&[refused(), travels(0.55), travels(0.6), travels(0.6)]),
            [2, 3, 1, 0]
        );
        assert_eq!(ranked(&[refused(), refused()]), [0, 1]);
    }
}
