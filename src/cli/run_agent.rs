//! `director run-agent`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use comfy_table::{Table, presets};

use super::Globals;
use crate::agent::{self, AgentOptions, AgentReport};
use crate::camera::{Camera, Cameras, LengthUnit};
use crate::gpu::Gpu;
use crate::pipeline;
use crate::progress::Single;
use crate::splat::{Renderer, Splats};
use crate::world::{self, Alignment, DepthView, World, WorldOptions};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    director run-agent runs/demo/prompts/hall/1\n  \
    director run-agent world --json --map map.png")]
pub struct Args {
    /// A folder with `world.ply`, `cameras.json` and `world.vox`, as a run leaves it, or with `alignment.json` in place of
    /// `world.vox`, as `director reconstruct` does: then the world is built first
    asset: PathBuf,
    /// Print the report as one JSON document on stdout
    #[arg(long)]
    json: bool,
    /// Also draw a map of the floor and the violations to this PNG
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Long side of the depth views in pixels
    #[arg(long, default_value_t = 320, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: u32,
    /// At most this many of the cameras, evenly spread
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    views: u32,
    /// Height of the agent, in metres or camera heights as the world has it
    #[arg(long, value_name = "LENGTH")]
    height: Option<f64>,
    /// Radius of the agent, likewise
    #[arg(long, value_name = "LENGTH")]
    radius: Option<f64>,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a AgentReport,
    /// The prompt is not part of an asset; `director run` revises it.
    revised_prompt: Option<String>,
    explanation: String,
    success: bool,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let found = Asset::of(&args.asset)?;
    let monitor = Single::new(globals.quiet);
    let cameras = read_cameras(&args.asset.join("cameras.json"))?;
    let stored = match found {
        Asset::Whole => {
            let world = World::load(&args.asset.join("world.vox"))?;
            if cameras.unit != world.unit {
                tracing::warn!(
                    "cameras.json is in {:?}, world.vox in {:?}: these may not belong together",
                    cameras.unit,
                    world.unit
                );
            }
            Some(world)
        }
        Asset::Splats => None,
    };
    let splats = crate::splat::format::read(&args.asset.join("world.ply"))?;
    let gpu = globals.gpu()?;
    let built = stored.is_none();
    let world = match stored {
        Some(world) => world,
        None => {
            let path = args.asset.join("alignment.json");
            let alignment: Alignment = read_json(&path, "how a world lies")?;
            let views = pipeline::depth_views(&gpu, &splats, &cameras)?;
            world::build(&gpu, &views, &alignment, &WorldOptions::default(), &monitor)?
        }
    };
    let views = render_views(&gpu, &splats, &cameras, args.size, args.views as usize)?;
    let mut options = AgentOptions::default();
    if let Some(height) = args.height {
        (options.height_metres, options.height_heights) = (height, height);
    }
    if let Some(radius) = args.radius {
        (options.radius_metres, options.radius_heights) = (radius, radius);
    }
    let inspected = agent::inspect(&gpu, &world, &views, &cameras, &options, &monitor)?;
    let (mut report, floor) = (inspected.report, inspected.floor);
    if built {
        let note = "there is no world.vox: the world was built from world.ply with the default settings, and not kept";
        report.notes.insert(0, note.to_owned());
    }
    if let Some(path) = &args.map {
        crate::draw::map::draw(&floor, &cameras, &report)
            .save(path)
            .with_context(|| format!("{}: cannot write the map", path.display()))?;
    }
    if args.json {
        let issues = report.violations.len();
        let answer = Answer {
            report: &report,
            revised_prompt: None,
            explanation: match issues {
                0 => "Agents found no issues".to_owned(),
                n => format!("Agents found {n} issue(s)"),
            },
            success: true,
        };
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print_tables(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// What a folder holds.
enum Asset {
    /// A collision world too.
    Whole,
    /// Splats, cameras and how they lie, of which a world can be built.
    Splats,
}

impl Asset {
    /// Looks for the files that are needed, so that all that is missing is told at once.
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let place = folder.display();
        anyhow::ensure!(
            folder.exists(),
            "{place}: there is no such folder; see the path"
        );
        anyhow::ensure!(
            folder.is_dir(),
            "{place}: not a folder; give the folder that holds world.ply and world.vox"
        );
        let there = |name: &str| folder.join(name).is_file();
        let mut missing: Vec<&str> = ["world.ply", "cameras.json"]
            .into_iter()
            .filter(|name| !there(name))
            .collect();
        if !there("world.vox") && !there("alignment.json") {
            missing.push("world.vox (or alignment.json, to build it)");
        }
        anyhow::ensure!(
            missing.is_empty(),
            "{place}: no world is here: {} missing; give the folder of a round that `director run` rebuilt (RUN/prompts/ID/1), or one that `director reconstruct CLIP -o FOLDER` wrote",
            match &missing[..] {
                [one] => format!("{one} is"),
                all => format!("{} are", all.join(", ")),
            }
        );
        Ok(match there("world.vox") {
            true => Self::Whole,
            false => Self::Splats,
        })
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path, what: &str) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot read", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{}: it does not say {what}", path.display()))
}

fn read_cameras(path: &Path) -> anyhow::Result<Cameras> {
    let cameras: Cameras = read_json(path, "where cameras are")?;
    anyhow::ensure!(
        !cameras.cameras.is_empty(),
        "{}: no camera is registered; run `director track` again",
        path.display()
    );
    Ok(cameras)
}

/// Depth of the splats at the cameras, at most `most` of them, long side `size`.
fn render_views(
    gpu: &Gpu,
    splats: &Splats,
    cameras: &Cameras,
    size: u32,
    most: usize,
) -> anyhow::Result<Vec<DepthView>> {
    let all = &cameras.cameras;
    let step = all.len().div_ceil(most).max(1);
    let mut renderer: Option<Renderer> = None;
    let mut views = Vec::new();
    for camera in all.iter().step_by(step) {
        let k = camera.intrinsics;
        let scale = (f64::from(size) / f64::from(k.width.max(k.height).max(1))).min(1.0);
        let fit = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
        let (width, height) = (fit(k.width), fit(k.height));
        let same = views
            .last()
            .is_some_and(|v: &DepthView| (v.width, v.height) == (width, height));
        if !same {
            renderer = Some(Renderer::new(gpu, splats, width, height, 0)?);
        }
        let small = Camera {
            intrinsics: k.resized(width, height),
            ..*camera
        };
        let Some(renderer) = renderer.as_mut() else {
            continue;
        };
        let image = renderer.render(&small, [0.0; 3])?;
        views.push(DepthView {
            camera: *camera,
            width: image.width,
            height: image.height,
            depth: image.depth,
            alpha: image.alpha,
            colour: Vec::new(),
            held_out: false,
        });
    }
    Ok(views)
}

fn print_tables(report: &AgentReport) {
    let unit = match report.unit {
        LengthUnit::Metres => "metres",
        LengthUnit::CameraHeights => "camera heights",
        LengthUnit::Arbitrary => "arbitrary units",
    };
    let mut metrics = Table::new();
    metrics
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(["metric", "value"]);
    for (name, value) in &report.metrics {
        metrics.add_row([name.clone(), format!("{value:.4}")]);
    }
    anstream::println!("{metrics}");
    if report.violations.is_empty() {
        anstream::println!("no violations");
    } else {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
            .set_header(["severity", "type", "what", "where (x, y, z)", "time"]);
        for v in &report.violations {
            let at = v.location;
            table.add_row([
                format!("{:?}", v.severity).to_lowercase(),
                v.kind.clone(),
                v.description.clone(),
                format!("{:.2}, {:.2}, {:.2}", at.x, at.y, at.z),
                format!("{:.2} s", v.timestamp),
            ]);
        }
        anstream::println!("{table}");
    }
    anstream::eprintln!("lengths are in {unit}");
    for note in &report.notes {
        anstream::eprintln!("note: {note}");
    }
}
