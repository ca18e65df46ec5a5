//! Takes spoilt as clips of generators and of people are, on which cameras must not be silently wrong.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::record::{Line, Outcome};
use crate::camera::{Camera, Cameras, GOOD, LengthUnit, Way, evaluate};
use crate::eval::agent::case::FPS;
use crate::eval::agent::take::{Take, clear};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::numeric::Rng;
use crate::video::{self, DecodeOptions, EncodeOptions, Encoder};

/// A part of the path that cameras of a take with a flaw may be off.
const CLOSE: f64 = 0.01;
/// Share of a clip before its cut.
const BEFORE: f64 = 0.6;
/// Sides of the cover over those of the picture: four fifths of it.
const COVER: f64 = 0.9;
/// Frames of which a hurried clip keeps one.
const HURRY: usize = 9;

/// What is done to a take.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Spoil {
    /// Three fifths of it, then another take
    Cut,
    /// An eighth of its frames, in the middle, are black
    Black,
    /// Black throughout
    Dark,
    /// Nothing but sky, with clouds that drift
    Sky,
    /// Another take over four fifths of the picture, as a thing that fills it
    Covered,
    /// A caption below that stays where it is
    Caption,
    /// Its first frame throughout
    Frozen,
    /// One frame in nine, shown for as long as nine
    Hurried,
}

impl Spoil {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Cut,
        Self::Black,
        Self::Dark,
        Self::Sky,
        Self::Covered,
        Self::Caption,
        Self::Frozen,
        Self::Hurried,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        [
            "cut", "black", "dark", "sky", "covered", "caption", "frozen", "hurried",
        ][self as usize]
    }

    /// What is right to say of it.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Cut => "cameras of the part before the cut alone, or none",
            Self::Black => "none of the black frames, the others right",
            Self::Dark | Self::Sky => "no cameras, or none that travels",
            Self::Covered => "no cameras, those of either take, or little trust",
            Self::Caption => "the cameras that it has without",
            Self::Frozen => "a camera that stands",
            Self::Hurried => "right cameras, or none",
        }
    }

    /// Whether what came of a take is right.
    pub fn right(self, line: &Line, solved: &Answer) -> bool {
        let close = solved.ate.is_some_and(|ate| ate <= CLOSE * line.truth.path);
        match (&line.outcome, self) {
            (Outcome::Refused { .. }, Self::Caption | Self::Black | Self::Frozen) => false,
            (Outcome::Refused { .. }, _) => true,
            (Outcome::Solved(s), Self::Dark | Self::Sky) => s.way != Way::Travels,
            (Outcome::Solved(s), Self::Frozen) => s.way == Way::Stands,
            (Outcome::Solved(_), Self::Cut | Self::Black) => solved.spoilt == 0 && close,
            (Outcome::Solved(_), Self::Caption | Self::Hurried) => close,
            (Outcome::Solved(_), Self::Covered) => {
                close || solved.other.is_some_and(|ate| ate <= CLOSE) || solved.trust < GOOD
            }
        }
    }

    /// Whether a frame of `count` shows none of its own take.
    pub fn spoils(self, frame: usize, count: usize) -> bool {
        match self {
            Self::Cut => frame as f64 >= BEFORE * count as f64,
            Self::Black => (7 * count..9 * count).contains(&(16 * frame)),
            Self::Dark | Self::Sky => true,
            Self::Covered | Self::Caption | Self::Frozen | Self::Hurried => false,
        }
    }

    /// The frame of the take that stands at a place of the spoilt one.
    fn source(self, frame: usize) -> usize {
        match self {
            Self::Frozen => 0,
            Self::Hurried => frame / HURRY * HURRY,
            _ => frame,
        }
    }

    /// A frame: `own` and the other take's, packed sRGB.
    fn frame(
        self,
        own: &[u32],
        other: &[u32],
        size: [u32; 2],
        [frame, count]: [usize; 2],
    ) -> Vec<u32> {
        let [w, h] = size.map(|s| s as usize);
        let pixels = own.iter().zip(other).enumerate();
        pixels
            .map(|(p, (&own, &other))| {
                let (x, y) = (p % w, p / w);
                match self {
                    Self::Cut if self.spoils(frame, count) => other,
                    Self::Black if self.spoils(frame, count) => BLACK,
                    Self::Dark => BLACK,
                    Self::Sky => sky([x, y], [w, h], frame),
                    Self::Covered => {
                        let off = |at: usize, of: usize| {
                            (2.0 * at as f64 + 1.0 - of as f64).abs() / of as f64
                        };
                        match off(x, w).max(off(y, h)) < COVER {
                            true => other,
                            false => own,
                        }
                    }
                    Self::Caption => caption([x, y], [w, h]).unwrap_or(own),
                    _ => own,
                }
            })
            .collect()
    }
}

const BLACK: u32 = 0xFF00_0000;

fn grey(rgb: [f64; 3]) -> u32 {
    let [r, g, b] = rgb.map(|v| v.clamp(0.0, 255.0) as u32);
    BLACK | b << 16 | g << 8 | r
}

/// A blue that fades towards the horizon, and soft clouds that drift to the side and change.
fn sky([x, y]: [usize; 2], [w, h]: [usize; 2], frame: usize) -> u32 {
    let (u, v) = (x as f64 / w as f64, y as f64 / h as f64);
    let t = frame as f64 / FPS;
    let wave = |a: f64, b: f64, c: f64| (a * (u - 0.02 * t) + b * v + c * t).sin();
    let cloud = wave(9.0, 3.0, 0.05) * wave(5.0, -14.0, 0.09) + 0.5 * wave(21.0, 17.0, -0.13);
    let white = 34.0 * (cloud - 0.2).max(0.0);
    grey([
        90.0 + 70.0 * v + white,
        140.0 + 50.0 * v + white,
        220.0 + 0.6 * white,
    ])
}

/// Letters of random strokes on a dark band; `None` above it.
fn caption([x, y]: [usize; 2], [w, h]: [usize; 2]) -> Option<u32> {
    let band = h - h / 6;
    if y < band {
        return None;
    }
    let letter = (h / 24).max(2);
    let inside = y >= band + letter && y + letter < h && x >= w / 10 && x < w - w / 10;
    let mut rng = Rng::new((x / (letter / 2).max(1) * 1009 + y / (letter / 2).max(1)) as u64);
    match inside && (x / letter) % 2 == 0 && rng.range(0.0, 1.0) < 0.6 {
        true => Some(grey([235.0; 3])),
        false => Some(grey([24.0; 3])),
    }
}

/// What an outcome is judged by beside its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Error of the cameras' centres in metres, over frames that show the take.
    pub ate: Option<f64>,
    /// Of a cover, that error over the path of the take that covers.
    pub other: Option<f64>,
    /// Cameras of frames that do not show the take.
    pub spoilt: usize,
    /// Their reconstructability.
    pub trust: f64,
}

impl Answer {
    /// Of solved cameras.
    pub fn of(spoil: Spoil, solved: &Cameras, take: &Take, other: &Take) -> Self {
        let count = take.case.frames;
        let shows = |view: usize| !spoil.spoils(take.frames[view], count);
        let mut own = solved.clone();
        own.cameras.retain(|c| shows(c.frame));
        let error = |of: &Take| {
            let shown = take.frames.iter().enumerate().map(|(view, &frame)| Camera {
                frame: view,
                ..of.scene.camera_at(spoil.source(frame) % of.case.frames)
            });
            evaluate(&own, &Cameras::known(shown.collect(), LengthUnit::Metres))
        };
        let covers = || error(other).filter(|_| spoil == Spoil::Covered);
        Self {
            ate: error(take).map(|e| e.ate_rmse),
            other: covers().map(|e| e.ate_rmse / e.path_length.max(1e-9)),
            spoilt: solved.cameras.len() - own.cameras.len(),
            trust: solved.reconstructability(),
        }
    }
}

/// The take with a spoilt video in `folder`, of which `other` brings what is not its own.
///
/// # Errors
/// The device's, the codec's, and files that cannot be written.
pub fn spoilt(
    gpu: &Gpu,
    take: &Take,
    other: &Take,
    spoil: Spoil,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Take> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let [width, height] = take.case.size;
    let options = DecodeOptions {
        max_side: width.max(height),
        ..DecodeOptions::default()
    };
    let [own, theirs] = [take, other].map(|t| video::decode(gpu, &t.video, &options, monitor));
    let (own, theirs) = (own?, theirs?);
    let path = folder.join("take.mp4");
    let before = std::fs::read(&path).ok();
    let mut encoder = Encoder::create(&path, width, height, FPS, &EncodeOptions::default())?;
    for frame in 0..own.len() {
        let mine = gpu.read(&own.rgba[spoil.source(frame)])?;
        let its = gpu.read(&theirs.rgba[frame % theirs.len()])?;
        encoder.push(&spoil.frame(&mine, &its, take.case.size, [frame, own.len()]))?;
    }
    encoder.finish()?;
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    // What is kept beside it is of the clip that was there.
    if before.is_some_and(|before| before != bytes) {
        clear(folder)?;
        std::fs::write(&path, &bytes).with_context(|| path.display().to_string())?;
    }
    Ok(Take {
        video: path,
        ..take.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_does_what_it_says() {
        let size = [32, 18];
        let [own, other] = [0xFF10_1010u32, 0xFFE0_E0E0].map(|v| vec![v; 32 * 18]);
        let of = |spoil: Spoil, frame| spoil.frame(&own, &other, size, [frame, 48]);
        assert_eq!(
            (of(Spoil::Cut, 28), of(Spoil::Cut, 29)),
            (own.clone(), other.clone())
        );
        let black: Vec<usize> = (0..48).filter(|&f| of(Spoil::Black, f) != own).collect();
        assert_eq!(black, (21..27).collect::<Vec<_>>());
        assert!(of(Spoil::Dark, 0).iter().all(|p| *p == BLACK));
        assert_ne!(of(Spoil::Sky, 0), of(Spoil::Sky, 9));
        let covered = of(Spoil::Covered, 3)
            .iter()
            .filter(|p| **p == other[0])
            .count();
        assert!((0.7..0.9).contains(&(covered as f64 / 576.0)), "{covered}");
        let captioned = of(Spoil::Caption, 3);
        assert_eq!(captioned, of(Spoil::Caption, 30));
        let below = captioned.iter().filter(|p| **p != own[0]).count();
        assert_eq!(below, 3 * 32);
        assert_eq!(
            (Spoil::Frozen.source(7), Spoil::Hurried.source(20)),
            (0, 18)
        );
    }
}
