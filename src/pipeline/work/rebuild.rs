//! The second half of a round: cameras -> splats, world, pictures.

use super::super::Config;
use super::super::stages::{self, Maps, Tracked, given};
use super::super::studio::{Clip, Studio};
use super::take::{loaded, stored_depth};
use super::{Job, Posed};
use crate::agent::{AgentReport, Floor};
use crate::camera::{Cameras, move_points};
use crate::draw::pictures as draw;
use crate::draw::violations::Scene;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::Masks;
use crate::splat::{self, format};
use crate::store::{Scratch, read_json};
use crate::video::Frames;
use crate::world::{self, Alignment};

/// The solved cameras of the job's take.
fn solved(job: &Job<'_>) -> anyhow::Result<Cameras> {
    let file = job.file(&format!("{}/track.json", job.folder()))?;
    match read_json(&file)? {
        Tracked::Solved(cameras) => Ok(cameras),
        Tracked::Refused { words, .. } => anyhow::bail!("{}: no cameras: {words}", file.display()),
    }
}

/// The clip of the job's take, as far as it is at hand.
fn take_clip(studio: &mut Studio<'_>, job: &Job<'_>) -> Clip {
    let kept = studio.clips.take(job.round, job.take.number);
    kept.unwrap_or_default()
}

/// For the steps after this one.
fn keep_clip(studio: &mut Studio<'_>, job: &Job<'_>, clip: Clip) {
    studio
        .clips
        .keep(job.round, job.take.number, job.overall, clip);
}

/// The clip's frames, and what is known of them: depth as the take's step left it or as the input brings it, and what moves.
fn with_maps<'c>(
    clip: &'c mut Clip,
    gpu: &Gpu,
    job: &Job<'_>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<(&'c Frames, Maps)> {
    let frames = loaded(clip, gpu, job, config, monitor)?;
    let depth = stored_depth(job, &given(gpu, &job.take.video, frames, config)?)?;
    let file = format!("{}/masks.npy", job.folder());
    let masks = match job.made.get(&file) {
        Some(_) => Some(Masks::load_npy(&job.file(&file)?, frames.len())?),
        None => None,
    };
    Ok((frames, Maps { depth, masks }))
}

/// Frames, cameras and depth -> splats in the cameras' frame.
pub fn splats(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let gpu = studio.gpu()?;
    let cameras = solved(job)?;
    let mut clip = take_clip(studio, job);
    let config = studio.context.config;
    let (frames, maps) = with_maps(&mut clip, &gpu, job, config, monitor)?;
    let fit = splat::fit(&gpu, frames, &cameras, maps.parts(), &config.fit, monitor)?;
    format::write(&stage.path("fit.ply")?, &fit.splats)?;
    stage.write_json("fit.json", &fit.report)?;
    if !fit.report.held_out.is_empty() {
        draw::held_out(
            &gpu,
            frames,
            &fit.splats,
            &cameras,
            &fit.report,
            config.fit.eval_background,
            &stage.path("held_out.png")?,
        )?;
    }
    let words = format!(
        "{} splats, held-out PSNR {}",
        fit.splats.len(),
        fit.report.quality()
    );
    // The world is made from its depth and its pixels.
    keep_clip(studio, job, clip);
    Ok(words)
}

/// Splats, cameras and the points that they see into the world's frame.
pub fn align(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let gpu = studio.gpu()?;
    let cameras = solved(job)?;
    let mut splats = format::read(&job.file("fit.ply")?)?;
    let mut clip = take_clip(studio, job);
    let config = studio.context.config;
    let (_, maps) = with_maps(&mut clip, &gpu, job, config, monitor)?;
    let (cameras, alignment) = stages::align(&gpu, &mut splats, &cameras, &maps)?;
    keep_clip(studio, job, clip);
    format::write(&stage.path("world.ply")?, &splats)?;
    stage.write_json("cameras.json", &cameras)?;
    cameras.save_nerfstudio(&stage.path("nerfstudio.json")?)?;
    cameras.save_tum(&stage.path("trajectory.tum.txt")?)?;
    let points = format!("{}/points.ply", job.folder());
    if job.made.get(&points).is_some() {
        let (from, to) = (job.file(&points)?, stage.path("points.ply")?);
        move_points(&from, &to, |p| alignment.point(p))?;
    }
    stage.write_json("alignment.json", &alignment)?;
    Ok(match alignment.floor_found {
        true => format!("floor, tilted by {:.1} degrees", alignment.tilt_degrees),
        false => "no floor found".to_owned(),
    })
}

/// A copy of the splats for viewers.
pub fn glb(
    _studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    _monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let splats = format::read(&job.file("world.ply")?)?;
    format::write(&stage.path("world.glb")?, &splats)?;
    Ok(String::new())
}

/// The splats and what the cameras saw, kept between the steps that need them.
pub(super) fn posed<'s>(
    studio: &'s mut Studio<'_>,
    job: &Job<'_>,
    monitor: &dyn Monitor,
) -> anyhow::Result<&'s Posed> {
    let [depth, masks] = ["depth.npy", "masks.npy"].map(|f| format!("{}/{f}", job.folder()));
    let content = |path: &str| {
        let made = job.made.get(path);
        made.map(|c| c.sha256.clone()).unwrap_or_default()
    };
    let of = ["world.ply", "cameras.json", &depth, &masks].map(content);
    let gpu = studio.gpu()?;
    let current = studio.posed.take().filter(|p| p.of == of);
    let posed = match current {
        Some(posed) => posed,
        None => {
            let cameras: Cameras = read_json(&job.file("cameras.json")?)?;
            let splats = format::read(&job.file("world.ply")?)?;
            let alignment: Alignment = read_json(&job.file("alignment.json")?)?;
            let mut clip = take_clip(studio, job);
            let config = studio.context.config;
            let (frames, maps) = with_maps(&mut clip, &gpu, job, config, monitor)?;
            let found = alignment.floor_found;
            let views = stages::evidence(&gpu, frames, &maps, &splats, &cameras, found, monitor)?;
            // The pictures are made of its pixels.
            keep_clip(studio, job, clip);
            Posed { of, cameras, views }
        }
    };
    Ok(studio.posed.insert(posed))
}

/// What the cameras see -> voxels.
pub fn world(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let (gpu, config) = (studio.gpu()?, studio.context.config);
    let posed = posed(studio, job, monitor)?;
    let alignment: Alignment = read_json(&job.file("alignment.json")?)?;
    let world = world::build(&gpu, &posed.views, &alignment, &config.world, monitor)?;
    world.save(&stage.path("world.vox")?)?;
    let [x, y, z] = world.dims;
    Ok(format!("{x}x{y}x{z} voxels of {:.3}", world.voxel))
}

/// Map, renders, and each violation as a camera sees it.
pub fn pictures(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let background = studio.context.config.fit.eval_background;
    let gpu = studio.gpu()?;
    let floor: Floor = read_json(&job.file("floor.json")?)?;
    let report: AgentReport = read_json(&job.file("agent.json")?)?;
    let cameras: Cameras = read_json(&job.file("cameras.json")?)?;
    let splats = format::read(&job.file("world.ply")?)?;
    draw::map(&floor, &cameras, &report, &stage.path("map.png")?)?;
    draw::renders(
        &gpu,
        &splats,
        &cameras,
        background,
        &stage.path("renders.png")?,
    )?;
    // The clip is let go: nothing after this looks at it.
    let mut clip = take_clip(studio, job);
    let frames = loaded(&mut clip, &gpu, job, studio.context.config, monitor)?;
    let mut shot = |frame: usize| {
        let Some(camera) = cameras.cameras.iter().find(|c| c.frame == frame) else {
            return Ok(None);
        };
        let size = [frames.width, frames.height];
        let pixels = frames.read(&gpu, frame)?;
        Ok(Some(draw::shot(camera, size, &pixels, background)))
    };
    let scene = Scene {
        report: &report,
        floor: &floor,
        cameras: &cameras,
        world: None,
    };
    draw::violations(&scene, &mut shot, &stage.path("violations.png")?)?;
    Ok(String::new())
}
