//! A contact sheet of the corruptions of one clip, so that a person sees that each is what it says.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::draw::font;
use crate::eval::corrupt::{Anchors, Corruption, Kind, LEVELS, corrupt};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::video::Frames;

/// Longest side of a cell in pixels.
const CELL: u32 = 320;
const GAP: u32 = 4;
const LABELS: u32 = 110;
const TOP: u32 = 24;
const INK: Rgb<u8> = Rgb([20; 3]);

/// A row for each kind, a column for the clean clip and for each level. Each row shows the frame of the second half that
/// the highest level changes most.
///
/// # Errors
/// The device's, and an interruption.
pub fn draw(
    gpu: &Gpu,
    frames: &Frames,
    kinds: &[Kind],
    seed: u64,
    monitor: &dyn Monitor,
) -> anyhow::Result<RgbImage> {
    anyhow::ensure!(!frames.is_empty(), "the clip has no frames");
    let anchors = Anchors::find(gpu, frames, monitor)?;
    let scale = (f64::from(CELL) / f64::from(frames.width.max(frames.height))).min(1.0);
    let [w, h] = [frames.width, frames.height].map(|s| ((f64::from(s) * scale) as u32).max(1));
    let width = LABELS + (LEVELS + 1) * (w + GAP);
    let height = TOP + kinds.len() as u32 * (h + GAP);
    let mut sheet = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for column in 0..=LEVELS {
        let text = match column {
            0 => "clean".to_owned(),
            level => format!("level {level}"),
        };
        let x = LABELS + column * (w + GAP);
        font::draw(&mut sheet, [x, 5], &text, INK);
    }
    let late: Vec<usize> = (frames.len() / 2..frames.len()).collect();
    let clean: Vec<Vec<u32>> = late
        .iter()
        .map(|&t| frames.read(gpu, t))
        .collect::<Result<_, _>>()?;
    for (row, &kind) in kinds.iter().enumerate() {
        let y = TOP + row as u32 * (h + GAP);
        font::draw(&mut sheet, [4, y + h / 2], kind.name(), INK);
        let mut shown = late.len() - 1;
        // From the highest level down: it says which frame.
        for level in (0..=LEVELS).rev() {
            anyhow::ensure!(!monitor.stopped(), "interrupted");
            let pixels = if level == 0 {
                clean[shown].clone()
            } else {
                let what = Corruption { kind, level, seed };
                let corrupted = corrupt(gpu, frames, &anchors, &what)?;
                if level == LEVELS {
                    let mut most = -1.0;
                    for (at, &t) in late.iter().enumerate() {
                        let apart = apart(&clean[at], &corrupted.read(gpu, t)?);
                        if apart > most {
                            (most, shown) = (apart, at);
                        }
                    }
                }
                corrupted.read(gpu, late[shown])?
            };
            let bytes = pixels.iter().flat_map(|p| {
                let [r, g, b, _] = p.to_le_bytes();
                [r, g, b]
            });
            let picture = RgbImage::from_raw(frames.width, frames.height, bytes.collect());
            if let Some(picture) = picture {
                let small = resize(&picture, w, h, FilterType::Triangle);
                let x = LABELS + level * (w + GAP);
                replace(&mut sheet, &small, i64::from(x), i64::from(y));
            }
        }
    }
    Ok(sheet)
}

/// Mean difference of two frames, over the three channels.
fn apart(a: &[u32], b: &[u32]) -> f64 {
    let one = |(a, b): (&u32, &u32)| {
        let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
        (0..3).map(|k| f64::from(a[k].abs_diff(b[k]))).sum::<f64>()
    };
    a.iter().zip(b).map(one).sum::<f64>() / a.len().max(1) as f64
}
