//! `director track`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use super::{Globals, network::NetworkArgs};
use crate::camera::{
    self, Cameras, Intrinsics, Known, Point, SolveOptions, TrajectoryError, Wanted, moving,
};
use crate::depth::Model;
use crate::monitor::Monitor as _;
use crate::motion::{self, Masks, MotionOptions};
use crate::pipeline;
use crate::progress::Single;
use crate::video::{self, DecodeOptions, Frames};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    director track clip.mp4 -o cameras\n  \
    director track room/ --ignore-known-cameras --truth truth/cameras.json -o cameras --json")]
pub struct Args {
    /// A video, a folder of images, or a folder with known cameras and depth
    input: PathBuf,
    /// Folder for cameras.json, nerfstudio.json, trajectory.tum.txt and, where cameras are solved, points.ply and masks.mp4: what moves by itself, in red
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Focal length in pixels at the input's own width
    #[arg(long, value_name = "PIXELS", conflicts_with = "fov")]
    focal: Option<f64>,
    /// Horizontal field of view in degrees
    #[arg(long, value_name = "DEGREES")]
    fov: Option<f64>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Solve although the folder has poses and intrinsics
    #[arg(long)]
    ignore_known_cameras: bool,
    /// Estimate depth although the folder has it
    #[arg(long)]
    ignore_known_depth: bool,
    /// True cameras to compare with: a cameras.json; without it, known cameras that were ignored are compared
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Long side in pixels that frames are decoded to
    #[arg(long, default_value_t = 640, value_name = "PIXELS")]
    max_side: u32,
    /// At most this many frames, evenly spaced in time
    #[arg(long, default_value_t = 60, value_name = "N")]
    max_frames: usize,
    /// Print cameras and errors as one JSON document on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    cameras: &'a Cameras,
    error: Option<TrajectoryError>,
    /// Mean share of the picture that moves by itself; `None` where cameras are known.
    moving: Option<f64>,
    /// Points in points.ply.
    points: usize,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    faults: &'a [String],
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    for (name, value, high) in [("--focal", args.focal, 1e6), ("--fov", args.fov, 170.0)] {
        if let Some(value) = value.filter(|v| !(*v > 0.0 && *v <= high)) {
            anyhow::bail!("{name} is {value}; give more than 0 and at most {high}");
        }
    }
    let truth = args.truth.as_deref().map(Cameras::load).transpose()?;
    // Before anything is computed that could not be kept.
    std::fs::create_dir_all(&args.output).with_context(|| {
        format!(
            "{}: cannot make the folder; name another with -o",
            args.output.display()
        )
    })?;
    let left = [
        "masks.mp4",
        "points.ply",
        "cameras.json",
        "trajectory.tum.txt",
        "nerfstudio.json",
    ];
    let [film_path, points_path, cameras_path, tum_path, list_path] =
        left.map(|name| args.output.join(name));
    let left = [
        &film_path,
        &points_path,
        &cameras_path,
        &tum_path,
        &list_path,
    ];
    if let Some(folder) = left.into_iter().find(|path| path.is_dir()) {
        anyhow::bail!(
            "{}: a folder is in the way; remove it, or name another folder with -o",
            folder.display()
        );
    }
    // What an earlier clip left does not stay beside a refusal, nor its film and points beside these cameras; the truth that was given
    // does.
    let given = args
        .truth
        .as_ref()
        .and_then(|path| path.canonicalize().ok());
    let own = |path: &&PathBuf| path.is_file() && path.canonicalize().ok() != given;
    let clear = |names: &[&PathBuf]| {
        for old in names.iter().copied().filter(own) {
            std::fs::remove_file(old).with_context(|| old.display().to_string())?;
        }
        anyhow::Ok(())
    };
    let monitor = Single::new(globals.quiet);
    let gpu = globals.gpu()?;
    let decode = DecodeOptions {
        max_side: args.max_side,
        max_frames: Some(args.max_frames),
        decode: globals.decode()?,
        ..DecodeOptions::default()
    };
    let frames = video::decode(&gpu, &args.input, &decode, &monitor)?;
    for fault in &frames.faults {
        tracing::warn!("{}: {fault}", args.input.display());
    }
    let known = known(args, &frames, &monitor)?;
    let truth = truth.or_else(|| known.cameras.clone());
    let (cameras, masks, points) = match &known.cameras {
        Some(cameras) if !args.ignore_known_cameras => (cameras.clone(), None, Vec::new()),
        _ => {
            let notes = known.notes.clone();
            let solved = solve(args, &gpu, &frames, known, &monitor);
            let solved = solved.inspect_err(|_| {
                for note in &notes {
                    monitor.warn(note);
                }
            });
            if let Err(error) = &solved
                && refused(error)
            {
                clear(&left)?;
            }
            let (mut cameras, masks, points) =
                solved.with_context(|| args.input.display().to_string())?;
            cameras.notes.extend(notes);
            (cameras, Some(masks), points)
        }
    };
    let error = truth
        .as_ref()
        .filter(|_| cameras.residual_median.is_some() || args.truth.is_some())
        .and_then(|truth| camera::evaluate(&cameras, truth));
    // None stays that is half written.
    let part = args.output.join("masks.part.mp4");
    if let Some(masks) = &masks {
        let filmed = film(&gpu, &frames, masks, &part);
        filmed.inspect_err(|_| drop(std::fs::remove_file(&part)))?;
    }
    clear(&[&film_path, &points_path])?;
    cameras.save(&cameras_path)?;
    cameras.save_tum(&tum_path)?;
    cameras.save_nerfstudio(&list_path)?;
    let moving = masks.as_ref().and_then(moving::moving_share);
    if !points.is_empty() {
        pipeline::save_points(&gpu, &frames, &points, &points_path)?;
    }
    if masks.is_some() {
        std::fs::rename(&part, &film_path).with_context(|| film_path.display().to_string())?;
    }
    if args.json {
        let summary = Summary {
            cameras: &cameras,
            error,
            moving,
            points: points.len(),
            faults: &frames.faults,
        };
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    if !globals.quiet {
        say(&cameras, points.len(), error.as_ref());
        if let Some(share) = moving {
            anstream::eprintln!(
                "{:.1}% of the pictures move by themselves (masks.mp4)",
                100.0 * share
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the clip is one that cannot be solved.
fn refused(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<camera::CameraError>()
        .is_some_and(|error| pipeline::refusal(error).is_some())
}

/// What the input tells of its cameras and depth. Cameras that are ignored are only compared with, and may be damaged.
fn known(args: &Args, frames: &Frames, monitor: &Single) -> anyhow::Result<Known> {
    let ask = |cameras, depth| {
        let wanted = Wanted { cameras, depth };
        let size = [frames.width, frames.height];
        camera::known_of(wanted, &args.input, &frames.sources, &frames.times, size)
    };
    let depth = !args.ignore_known_depth;
    if !args.ignore_known_cameras {
        return Ok(ask(true, depth)?);
    }
    let compare = ask(true, false).unwrap_or_else(|error| {
        monitor.warn(&format!("nothing to compare with: {error}"));
        Known::default()
    });
    Ok(Known {
        depth: ask(false, depth)?.depth,
        notes: Vec::new(),
        ..compare
    })
}

fn solve(
    args: &Args,
    gpu: &crate::gpu::Gpu,
    frames: &Frames,
    known: Known,
    monitor: &Single,
) -> anyhow::Result<(Cameras, Masks, Vec<Point>)> {
    let options = MotionOptions::default();
    let motion = motion::pairs(gpu, frames, &options, monitor)?;
    let depth = match known.depth {
        Some(depth) if !args.ignore_known_depth => depth,
        _ => {
            let model = Model::open(&args.network.options())?;
            pipeline::caution(&model, &args.input, frames, monitor);
            model.estimate(gpu, frames, monitor)?
        }
    };
    let given = match (args.focal, args.fov) {
        (Some(focal), _) => Some(from_focal(frames, focal)),
        (None, Some(fov)) => Some(Intrinsics::from_fov_x(
            frames.width,
            frames.height,
            fov.to_radians(),
        )),
        _ => known.intrinsics.filter(|_| !args.ignore_known_cameras),
    };
    let options = SolveOptions {
        width: frames.width,
        height: frames.height,
        intrinsics: given,
        ..SolveOptions::default()
    };
    let (cameras, points) = camera::solve_with_points(&motion, &depth, &options, monitor)?;
    let masks = moving::moving(&motion, &depth, &cameras);
    Ok((cameras, masks, points))
}

/// The frames with what moves in red and all else darker; a frame without a mask is grey.
fn film(
    gpu: &crate::gpu::Gpu,
    frames: &Frames,
    masks: &Masks,
    path: &std::path::Path,
) -> anyhow::Result<()> {
    let (width, height) = (frames.width, frames.height);
    super::film::film(gpu, frames, path, [width, height], |index, mut pixels| {
        let mask = masks.frames.get(index).and_then(Option::as_ref);
        for (p, pixel) in pixels.iter_mut().enumerate() {
            let [r, g, b, a] = pixel.to_le_bytes();
            let [x, y] = [p as u32 % width, p as u32 / width];
            let colour = match mask {
                None => {
                    let grey = ((u32::from(r) + 2 * u32::from(g) + u32::from(b)) / 4) as u8;
                    [grey; 3]
                }
                Some(mask) => {
                    let at = y * masks.height / height * masks.width + x * masks.width / width;
                    let moving = f32::from(mask.moving[at as usize]) / 255.0;
                    let towards = |from: u8, to: f32| {
                        (0.75 * f32::from(from) * (1.0 - 0.6 * moving) + 0.6 * moving * to) as u8
                    };
                    [towards(r, 255.0), towards(g, 30.0), towards(b, 30.0)]
                }
            };
            *pixel = u32::from_le_bytes([colour[0], colour[1], colour[2], a]);
        }
        pixels
    })
}

/// Intrinsics at the working size from a focal length at the input's displayed width.
fn from_focal(frames: &Frames, focal: f64) -> Intrinsics {
    let info = &frames.info;
    let own = match info.rotation {
        90 | 270 => info.height,
        _ => info.width,
    };
    let width = f64::from(frames.width);
    let focal = focal * width / f64::from(if own == 0 { frames.width } else { own });
    Intrinsics::from_fov_x(
        frames.width,
        frames.height,
        2.0 * (width / 2.0 / focal).atan(),
    )
}

fn say(cameras: &Cameras, points: usize, error: Option<&TrajectoryError>) {
    let focal = cameras.cameras.first().map_or(0.0, |c| c.intrinsics.fx);
    anstream::eprintln!(
        "{} of {} frames registered, focal length {focal:.1} px ({:?})",
        cameras.cameras.len(),
        cameras.frames,
        cameras.focal_source
    );
    if let (Some(median), Some(share)) = (cameras.residual_median, cameras.residual_under_2px) {
        anstream::eprintln!(
            "median residual {median:.2} px, {:.0}% under 2 px, {:.0}% of the flow consistent",
            share * 100.0,
            cameras.flow_consistent.unwrap_or(0.0) * 100.0
        );
        if let (Some(error), Some(parallax)) = (cameras.held_out_median, cameras.parallax) {
            anstream::eprintln!(
                "tracks that were held out: median error {error:.2} px at a width of 640; the camera's travel moves the picture by {parallax:.1} px"
            );
        }
    }
    if points > 0 {
        anstream::eprintln!("{points} points are seen by several frames (points.ply)");
    }
    for note in &cameras.notes {
        anstream::eprintln!("note: {note}");
    }
    if let Some(e) = error {
        anstream::eprintln!(
            "against the truth: ATE {:.5} over a path of {:.4} ({:.2}%), rigid {:.5}, scale {:.4}, RPE {:.5} and {:.3} degrees, focal {:+.1}%",
            e.ate_rmse,
            e.path_length,
            100.0 * e.ate_rmse / e.path_length,
            e.ate_rmse_rigid,
            e.scale,
            e.rpe_translation,
            e.rpe_rotation_degrees,
            100.0 * e.focal_error
        );
    }
}
