//! `director reconstruct`: one clip to splats, without a run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::json;

use super::render::{film, swaying};
use super::{Globals, settings::Settings};
use crate::depth::Model;
use crate::draw::pictures;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion;
use crate::pipeline::{self, Maps, Tracked};
use crate::progress::Reporter;
use crate::record::{Event, Events, StepMonitor};
use crate::run::signals;
use crate::splat::{Renderer, format};
use crate::store::{At, write_json};

/// Frames of `sway.mp4`, and how many a second.
const SWAY_FRAMES: usize = 96;
const SWAY_FPS: f64 = 24.0;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director reconstruct clip.mp4 -o world/
  director reconstruct photos/ -o world/ --max-side 200 --steps 3000   a folder with transforms.json uses its cameras
  director reconstruct rgbd/ -o world/ --ignore-known-cameras --json")]
pub struct Args {
    /// A video, a folder of images, or a folder with known cameras and depth
    input: PathBuf,
    /// Folder for world.ply, world.glb, world.splat, cameras.json, nerfstudio.json, trajectory.tum.txt, points.ply (where cameras are solved), alignment.json, fit.json, pictures, and sway.mp4: the world from along the cameras
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = args.settings.resolve(globals)?;
    let model = Model::open(&config.depth)?;
    let gpu = Gpu::open(&config.adapter.parse()?)?;
    let stop = signals::install().context("installing the signal handlers")?;
    let reporter = Reporter::new(globals.quiet, globals.log_format);
    let name = args
        .input
        .file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let events = Events::unkept(&reporter, &stop);
    let monitor_of = |step| StepMonitor {
        events: &events,
        at: At::new(&name, 1, step),
    };
    let monitor = monitor_of("rebuild");
    let mut seconds = serde_json::Map::new();
    let mut timed = |name: &'static str, started: Instant| {
        let s = started.elapsed().as_secs_f64();
        seconds.insert(name.into(), json!(s));
        events.tell(Event::StepDone {
            at: monitor_of(name).at,
            skipped: false,
            seconds: s,
            summary: String::new(),
        });
    };
    let started = Instant::now();
    let frames = pipeline::frames(&gpu, &args.input, None, &config, &monitor)?;
    timed("frames", started);
    let started = Instant::now();
    let given = pipeline::given(&gpu, &args.input, &frames, &config)?;
    let depth = pipeline::depth(&gpu, &frames, &given, &model, &args.input, &monitor)?;
    timed("depth", started);
    let started = Instant::now();
    let motion = || Ok(motion::pairs(&gpu, &frames, &config.motion, &monitor)?);
    let (tracked, beside) =
        pipeline::track(&frames, motion, &given, depth.as_ref(), &config, &monitor)?;
    timed("cameras", started);
    let cameras = match tracked {
        Tracked::Solved(cameras) => cameras,
        Tracked::Refused { reason, words } => {
            if args.json {
                println!(
                    "{}",
                    json!({"success": false, "reason": reason, "error": words})
                );
            }
            bail!("{}: {words}", args.input.display());
        }
    };
    let told = |note: &&String| given.notes.contains(note);
    for note in cameras.notes.iter().filter(|note| !told(note)) {
        monitor_of("cameras").warn(note);
    }
    let started = Instant::now();
    let maps = Maps {
        depth,
        masks: beside.masks,
    };
    let rebuilt = pipeline::rebuild(&gpu, &frames, &cameras, &maps, &config, &monitor)?;
    timed("splats", started);
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot be made", args.out.display()))?;
    for name in ["world.ply", "world.glb", "world.splat"] {
        format::write(&args.out.join(name), &rebuilt.splats)?;
    }
    write_json(&args.out.join("cameras.json"), &rebuilt.cameras)?;
    rebuilt
        .cameras
        .save_nerfstudio(&args.out.join("nerfstudio.json"))?;
    rebuilt
        .cameras
        .save_tum(&args.out.join("trajectory.tum.txt"))?;
    let points_path = args.out.join("points.ply");
    // Those of an earlier clip do not stay beside these cameras.
    if points_path.is_file() {
        std::fs::remove_file(&points_path).with_context(|| points_path.display().to_string())?;
    }
    if !beside.points.is_empty() {
        let mut points = beside.points;
        for point in &mut points {
            point.position = rebuilt.alignment.point(point.position);
        }
        pipeline::save_points(&gpu, &frames, &points, &points_path)?;
    }
    write_json(&args.out.join("fit.json"), &rebuilt.report)?;
    write_json(&args.out.join("alignment.json"), &rebuilt.alignment)?;
    if !rebuilt.report.held_out.is_empty() {
        pictures::held_out(
            &gpu,
            &frames,
            &rebuilt.splats,
            &rebuilt.cameras,
            &rebuilt.report,
            config.fit.eval_background,
            &args.out.join("held_out.png"),
        )?;
    }
    pictures::renders(
        &gpu,
        &rebuilt.splats,
        &rebuilt.cameras,
        config.fit.eval_background,
        &args.out.join("renders.png"),
    )?;
    let sway = args.out.join("sway.mp4");
    // That of an earlier clip does not stay beside this world.
    if sway.is_file() {
        std::fs::remove_file(&sway).with_context(|| sway.display().to_string())?;
    }
    if let Some(way) = swaying(&rebuilt.splats, &rebuilt.cameras, SWAY_FRAMES) {
        // 4:2:0 has whole pairs of rows and columns only.
        let size = [frames.width, frames.height].map(|side| side.next_multiple_of(2));
        let background = config.fit.eval_background;
        let mut renderer = Renderer::new(&gpu, &rebuilt.splats, size[0], size[1], 0)?;
        // A world is not lost over its film, such as where FFmpeg has no encoder.
        if let Err(error) = film(&mut renderer, &way, size, SWAY_FPS, background, &sway) {
            monitor.warn(&format!("{} was not made: {error:#}", sway.display()));
            // A part of it is none.
            drop(std::fs::remove_file(&sway));
        }
    }
    let asset = args.out.join("world.ply");
    if args.json {
        let document = json!({
            "success": true, "asset_path": asset, "asset_url": null, "format": "ply",
            "registered": cameras.cameras.len(), "frames": cameras.frames, "fit": rebuilt.report, "seconds": seconds,
            "notes": cameras.notes, "faults": frames.faults,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        println!(
            "registered     {} of {} frames",
            cameras.cameras.len(),
            cameras.frames
        );
        println!("splats         {}", rebuilt.splats.len());
        println!("held-out PSNR  {}", rebuilt.report.quality());
        println!("asset          {}", asset.display());
    }
    Ok(ExitCode::SUCCESS)
}
