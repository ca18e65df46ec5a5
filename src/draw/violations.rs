//! Each violation as a camera sees it, on one sheet.

use glam::{DVec2, DVec3};
use image::{Rgb, RgbImage, imageops};

use super::marks::{self, BLACK};
use super::{font, map, pictures, shade};
use crate::agent::{AgentReport, Floor, Violation};
use crate::camera::{Camera, Cameras};
use crate::world::World;

/// Pictures of a sheet, at most.
const MOST: usize = 12;
const COLUMNS: usize = 3;
/// Width and height of a picture, and of the words under it.
const PICTURE: [u32; 2] = [426, 266];
const WORDS: u32 = 86;
const BACK: Rgb<u8> = Rgb([32, 32, 32]);
const PAPER: Rgb<u8> = Rgb([246, 246, 242]);
/// Lines of a description, at most.
const LINES: usize = 3;

/// What a camera sees: its picture, whose size is that of the camera's intrinsics.
#[derive(Clone, Debug)]
pub struct Shot {
    /// The camera.
    pub camera: Camera,
    /// Its picture.
    pub picture: RgbImage,
}

/// What pictures of a world are made from.
pub struct Scene<'a> {
    /// What agents found.
    pub report: &'a AgentReport,
    /// The floor that they found it on.
    pub floor: &'a Floor,
    /// The cameras of the map.
    pub cameras: &'a Cameras,
    /// The world, for places that no camera sees; without it such places are shown on the map.
    pub world: Option<&'a World>,
}

/// A sheet of at most twelve pictures, and how many more there are: the violations, worst first, then doubts, with the numbers of the map; for each what
/// the nearest camera sees that sees the place, marked, in its extent. `shot` answers the picture of a frame, where there is
/// one; places that none sees are shown in the world's voxels.
///
/// # Errors
/// Those of `shot`.
pub fn sheet(
    scene: &Scene<'_>,
    shot: &mut dyn FnMut(usize) -> anyhow::Result<Option<Shot>>,
) -> anyhow::Result<RgbImage> {
    let mut cells = Vec::new();
    let all = scene.report.shown().count();
    for (number, v, doubt) in scene.report.shown().take(MOST) {
        let colour = marks::severity(v.severity, doubt);
        let picture = match v.evidence.frames.first() {
            Some(&frame) => shot(frame)?.map(|shot| marked(shot, v, number, colour, true)),
            None => None,
        };
        let picture = picture.unwrap_or_else(|| unseen(scene, v, number, colour));
        cells.push(cell(&picture, v, number, doubt));
    }
    if cells.is_empty() {
        let mut blank = RgbImage::from_pixel(PICTURE[0], WORDS, PAPER);
        font::draw(&mut blank, [8, 8], "no violations, no doubts", BLACK);
        return Ok(blank);
    }
    if all > MOST {
        let mut rest = RgbImage::from_pixel(PICTURE[0], PICTURE[1] + WORDS, PAPER);
        let words = format!("{} to {all} are in the report", MOST + 1);
        font::draw(&mut rest, [8, 8], &words, BLACK);
        cells.push(rest);
    }
    Ok(pictures::sheet(&cells, COLUMNS))
}

fn place(v: &Violation) -> DVec3 {
    DVec3::new(v.location.x, v.location.y, v.location.z)
}

/// A picture as large as a cell allows, with the violation's box and number.
fn marked(shot: Shot, v: &Violation, number: usize, colour: Rgb<u8>, by_pixel: bool) -> RgbImage {
    let (w, h) = shot.picture.dimensions();
    let scale = (f64::from(PICTURE[0]) / f64::from(w.max(1)))
        .min(f64::from(PICTURE[1]) / f64::from(h.max(1)));
    let fit = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
    let (w, h) = (fit(w), fit(h));
    let mut picture = imageops::resize(&shot.picture, w, h, imageops::FilterType::Triangle);
    let camera = Camera {
        intrinsics: shot.camera.intrinsics.resized(w, h),
        ..shot.camera
    };
    let half = DVec3::from_array(v.size) / 2.0;
    if half.max_element() > 0.0 {
        let bounds = [place(v) - half, place(v) + half];
        marks::wires(&mut picture, &camera, bounds, 1.6, BLACK);
        marks::wires(&mut picture, &camera, bounds, 0.8, colour);
    }
    let told = v
        .evidence
        .pixel
        .filter(|p| by_pixel && p[2] > 0 && p[3] > 0);
    let at = match told {
        Some([x, y, width, height]) => {
            let share = |a: u32, n: u32| (f64::from(a) + 0.5) / f64::from(n);
            Some(DVec2::new(
                share(x, width) * f64::from(w),
                share(y, height) * f64::from(h),
            ))
        }
        None => marks::seen(&camera, place(v)),
    };
    if let Some(at) = at {
        for (radius, ink) in [(2.6, BLACK), (1.8, colour)] {
            marks::dot(&mut picture, at, radius, ink);
        }
        // The number beside the place, so that the place can be seen.
        let off = |a: f64, n: u32| if a + 34.0 < f64::from(n) { 22.0 } else { -22.0 };
        let beside = at + DVec2::new(off(at.x, w), -off(f64::from(h) - at.y, h));
        marks::line(&mut picture, at, beside, 0.8, colour);
        marks::number(&mut picture, beside, number, colour);
    }
    picture
}

/// A place that no frame shows: the voxels around it, else the map.
fn unseen(scene: &Scene<'_>, v: &Violation, number: usize, colour: Rgb<u8>) -> RgbImage {
    if let Some(world) = scene.world {
        let height = scene.report.metrics.get("agent_height").copied();
        let size = DVec3::from_array(v.size).max_element();
        let reach = (2.2 * size).max(2.0 * height.unwrap_or(0.0));
        let camera = shade::beside(
            world,
            place(v),
            reach.max(20.0 * f64::from(world.voxel)),
            PICTURE,
        );
        let picture = shade::shade(world, &camera);
        return marked(Shot { camera, picture }, v, number, colour, false);
    }
    let map = map::draw(scene.floor, scene.cameras, scene.report);
    let scale = (f64::from(PICTURE[0]) / f64::from(map.width()))
        .min(f64::from(PICTURE[1]) / f64::from(map.height()));
    let fit = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
    imageops::resize(
        &map,
        fit(map.width()),
        fit(map.height()),
        imageops::FilterType::Triangle,
    )
}

/// A picture with its words.
fn cell(picture: &RgbImage, v: &Violation, number: usize, doubt: bool) -> RgbImage {
    let [width, height] = PICTURE;
    let mut cell = RgbImage::from_pixel(width, height + WORDS, PAPER);
    for y in 0..height {
        for x in 0..width {
            cell.put_pixel(x, y, BACK);
        }
    }
    let centred = |n: u32, of: u32| i64::from(of.saturating_sub(n) / 2);
    let at = [
        centred(picture.width(), width),
        centred(picture.height(), height),
    ];
    imageops::replace(&mut cell, picture, at[0], at[1]);
    let what = serde_json::to_value(v.what).ok();
    let what = what.as_ref().and_then(|w| w.as_str()).unwrap_or_default();
    let share = format!("{:.0}%", 100.0 * v.confidence);
    let what = what.replace('_', " ");
    let title = match doubt {
        true => format!("{number} doubt: {what} {share}"),
        false => format!("{number} {what}, {:?} {share}", v.severity),
    };
    font::draw(&mut cell, [6, height + 6], &title.to_lowercase(), BLACK);
    // Half as large as the title: descriptions are long.
    let letters = (width as usize - 12) / 6;
    for (row, text) in (0u32..).zip(lines(&v.description, letters)) {
        let at = [6, height + 30 + 14 * row];
        font::draw_scaled(&mut cell, at, &text, Rgb([60, 60, 60]), 1);
    }
    cell
}

/// A text in lines of at most so many letters; what is over is cut with dots.
fn lines(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.chars().take(letters).collect()),
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            let kept = letters.saturating_sub(4);
            *last = last.chars().take(kept).collect::<String>() + " ...";
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_between_them() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("", 7), [""; 0]);
        let long = lines("aaaaaa bbbbbb cccccc dddddd eeeeee", 7);
        assert_eq!(long, ["aaaaaa", "bbbbbb", "ccc ..."]);
        assert!(long.iter().all(|l| l.len() <= 7));
    }
}
