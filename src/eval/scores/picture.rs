//! The matrix as a picture: every metric under every corruption, rho beside the area under the curve.

use image::{Rgb, RgbImage};

use super::matrix::Cell;
use super::measure::metrics;
use crate::draw::font;

const CELL: [u32; 2] = [104, 32];
const LABELS: u32 = 130;
const TOP: u32 = 64;
const GAP: u32 = 30;
const WHITE: Rgb<u8> = Rgb([255; 3]);
const INK: Rgb<u8> = Rgb([20; 3]);

/// Blue where `v` is -1, white at 0, red at 1.
fn tint(v: f64) -> Rgb<u8> {
    let v = if v.is_finite() {
        v.clamp(-1.0, 1.0)
    } else {
        0.0
    };
    let towards = if v < 0.0 {
        [45.0, 110.0, 200.0]
    } else {
        [215.0, 60.0, 45.0]
    };
    Rgb(towards.map(|c: f64| (255.0 + (c - 255.0) * v.abs()).round() as u8))
}

/// The first word of a metric's name, which tells them apart.
fn short(metric: &str) -> &str {
    match metric {
        "visual_quality" => "quality",
        "motion_smoothness" => "smooth",
        "temporal_coherence" => "cohere",
        _ => metric.split('_').next().unwrap_or(metric),
    }
}

/// Draws the cells as [`super::Outcome`] has them: a row a corruption, a column a metric; blue is good, a frame marks the
/// corruptions that a metric is there to notice.
pub fn draw(cells: &[Cell]) -> RgbImage {
    let names = metrics();
    let columns = names.len() as u32;
    let rows = (cells.len() / names.len()) as u32;
    let panel = columns * CELL[0];
    let width = LABELS + 2 * panel + GAP + 10;
    let mut picture = RgbImage::from_pixel(width, TOP + rows * CELL[1] + 10, WHITE);
    let lefts = [LABELS, LABELS + panel + GAP];
    for (left, title) in lefts.into_iter().zip(["rho", "AUC"]) {
        font::draw(&mut picture, [left, 8], title, INK);
        for (column, name) in names.into_iter().enumerate() {
            let text = short(name);
            let middle = left + column as u32 * CELL[0] + CELL[0] / 2;
            font::draw(
                &mut picture,
                [middle - font::width(text) / 2, 38],
                text,
                INK,
            );
        }
    }
    for (i, cell) in cells.iter().enumerate() {
        let [row, column] = [i as u32 / columns, i as u32 % columns];
        let top = TOP + row * CELL[1];
        let line = top + (CELL[1] - font::HEIGHT) / 2;
        if column == 0 {
            font::draw(&mut picture, [8, line], cell.corruption.name(), INK);
        }
        let shown = [
            (lefts[0], cell.rho, format!("{:+.2}", cell.rho)),
            // From 1, all told apart, over .5, chance, to 0.
            (lefts[1], 1.0 - 2.0 * cell.auc, format!("{:.2}", cell.auc)),
        ];
        for (left, value, text) in shown {
            let corner = [left + column * CELL[0], top];
            let ink = if !(-0.75..=0.85).contains(&value) {
                WHITE
            } else {
                INK
            };
            fill(&mut picture, corner, tint(value), cell.own);
            let x = corner[0] + (CELL[0] - font::width(&text)) / 2;
            font::draw(&mut picture, [x, line], &text, ink);
        }
    }
    picture
}

fn fill(picture: &mut RgbImage, [left, top]: [u32; 2], colour: Rgb<u8>, framed: bool) {
    let [w, h] = CELL;
    for y in 0..h - 2 {
        for x in 0..w - 2 {
            let border = x < 2 || y < 2 || x >= w - 4 || y >= h - 4;
            let pixel = if framed && border { INK } else { colour };
            picture.put_pixel(left + x, top + y, pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::corrupt::Kind;
    use crate::eval::scores::matrix::{Ladder, cells};

    #[test]
    fn what_falls_is_blue_and_what_rises_red() {
        assert_eq!(tint(0.0), WHITE);
        assert!(tint(-1.0)[2] > tint(-1.0)[0] && tint(1.0)[0] > tint(1.0)[2]);
        assert_eq!(tint(f64::NAN), WHITE);
        let ladder = Ladder {
            clean: [0.9; 7],
            corrupted: vec![vec![[0.5; 7], [0.4; 7]]],
        };
        let picture = draw(&cells(Kind::Blur, &[1, 2], 1, &[ladder]));
        assert_eq!(picture.height(), TOP + CELL[1] + 10);
        assert_eq!(*picture.get_pixel(LABELS + 4, TOP + 4), tint(-1.0));
    }
}
