//! A file of splats alone: cameras where they lie beside it, guessed viewpoints where not.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use glam::DVec3;

use super::points::{self, FACES};
use super::{Making, Ready, beside};
use crate::agent::AgentOptions;
use crate::camera::{Camera, Cameras};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::numeric::median;
use crate::splat::format::SplatFile;
use crate::splat::{Renderer, Splats};
use crate::world::{self, Alignment, DepthView, WorldError, WorldOptions};

/// Of the ways up that are tried, the first that has so large a share of the largest floor counts.
const NEARLY: f64 = 0.7;
/// Points of the views by which floors are measured, about.
const POINTS: f64 = 200_000.0;
/// Edge of a cell of that measure, and how far from the floor a point may lie, in median depths.
const CELL: f64 = 0.04;

/// The splats of a file that has any; `notes` hears of what was left out.
pub(super) fn whole(
    path: &Path,
    file: SplatFile,
    notes: &mut Vec<String>,
) -> anyhow::Result<Splats> {
    anyhow::ensure!(
        !file.splats.is_empty(),
        "{}: the file holds no splats{}",
        path.display(),
        match file.not_finite {
            0 => String::new(),
            n => format!(" with numbers: {n} of them have values that are none"),
        }
    );
    notes.extend(file.notes);
    if file.not_finite > 0 {
        notes.push(format!(
            "{} splats with values that are no numbers are dropped",
            file.not_finite
        ));
    }
    Ok(file.splats)
}

/// Voxels as asked for.
pub(super) fn voxels(options: &mut WorldOptions, voxel: Option<f32>) {
    if let Some(voxel) = voxel {
        (options.voxel_metres, options.voxel_heights) = (voxel, voxel);
    }
}

/// What at most `making.views` of the cameras see of the splats, evenly spread, long side `making.size`.
pub(super) fn render(
    gpu: &Gpu,
    splats: &Splats,
    cameras: &[Camera],
    making: &Making,
) -> anyhow::Result<Vec<DepthView>> {
    let step = cameras.len().div_ceil(making.views.max(1)).max(1);
    let mut renderer: Option<Renderer> = None;
    let mut views: Vec<DepthView> = Vec::new();
    for camera in cameras.iter().step_by(step) {
        let k = camera.intrinsics;
        let scale = (f64::from(making.size) / f64::from(k.width.max(k.height).max(1))).min(1.0);
        let fit = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
        let (width, height) = (fit(k.width), fit(k.height));
        let same = views
            .last()
            .is_some_and(|v| (v.width, v.height) == (width, height));
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
        views.push(DepthView::new(
            *camera,
            [image.width, image.height],
            image.depth,
            image.alpha,
        ));
    }
    Ok(views)
}

/// The world of a file of splats.
pub(super) fn ready(
    gpu: &Gpu,
    path: &Path,
    file: SplatFile,
    making: &Making,
    monitor: &dyn Monitor,
) -> anyhow::Result<Ready> {
    let mut notes = Vec::new();
    let mut splats = whole(path, file, &mut notes)?;
    let (views, alignment, way, source) = match beside::cameras(path)? {
        Some(cameras) => {
            let views = render(gpu, &splats, &cameras.cameras, making)?;
            let alignment = world::align(&views, &cameras);
            notes.push("views are rendered from the splats at the cameras.json beside the file: nothing but the splats tells of the world".to_owned());
            let way = alignment.apply_to_cameras(&cameras);
            (views, alignment, Some(way), "cameras.json")
        }
        None => match beside::transforms(path)? {
            Some((cameras, told)) => {
                let views = render(gpu, &splats, &cameras.cameras, making)?;
                notes.extend(told);
                let alignment = world::align(&views, &cameras);
                (views, alignment, None, "transforms.json")
            }
            None => {
                let (views, alignment) = guess(gpu, path, &splats, making, &mut notes)?;
                (views, alignment, None, "")
            }
        },
    };
    let views = alignment.apply_to_views(&views);
    splats.transform(alignment.rotation, alignment.translation, alignment.scale);
    notes.extend(alignment.notes.iter().cloned());
    let mut options = WorldOptions::default();
    voxels(&mut options, making.voxel);
    let world = match world::build(gpu, &views, &alignment, &options, monitor) {
        Err(WorldError::Empty) if !source.is_empty() => anyhow::bail!(
            "{}: the cameras of the {source} beside it see none of its splats; they do not belong together: move {source} away to have viewpoints guessed",
            path.display()
        ),
        world => world.with_context(|| path.display().to_string())?,
    };
    Ok(Ready {
        cameras: way.unwrap_or_else(|| Cameras::known(Vec::new(), world.unit)),
        world,
        built: true,
        views,
        splats: Some(splats),
        agent: making.agent(AgentOptions::default()),
        evidence: None,
        background: [1.0; 3],
        notes,
    })
}

/// Views from viewpoints that are guessed inside the splats, and the way up with the best floor.
fn guess(
    gpu: &Gpu,
    path: &Path,
    splats: &Splats,
    making: &Making,
    notes: &mut Vec<String>,
) -> anyhow::Result<(Vec<DepthView>, Alignment)> {
    let eyes = points::inside(splats, (making.views / FACES).clamp(1, points::MOST)).with_context(
        || {
            format!(
                "{}: the splats leave no room to look from; put a cameras.json beside the file",
                path.display()
            )
        },
    )?;
    let ways = points::WAYS_UP.map(|(name, up)| (name, points::around(&eyes, up, making.size)));
    let first: &Cameras = &ways[0].1;
    // All look the same ways, so that what one sees serves for each.
    let views = render(gpu, splats, &first.cameras, making)?;
    let tried: Vec<(&str, Alignment)> = ways
        .iter()
        .map(|(name, cameras)| (*name, world::align(&views, cameras)))
        .collect();
    let points = seen(&views);
    let areas: Vec<f64> = tried.iter().map(|t| area(&points, &t.1)).collect();
    let largest = areas.iter().copied().fold(0.0, f64::max);
    let chosen = tried
        .into_iter()
        .zip(areas)
        .find(|(_, area)| *area >= NEARLY * largest)
        .context("no way up was tried")?
        .0;
    let words = format!(
        "no cameras lie beside {} (cameras.json or transforms.json): {} viewpoints inside the splats are a guess, as is that {} is up, and heights are counted in those of the viewpoints; what they do not see is unknown",
        path.display(),
        eyes.len(),
        chosen.0
    );
    tracing::warn!("{words}");
    notes.push(words);
    notes.push(
        "views are rendered from the splats: nothing but the splats tells of the world".to_owned(),
    );
    Ok((views, chosen.1))
}

/// Depths and places of what views see, thinned out.
fn seen(views: &[DepthView]) -> Vec<(f64, DVec3)> {
    let pixels: usize = views.iter().map(|v| v.depth.len()).sum();
    let step = ((pixels as f64 / POINTS).sqrt().ceil() as usize).max(1);
    let mut points = Vec::new();
    for view in views {
        let k = view.intrinsics();
        for y in (0..view.height).step_by(step) {
            for x in (0..view.width).step_by(step) {
                if let Some(depth) = view.surface(x, y) {
                    let at = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                    let p = k.unproject(at.0, at.1, f64::from(depth));
                    points.push((f64::from(depth), view.camera.pose.to_world(p)));
                }
            }
        }
    }
    points
}

/// How large a floor is, in cells that any view sees of it: shares of pixels would count most what is near.
fn area(points: &[(f64, DVec3)], alignment: &Alignment) -> f64 {
    if !alignment.floor_found {
        return 0.0;
    }
    let mut depths: Vec<f64> = points.iter().map(|p| p.0).collect();
    let Some(depth) = median(&mut depths) else {
        return 0.0;
    };
    let cell = CELL * depth;
    let cells: BTreeSet<[i64; 2]> = points
        .iter()
        .map(|p| alignment.point(p.1) / alignment.scale)
        .filter(|p| p.y.abs() < cell)
        .map(|p| [p.x, p.z].map(|a| (a / cell).floor() as i64))
        .collect();
    cells.len() as f64
}
