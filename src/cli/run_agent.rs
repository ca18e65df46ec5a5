//! `director run-agent`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use comfy_table::{Table, presets};

use super::Globals;
use crate::agent::calibration::SHOWN;
use crate::agent::{self, AgentReport, Inspected};
use crate::camera::{Camera, LengthUnit};
use crate::draw::violations::{Scene, Shot};
use crate::draw::{map, pictures};
use crate::gpu::Gpu;
use crate::pipeline::asset::{Asset, Making, Ready};
use crate::progress::Single;
use crate::revise::{self, Found, Verdict};
use crate::splat::Renderer;

/// Long side in pixels of pictures that are rendered from splats.
const PICTURE: u32 = 480;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Assets:
  a folder   the round of a run (RUN/prompts/ID/1): its frames, their depth and its settings are used as far as they are
             there, so that agents say what they said in the run; or what `director reconstruct` left
  splats     .ply, .splat, .spz, .sog, .glb; cameras.json or transforms.json beside the file are its cameras, else viewpoints are guessed
  a mesh     .obj, .glb; +Y is up, a unit is a metre, the floor is the lowest level surface with room for an agent
  a world    .vox, as --world and a run write it; cameras.json beside it tells the camera's way
Notes tell what was assumed, guessed or could not be tested.

Examples:
  director run-agent runs/demo/prompts/hall/1
  director run-agent world/ --json --pictures seen/
  director run-agent scan.ply --world scan.vox --collision-mesh scan.glb
  director run-agent level.obj --voxel 0.1 --map map.png
  director run-agent scan.vox --height 1.2 --radius 0.25")]
pub struct Args {
    /// A folder of a run or of `director reconstruct`, a splat file, a mesh, or a world.vox
    asset: PathBuf,
    /// Print the report as one JSON document on stdout
    #[arg(long)]
    json: bool,
    /// Also draw a map of the floor and the violations to this PNG
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Also draw map.png and violations.png into this folder: each violation as the nearest camera sees it
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Also save the world to this .vox, so that it need not be built again
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Also write the surface of what is solid to this .glb, as a closed mesh that engines load
    #[arg(long, value_name = "FILE")]
    collision_mesh: Option<PathBuf>,
    /// Edge of a voxel, in metres or camera heights as the world has it; a world that is saved in a folder is then built anew
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    voxel: Option<f64>,
    /// Long side in pixels of views that are rendered from splats
    #[arg(long, default_value_t = 320, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: u32,
    /// At most this many such views, evenly spread over the cameras
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    views: u32,
    /// Height of the agent, in metres or camera heights as the world has it
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    height: Option<f64>,
    /// Radius of the agent, likewise
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    radius: Option<f64>,
}

fn length(text: &str) -> Result<f64, String> {
    let value = text.parse().ok();
    value
        .filter(|v: &f64| (1e-4..=100.0).contains(v))
        .ok_or_else(|| format!("'{text}' is not a length from 0.0001 to 100"))
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a AgentReport,
    /// What a run would say of this world; null where there is no clip by which that could be weighed.
    verdict: Option<Verdict>,
    /// Why it is rejected.
    reasons: &'a [String],
    /// What a verdict lacks.
    missing: &'a [String],
    /// The prompt is not part of an asset; `director run` revises it.
    revised_prompt: Option<String>,
    explanation: String,
    success: bool,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    ending(args.map.as_deref(), "png", "--map")?;
    ending(args.world.as_deref(), "vox", "--world")?;
    ending(args.collision_mesh.as_deref(), "glb", "--collision-mesh")?;
    apart(args)?;
    let asset = Asset::of(&args.asset)?;
    let monitor = Single::new(globals.quiet);
    let gpu = globals.gpu()?;
    let making = Making {
        voxel: args.voxel.map(|v| v as f32),
        size: args.size,
        views: args.views as usize,
        height: args.height,
        radius: args.radius,
    };
    let ready = asset.ready(&gpu, &making, &monitor)?;
    let (world, views, cameras) = (&ready.world, &ready.views, &ready.cameras);
    if let Some(path) = &args.world {
        world.save(path)?;
    }
    if let Some(path) = &args.collision_mesh {
        world.save_glb(path)?;
    }
    let mut inspected = agent::inspect(&gpu, world, views, cameras, &ready.agent, &monitor)?;
    let told = &mut inspected.report.notes;
    told.splice(0..0, ready.notes.iter().cloned());
    if args.collision_mesh.is_some() && world.counts()[2] == 0 {
        told.push("nothing is solid: the collision mesh is empty".to_owned());
    }
    let report = &inspected.report;
    let weighed = ready.evidence.as_ref().map(|(evidence, accept)| {
        let found = Found::Tested {
            report,
            evidence: *evidence,
        };
        revise::judge(found, accept)
    });
    if args.json {
        let (verdict, reasons, missing) = match &weighed {
            Some((verdict, reasons, missing)) => (Some(*verdict), &reasons[..], &missing[..]),
            None => (None, &[][..], &[][..]),
        };
        let answer = Answer {
            report,
            verdict,
            reasons,
            missing,
            revised_prompt: None,
            explanation: explanation(report, views.is_empty()),
            success: true,
        };
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print_tables(report, weighed.as_ref());
    }
    // After the report, which a picture that cannot be written must not take along.
    draw(args, &gpu, &ready, &inspected)?;
    Ok(ExitCode::SUCCESS)
}

/// That nothing is written over the asset, and that what is written has a place, before any work is done.
fn apart(args: &Args) -> anyhow::Result<()> {
    let same = |path: &Path| match (path.canonicalize(), args.asset.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    let files = [
        (&args.map, "--map"),
        (&args.world, "--world"),
        (&args.collision_mesh, "--collision-mesh"),
    ];
    for (path, flag) in files {
        let Some(path) = path else { continue };
        anyhow::ensure!(
            !same(path),
            "{}: {flag} would write over the asset; name another file",
            path.display()
        );
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        anyhow::ensure!(
            folder.is_none_or(Path::is_dir),
            "{}: {flag} writes into a folder that does not exist; make it first",
            path.display()
        );
    }
    if let Some(folder) = &args.pictures {
        anyhow::ensure!(
            !same(folder),
            "{}: --pictures would write over the pictures of the asset; name another folder",
            folder.display()
        );
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    Ok(())
}

/// That a file to be written has the ending that says what is written.
fn ending(path: Option<&Path>, wanted: &str, flag: &str) -> anyhow::Result<()> {
    if let Some(path) = path {
        let found = path.extension().unwrap_or_default().to_string_lossy();
        anyhow::ensure!(
            found.eq_ignore_ascii_case(wanted),
            "{}: {flag} writes a .{wanted}; name it so",
            path.display()
        );
    }
    Ok(())
}

fn explanation(report: &AgentReport, blind: bool) -> String {
    let found = match report.violations.len() {
        0 if report
            .metrics
            .get("walkable_area")
            .is_some_and(|area| *area <= 0.0) =>
        {
            return "Nothing could be tested: there is no place where an agent of this size can stand"
                .to_owned();
        }
        0 => "Agents found no issues".to_owned(),
        n => format!("Agents found {n} issue(s)"),
    };
    match blind {
        true => format!("{found} in the world's shape; there are no views to hold it against"),
        false => found,
    }
}

/// The pictures that were asked for.
fn draw(args: &Args, gpu: &Gpu, ready: &Ready, inspected: &Inspected) -> anyhow::Result<()> {
    let (report, floor) = (&inspected.report, &inspected.floor);
    let write = |path: &Path| {
        map::draw(floor, &ready.cameras, report)
            .save(path)
            .with_context(|| format!("{}: cannot write the map", path.display()))
    };
    if let Some(path) = &args.map {
        write(path)?;
    }
    let Some(folder) = &args.pictures else {
        return Ok(());
    };
    write(&folder.join("map.png"))?;
    let scene = Scene {
        report,
        floor,
        cameras: &ready.cameras,
        world: Some(&ready.world),
    };
    let mut shot = |frame: usize| shot(gpu, ready, frame);
    pictures::violations(&scene, &mut shot, &folder.join("violations.png"))
}

/// What the view of a frame shows: its own pixels, else a render of the splats.
fn shot(gpu: &Gpu, ready: &Ready, frame: usize) -> anyhow::Result<Option<Shot>> {
    let Some(view) = ready.views.iter().find(|v| v.camera.frame == frame) else {
        return Ok(None);
    };
    let size = [view.width, view.height];
    if view.colour.len() == view.depth.len() {
        let shot = pictures::shot(&view.camera, size, &view.colour, ready.background);
        return Ok(Some(shot));
    }
    let Some(splats) = &ready.splats else {
        return Ok(None);
    };
    let k = view.camera.intrinsics;
    let scale = f64::from(PICTURE) / f64::from(k.width.max(k.height).max(1));
    let [width, height] =
        [k.width, k.height].map(|n| ((f64::from(n) * scale).round() as u32).max(1));
    let camera = Camera {
        intrinsics: k.resized(width, height),
        ..view.camera
    };
    let mut renderer = Renderer::new(gpu, splats, width, height, 0)?;
    let seen = renderer.render(&camera, ready.background)?;
    let size = [seen.width, seen.height];
    Ok(Some(pictures::shot(
        &camera,
        size,
        &seen.rgba,
        ready.background,
    )))
}

fn print_tables(report: &AgentReport, weighed: Option<&(Verdict, Vec<String>, Vec<String>)>) {
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
    }
    // Numbered as in the pictures.
    let shown = report.shown().count();
    if shown > 0 {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
            .set_header(["no.", "severity", "type", "what", "where (x, y, z)", "time"]);
        for (number, v, doubt) in report.shown() {
            let at = v.location;
            table.add_row([
                format!("{number}"),
                match doubt {
                    true => format!("doubt, {:.0}%", 100.0 * v.confidence),
                    false => format!("{:?}", v.severity).to_lowercase(),
                },
                v.kind.clone(),
                v.description.clone(),
                format!("{:.2}, {:.2}, {:.2}", at.x, at.y, at.z),
                format!("{:.2} s", v.timestamp),
            ]);
        }
        anstream::println!("{table}");
    }
    let hidden = report.violations.len() + report.doubts.len() - shown;
    if hidden > 0 {
        anstream::println!(
            "{hidden} doubts of less than {:.0}% are in the report only (--json)",
            100.0 * SHOWN
        );
    }
    if let Some((verdict, reasons, missing)) = weighed {
        anstream::println!("verdict: {}", format!("{verdict:?}").to_lowercase());
        for words in reasons {
            anstream::println!("because: {words}");
        }
        for words in missing {
            anstream::println!("missing: {words}");
        }
    }
    anstream::eprintln!("lengths are in {unit}");
    for note in &report.notes {
        anstream::eprintln!("note: {note}");
    }
}
