//! Pictures of a world: renders along the cameras, held-out frames beside the truth, the map of violations and their sheet.

use std::path::Path;

use anyhow::Context;
use image::{Rgb, RgbImage, imageops};

use super::map as map_view;
use super::violations::{self as each, Scene, Shot};
use crate::agent::{AgentReport, Floor};
use crate::camera::{Camera, Cameras};
use crate::gpu::Gpu;
use crate::splat::{FitReport, Renderer, Splats};
use crate::video::Frames;

/// Pictures in a row at most.
const COLUMNS: usize = 3;
const GAP: u32 = 4;

/// Packed pixels over a background of sRGB values in [0, 1].
fn unpack(width: u32, height: u32, rgba: &[u32], background: [f32; 3]) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let at = (y * width + x) as usize;
        let [r, g, b, a] = rgba.get(at).copied().unwrap_or(0).to_le_bytes();
        let alpha = f32::from(a) / 255.0;
        let over =
            |c: u8, back: f32| (f32::from(c) * alpha + 255.0 * back * (1.0 - alpha)).round() as u8;
        Rgb([
            over(r, background[0]),
            over(g, background[1]),
            over(b, background[2]),
        ])
    })
}

/// A sheet of equally large tiles, `columns` in a row, on dark grey.
pub(crate) fn sheet(tiles: &[RgbImage], columns: usize) -> RgbImage {
    let (w, h) = tiles.first().map_or((1, 1), RgbImage::dimensions);
    let columns = columns.clamp(1, tiles.len().max(1)) as u32;
    let rows = (tiles.len() as u32).div_ceil(columns).max(1);
    let mut sheet = RgbImage::from_pixel(
        columns * (w + GAP) - GAP,
        rows * (h + GAP) - GAP,
        Rgb([32, 32, 32]),
    );
    for (i, tile) in (0u32..).zip(tiles) {
        imageops::replace(
            &mut sheet,
            tile,
            i64::from(i % columns * (w + GAP)),
            i64::from(i / columns * (h + GAP)),
        );
    }
    sheet
}

fn save(image: &RgbImage, path: &Path) -> anyhow::Result<()> {
    image
        .save(path)
        .with_context(|| format!("{}: could not be written", path.display()))
}

/// Held-out frames: left the frame, middle the render, right their difference, four times as strong.
///
/// # Errors
/// What failed on the GPU or while writing.
pub fn held_out(
    gpu: &Gpu,
    frames: &Frames,
    splats: &Splats,
    cameras: &Cameras,
    report: &FitReport,
    background: [f32; 3],
    path: &Path,
) -> anyhow::Result<()> {
    let mut renderer = Renderer::new(gpu, splats, frames.width, frames.height, 0)?;
    let mut tiles = Vec::new();
    let stride = report.held_out.len().div_ceil(4).max(1);
    for held in report.held_out.iter().step_by(stride) {
        let Some(camera) = cameras.cameras.iter().find(|c| c.frame == held.frame) else {
            continue;
        };
        let truth = unpack(
            frames.width,
            frames.height,
            &frames.read(gpu, held.frame)?,
            background,
        );
        let seen = renderer.render(camera, background)?;
        let seen = unpack(seen.width, seen.height, &seen.rgba, background);
        let difference = RgbImage::from_fn(frames.width, frames.height, |x, y| {
            let (a, b) = (truth.get_pixel(x, y), seen.get_pixel(x, y));
            Rgb([0, 1, 2].map(|c| a[c].abs_diff(b[c]).saturating_mul(4)))
        });
        tiles.extend([truth, seen, difference]);
    }
    save(&sheet(&tiles, 3), path)
}

/// Renders at up to six cameras spread over the clip.
///
/// # Errors
/// What failed on the GPU or while writing.
pub fn renders(
    gpu: &Gpu,
    splats: &Splats,
    cameras: &Cameras,
    background: [f32; 3],
    path: &Path,
) -> anyhow::Result<()> {
    let Some(first) = cameras.cameras.first() else {
        anyhow::bail!("no cameras to render from");
    };
    let (width, height) = (first.intrinsics.width, first.intrinsics.height);
    let mut renderer = Renderer::new(gpu, splats, width, height, 0)?;
    let count = cameras.cameras.len();
    let shown = count.min(2 * COLUMNS);
    let mut tiles = Vec::new();
    for i in 0..shown {
        let at = if shown > 1 {
            i * (count - 1) / (shown - 1)
        } else {
            0
        };
        let seen = renderer.render(&cameras.cameras[at], background)?;
        tiles.push(unpack(seen.width, seen.height, &seen.rgba, background));
    }
    save(&sheet(&tiles, COLUMNS), path)
}

/// The world from above with its violations.
///
/// # Errors
/// When the picture cannot be written.
pub fn map(
    floor: &Floor,
    cameras: &Cameras,
    report: &AgentReport,
    path: &Path,
) -> anyhow::Result<()> {
    save(&map_view::draw(floor, cameras, report), path)
}

/// What a camera sees, of packed pixels of any size over a background of sRGB values in [0, 1].
pub fn shot(
    camera: &Camera,
    [width, height]: [u32; 2],
    rgba: &[u32],
    background: [f32; 3],
) -> Shot {
    Shot {
        camera: Camera {
            intrinsics: camera.intrinsics.resized(width, height),
            ..*camera
        },
        picture: unpack(width, height, rgba, background),
    }
}

/// Each violation as a camera sees it: see [`each::sheet`].
///
/// # Errors
/// Those of `shot`, and when the picture cannot be written.
pub fn violations(
    scene: &Scene<'_>,
    shot: &mut dyn FnMut(usize) -> anyhow::Result<Option<Shot>>,
    path: &Path,
) -> anyhow::Result<()> {
    save(&each::sheet(scene, shot)?, path)
}
