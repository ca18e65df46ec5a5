//! What splats look like beside the frame that was held out: a strip a clip, and all strips on one sheet.

use std::path::Path;

use image::{Rgb, RgbImage, imageops};

use super::measure::Truth;
use super::record::Line;
use crate::depth::{DepthKind, DepthMap, DepthMaps, colour_picture, value_range};
use crate::draw::{font, pictures};
use crate::splat::Rendering;

/// Width of a tile.
const WIDTH: u32 = 320;
/// Strips on a sheet at most.
pub const MOST: usize = 60;
const WHITE: Rgb<u8> = Rgb([255; 3]);

fn picture(pixels: &[u32], width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let [r, g, b, _] = pixels[(y * width + x) as usize].to_le_bytes();
        Rgb([r, g, b])
    })
}

/// The frame, what splats show of it, the true depth where there is one, and the depth that splats show, in one range of colours by inverse
/// depth: near is bright.
pub(super) fn strip(frame: &[u32], seen: &Rendering, truth: Option<&Truth<'_>>) -> RgbImage {
    let (width, height) = (seen.width, seen.height);
    let tall = (WIDTH * height).div_ceil(width.max(1)).max(1);
    let tile =
        |picture: &RgbImage| imageops::resize(picture, WIDTH, tall, imageops::FilterType::Triangle);
    let mut tiles = vec![
        tile(&picture(frame, width, height)),
        tile(&picture(&seen.rgba, width, height)),
    ];
    let scale = truth.map_or(1.0, |t| t.to_truth.scale) as f32;
    let inverse = |depth: f32| if depth > 0.0 { 1.0 / depth } else { f32::NAN };
    let map = |values: Vec<f32>| DepthMap {
        width,
        height,
        values,
    };
    let shown = seen.depth.iter().zip(&seen.alpha);
    let shown = shown.map(|(d, a)| if *a > 0.5 { inverse(d * scale) } else { 0.0 });
    let mut maps = vec![map(shown.collect())];
    if let Some(truth) = truth {
        maps.insert(0, map(truth.depth.iter().map(|d| inverse(*d)).collect()));
    }
    let range = value_range(&DepthMaps {
        kind: DepthKind::RelativeInverse,
        model: String::new(),
        maps: maps.first().cloned().map(Some).into_iter().collect(),
    });
    for map in &maps {
        let kind = DepthKind::RelativeInverse;
        let bytes = colour_picture(map, kind, range.unwrap_or([0.0, 1.0]));
        if let Some(picture) = RgbImage::from_raw(map.width, map.height, bytes) {
            tiles.push(tile(&picture));
        }
    }
    let columns = tiles.len();
    pictures::sheet(&tiles, columns)
}

/// The strips of the first [`MOST`] lines that are kept under `folder`, with what they are; `None` where there are none.
pub fn draw(lines: &[Line], folder: &Path) -> Option<RgbImage> {
    let strips: Vec<RgbImage> = lines
        .iter()
        .take(MOST)
        .filter_map(|line| {
            let path = folder.join(line.strip.as_ref()?);
            let mut strip = image::open(path).ok()?.into_rgb8();
            let mut words = format!("{}, {}", line.name, line.settings.source.word());
            if let Some(psnr) = line.quality.and_then(|q| q.still_psnr) {
                words += &format!(": {psnr:.1} dB");
            }
            if let Some(depth) = line.depth {
                words += &format!(", depth {:.1}%", 100.0 * depth.median);
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
    (!cells.is_empty()).then(|| pictures::sheet(&cells, 1))
}
