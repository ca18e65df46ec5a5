//! What maps look like: a strip a clip and network, and all strips on one sheet.

use std::path::Path;

use image::{Rgb, RgbImage, imageops};

use super::measure::{FAR, Pair, Truth, fitted};
use super::record::Line;
use crate::camera::Cameras;
use crate::depth::{DepthKind, DepthMap, DepthMaps, colour_picture, value_range};
use crate::draw::{font, pictures};
use crate::gpu::{Gpu, GpuError};
use crate::video::Frames;

/// Width of a tile.
const WIDTH: u32 = 320;
/// Strips on a sheet at most.
pub const MOST: usize = 120;
/// Strips in a row.
const COLUMNS: usize = 2;
const WHITE: Rgb<u8> = Rgb([255; 3]);

/// The middle frame, its true depth where there is one, and the map brought to it, in one range of colours by inverse depth: near is
/// bright.
///
/// # Errors
/// The device's.
pub(super) fn strip(
    gpu: &Gpu,
    frames: &Frames,
    truth: &[Option<Truth>],
    maps: &DepthMaps,
    solved: Option<&Cameras>,
) -> Result<RgbImage, GpuError> {
    // The frame nearest to the middle that has all there is.
    let middle = frames.len() / 2;
    let has = |k: &usize| {
        let known = truth.is_empty() || truth.get(*k).is_some_and(Option::is_some);
        known && maps.maps.get(*k).is_some_and(Option::is_some)
    };
    let frame = (0..frames.len())
        .filter(has)
        .min_by_key(|k| k.abs_diff(middle))
        .unwrap_or(middle);
    let height = (WIDTH * frames.height).div_ceil(frames.width.max(1)).max(1);
    let rgba = frames.read(gpu, frame)?;
    let picture = RgbImage::from_fn(frames.width, frames.height, |x, y| {
        let [r, g, b, _] = rgba[(y * frames.width + x) as usize].to_le_bytes();
        Rgb([r, g, b])
    });
    let tile = |picture: &RgbImage| {
        imageops::resize(picture, WIDTH, height, imageops::FilterType::Triangle)
    };
    let mut tiles = vec![tile(&picture)];
    let truth = truth.get(frame).and_then(Option::as_ref);
    let map = maps.maps.get(frame).and_then(Option::as_ref);
    if let Some(map) = map {
        let pair = truth.and_then(|truth| Pair::new(maps.kind, map, truth));
        let camera = solved.and_then(|s| s.cameras.iter().find(|c| c.frame == frame));
        let own = camera.map(|c| [c.depth_scale, c.depth_shift]);
        // A map that cannot be brought to the truth has its own colours.
        let line = pair.as_ref().and_then(fitted);
        let [scale, shift] = line.or(own).unwrap_or([1.0, 0.0]);
        let least = line.map_or(f64::NEG_INFINITY, |_| 1.0 / FAR);
        let inverse = |v: &f32| {
            let inverse = maps.kind.inverse(f64::from(*v));
            inverse.map_or(f32::NAN, |r| (scale * r + shift).max(least) as f32)
        };
        let said = DepthMap {
            values: map.values.iter().map(inverse).collect(),
            ..*map
        };
        let known = truth.map(|truth| DepthMap {
            width: truth.width,
            height: truth.height,
            values: truth
                .depth
                .iter()
                .map(|d| if *d > 0.0 { 1.0 / d } else { f32::NAN })
                .collect(),
        });
        let range = |map: &DepthMap| {
            let one = DepthMaps {
                kind: DepthKind::RelativeInverse,
                model: String::new(),
                maps: vec![Some(map.clone())],
            };
            value_range(&one).unwrap_or([0.0, 1.0])
        };
        let truths = known.as_ref().map(range);
        let its = match line.and(truths) {
            Some(truths) => truths,
            None => range(&said),
        };
        let shown = known.iter().zip(truths).chain([(&said, its)]);
        for (map, range) in shown {
            let bytes = colour_picture(map, DepthKind::RelativeInverse, range);
            if let Some(picture) = RgbImage::from_raw(map.width, map.height, bytes) {
                tiles.push(tile(&picture));
            }
        }
    }
    let columns = tiles.len();
    Ok(pictures::sheet(&tiles, columns))
}

/// The strips of the first [`MOST`] lines that are kept under `folder`, with what they are; `None` where there are none.
pub fn draw(lines: &[Line], folder: &Path) -> Option<RgbImage> {
    let strips: Vec<RgbImage> = lines
        .iter()
        .take(MOST)
        .filter_map(|line| {
            let path = folder.join(line.strip.as_ref()?);
            let mut strip = image::open(path).ok()?.into_rgb8();
            let mut words = format!("{}, {}", line.name, line.network);
            if let Some([abs_rel, delta1]) =
                line.accuracy.and_then(|a| Some([a.abs_rel?, a.delta1?]))
            {
                words += &format!(": AbsRel {abs_rel:.3}, delta1 {delta1:.2}");
            }
            font::draw_scaled(&mut strip, [4, 4], &words, WHITE, 1);
            Some(strip)
        })
        .collect();
    // Clips of other shapes stand on cells of the largest.
    let [w, h] = strips
        .iter()
        .fold([0, 0], |[w, h], s| [w.max(s.width()), h.max(s.height())]);
    let cells: Vec<RgbImage> = strips
        .iter()
        .map(|strip| {
            let mut cell = RgbImage::new(w, h);
            imageops::replace(&mut cell, strip, 0, 0);
            cell
        })
        .collect();
    (!cells.is_empty()).then(|| pictures::sheet(&cells, COLUMNS))
}
