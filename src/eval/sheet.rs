//! Contact sheets of the mock world: places by camera moves, and each defect at three severities.

use anyhow::Context;
use image::RgbImage;

use crate::gpu::Gpu;
use crate::mock::defects::{Kind, exactly};
use crate::mock::prompt::{Move, Place};
use crate::mock::render::{Renderer, Want};
use crate::mock::{Clip, DEFECTS, Scene, understand};

/// A cell of a sheet, in pixels.
const CELL: [u32; 2] = [240, 136];
/// Pixels between cells.
const GAP: u32 = 4;
/// The severities that the sheet of defects shows.
pub const SEVERITIES: [f64; 3] = [0.0, 0.5, 1.0];

/// The rows of the sheet of places: what is asked for.
pub const PLACES: [(Place, &str); 6] = [
    (
        Place::Room,
        "a robot walks through a room with wooden crates, brick walls, polished floor",
    ),
    (
        Place::Corridor,
        "a person walks along a corridor with shelves, tiled floor, warm light",
    ),
    (
        Place::Courtyard,
        "two people walk in a sunny courtyard with trees and benches",
    ),
    (
        Place::Street,
        "a red car drives along a street with lamps and trees",
    ),
    (
        Place::Stairs,
        "a robot climbs the stairs of a hall with plants, white walls",
    ),
    (
        Place::Warehouse,
        "a blue robot and a ball in a large warehouse with barrels and pallets",
    ),
];

/// The columns of the sheet of places.
pub const MOVES: [(Move, &str); 6] = [
    (Move::Static, "static camera"),
    (Move::Pan, "panning camera"),
    (Move::Dolly, "dolly"),
    (Move::Orbit, "orbit"),
    (Move::Handheld, "handheld camera"),
    (Move::Follow, "the camera follows"),
];

fn pixels(gpu: &Gpu, scene: &Scene, frames: &[usize]) -> anyhow::Result<Vec<Vec<u32>>> {
    let mut renderer = Renderer::new(gpu, scene, Want::PIXELS)?;
    let mut all = Vec::new();
    let last = frames.iter().copied().max().unwrap_or(0);
    while all.len() <= last {
        let shots = renderer.shoot()?;
        anyhow::ensure!(!shots.is_empty(), "the clip ends before frame {last}");
        all.extend(shots.into_iter().map(|s| s.rgba));
    }
    Ok(frames.iter().map(|&f| all[f].clone()).collect())
}

fn paste(sheet: &mut RgbImage, column: u32, row: u32, rgba: &[u32]) {
    let [w, h] = CELL;
    for (i, &pixel) in rgba.iter().enumerate() {
        let [r, g, b, _] = pixel.to_le_bytes();
        let x = column * (w + GAP) + i as u32 % w;
        let y = row * (h + GAP) + i as u32 / w;
        sheet.put_pixel(x, y, image::Rgb([r, g, b]));
    }
}

fn blank(columns: u32, rows: u32) -> RgbImage {
    let [w, h] = CELL;
    let white = image::Rgb([255; 3]);
    RgbImage::from_pixel(columns * (w + GAP) - GAP, rows * (h + GAP) - GAP, white)
}

/// The middle frame of each of [`PLACES`] with each of [`MOVES`], without defects. A corridor and stairs have no
/// room to orbit in: their cameras dolly.
///
/// # Errors
/// The device's.
pub fn places(gpu: &Gpu, seed: u64) -> anyhow::Result<RgbImage> {
    let mut sheet = blank(MOVES.len() as u32, PLACES.len() as u32);
    let clip = Clip {
        frames: 3,
        fps: 0.75,
        size: CELL,
    };
    for (row, (_, prompt)) in PLACES.iter().enumerate() {
        for (column, (_, camera)) in MOVES.iter().enumerate() {
            let understood = understand(&format!("{prompt}, {camera}"), seed + row as u64);
            let scene = Scene::planting(understood, clip, exactly(&[]));
            let shown = pixels(gpu, &scene, &[1])?;
            paste(&mut sheet, column as u32, row as u32, &shown[0]);
        }
    }
    Ok(sheet)
}

/// One defect in a scene of its own: the scene, the frame that shows it, and the same scene without it.
fn example(kind: Kind, severity: f64, seed: u64) -> anyhow::Result<(Scene, usize, Scene)> {
    let prompt = "a robot walks through a room with wooden crates and tables, concrete floor, plaster walls, dolly";
    let clip = Clip {
        frames: 36,
        fps: 12.0,
        size: CELL,
    };
    // The first seed at which it fits and is seen.
    (seed..seed + 200)
        .find_map(|seed| {
            let scene = |draws| Scene::planting(understand(prompt, seed), clip, draws);
            let spoilt = scene(exactly(&[(kind, severity)]));
            // At the greatest severity it must fit as well, so that one row shows one place.
            let worst = scene(exactly(&[(kind, 1.0)]));
            let planted = spoilt.planted.first()?.clone();
            let fits = worst.planted.first()?.measure > 0.9 * kind.rule().at(1.0);
            let frame = match kind {
                Kind::IdentityDrift | Kind::Morph => clip.frames - 4,
                Kind::Flicker => clip.frames / 2,
                Kind::Judder => 20,
                Kind::Duplicates => clip.frames / 2,
                Kind::Acceleration => planted.frames[0] + 4,
                Kind::Hole | Kind::OpenBoundary | Kind::InvisibleWall => clip.frames / 2,
                _ => (planted.frames[0] + 1).min(clip.frames - 1),
            };
            fits.then(|| (spoilt, frame, scene(exactly(&[]))))
        })
        .with_context(|| format!("no seed from {seed} on has a place for {}", kind.name()))
}

/// Each defect, a row each in the order of [`DEFECTS`]: at each of [`SEVERITIES`] the frame without it, then with it.
///
/// # Errors
/// The device's.
pub fn defects(gpu: &Gpu, seed: u64) -> anyhow::Result<RgbImage> {
    let mut sheet = blank(2 * SEVERITIES.len() as u32, DEFECTS.len() as u32);
    for (row, rule) in DEFECTS.iter().enumerate() {
        for (column, severity) in SEVERITIES.into_iter().enumerate() {
            let (spoilt, frame, clean) = example(rule.kind, severity, seed)?;
            for (k, scene) in [clean, spoilt].iter().enumerate() {
                let shown = pixels(gpu, scene, &[frame])?;
                paste(&mut sheet, (2 * column + k) as u32, row as u32, &shown[0]);
            }
        }
    }
    Ok(sheet)
}
