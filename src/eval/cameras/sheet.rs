//! Sheets, a cell a take: paths from above, the true one and the solved one laid over it; masks of what moves.

use std::path::Path;

use glam::DVec2;
use image::{Rgb, RgbImage, imageops};

use super::record::{Line, Outcome};
use crate::draw::marks::{BLACK, dot, line};
use crate::draw::{font, pictures};

/// Width and height of a cell, and its part for words.
const CELL: [u32; 2] = [260, 200];
const WORDS: u32 = 44;
const COLUMNS: usize = 5;
/// Error over the path from which on it is drawn as bad.
const BAD: f64 = 0.01;
const PAPER: Rgb<u8> = Rgb([246, 246, 242]);
const TRUE: Rgb<u8> = Rgb([150, 150, 150]);
const GOOD: Rgb<u8> = Rgb([30, 110, 220]);
const WRONG: Rgb<u8> = Rgb([215, 50, 40]);

/// Draws the sheet: grey the true path, blue a solved one within a hundredth of it, red one that is farther off.
pub fn draw(lines: &[Line]) -> RgbImage {
    let cells: Vec<RgbImage> = lines.iter().map(cell).collect();
    pictures::sheet(&cells, COLUMNS)
}

fn cell(one: &Line) -> RgbImage {
    let mut picture = RgbImage::from_pixel(CELL[0], CELL[1], PAPER);
    let spoil = one.spoil.map_or("", |s| s.name());
    let name = format!("{} {} {spoil}", one.case.name, one.settings.depth.name());
    let mut say = |row: u32, text: &str| {
        font::draw_scaled(&mut picture, [6, 6 + 12 * row], text, BLACK, 1);
    };
    say(0, &name);
    say(
        1,
        &format!(
            "{:?}, mover {:.0}%",
            one.case.camera,
            100.0 * one.truth.mover
        )
        .to_lowercase(),
    );
    let solved = match &one.outcome {
        Outcome::Refused { reason, .. } => {
            say(2, &format!("refused: {}", reason.replace('_', " ")));
            return picture;
        }
        Outcome::Solved(solved) => solved,
    };
    let share = one.ate_share().unwrap_or(0.0);
    say(
        2,
        &format!(
            "{:.2}% of the path, focal {:+.1}%",
            100.0 * share,
            100.0 * solved.focal_error
        ),
    );
    let of = |k: usize| solved.path.iter().map(move |p| DVec2::from_array(p[k]));
    let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
    for p in of(0).chain(of(1)) {
        (low, high) = (low.min(p), high.max(p));
    }
    let room = DVec2::new(f64::from(CELL[0]), f64::from(CELL[1] - WORDS)) - 24.0;
    let scale = (room / (high - low).max(DVec2::splat(1e-9))).min_element();
    let middle = 12.0 + DVec2::new(0.0, f64::from(WORDS)) + room / 2.0;
    let at = |p: DVec2| middle + scale * (p - (low + high) / 2.0);
    let ink = if share > BAD { WRONG } else { GOOD };
    for (k, colour, wide) in [(0, TRUE, 2.0), (1, ink, 0.9)] {
        let points: Vec<DVec2> = of(k).map(at).collect();
        for pair in points.windows(2) {
            line(&mut picture, pair[0], pair[1], wide, colour);
        }
        if let Some(&first) = points.first() {
            dot(&mut picture, first, 1.5 + wide, colour);
        }
    }
    picture
}

/// Columns of the sheet of masks.
const MASKS: usize = 4;
/// Width and height of its cells.
const MASK: [u32; 2] = [320, 180];

/// The kept pictures of masks under `folder/cases/`, one a take; `None` where there are none.
pub fn masks(lines: &[Line], folder: &Path) -> Option<RgbImage> {
    let cells: Vec<RgbImage> = lines
        .iter()
        .filter(|one| !one.moving.is_empty())
        .filter_map(|one| {
            let place = folder.join("cases").join(&one.case.name);
            let path = place.join(super::picture_name(one.settings.depth));
            let picture = image::open(path).ok()?.into_rgb8();
            let [w, h] = MASK;
            let mut cell = imageops::resize(&picture, w, h, imageops::FilterType::Triangle);
            let name = format!("{} {}", one.case.name, one.settings.depth.name());
            font::draw_scaled(&mut cell, [4, 4], &name, Rgb([255, 255, 255]), 1);
            Some(cell)
        })
        .collect();
    (!cells.is_empty()).then(|| pictures::sheet(&cells, MASKS))
}
