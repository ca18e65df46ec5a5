//! The clips that scores are judged on: mock scenes without planted defects, and videos; split in two halves.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::eval::sheet::{MOVES, PLACES};
use crate::gpu::Gpu;
use crate::mock::defects::exactly;
use crate::mock::render::{Renderer, Want};
use crate::mock::seeds::{HELD_OUT, TUNING};
use crate::mock::{Clip, Scene, understand};
use crate::monitor::Monitor;
use crate::paths::is_video;
use crate::video::{Decode, DecodeOptions, Frames, VideoInfo, Windows};

/// One half of the clips: constants are tuned on one and judged on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    /// To tune on.
    Tuning,
    /// To judge on.
    HeldOut,
}

/// Which clips to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Halves {
    /// Those to judge on
    #[default]
    HeldOut,
    /// Those to tune on
    Tuning,
    /// Both
    All,
}

impl Halves {
    /// Whether clips of `half` are taken.
    pub fn take(self, half: Half) -> bool {
        match self {
            Self::HeldOut => half == Half::HeldOut,
            Self::Tuning => half == Half::Tuning,
            Self::All => true,
        }
    }
}

/// Where a clip comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Rendered.
    Mock {
        /// What is shown.
        prompt: String,
        /// Of the tuning or the held-out range.
        seed: u64,
    },
    /// Decoded.
    Video(PathBuf),
}

/// A clip before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name in results.
    pub name: String,
    /// Its half.
    pub half: Half,
    /// Where it comes from.
    pub source: Source,
}

/// Scenes besides [`PLACES`], by the same places with others in them.
const SCENES: [&str; 6] = [
    "a person walks in a room with shelves and plants, plaster walls, wooden floor",
    "a robot walks along a corridor with barrels, brick walls, cool light",
    "a robot walks in a courtyard with benches, stone floor",
    "two people walk along a street with trees and lamps",
    "a person climbs the stairs of a hall with shelves",
    "a person walks through a warehouse with wooden crates and pallets",
];

/// The `index`-th mock scene in words: places, subjects and camera moves vary.
pub(super) fn scene(index: usize, shift: usize) -> String {
    let scenes = PLACES.len() + SCENES.len();
    let at = index % scenes;
    let words = PLACES
        .get(at)
        .map_or_else(|| SCENES[at - PLACES.len()], |place| place.1);
    // Shifted from round to round, so that each scene meets another move.
    let (_, camera) = MOVES[(index + index / PLACES.len() + index / scenes + shift) % MOVES.len()];
    format!("{words}, {camera}")
}

/// `count` mock clips of a half after the first `skip`; of both halves in turn.
pub fn mock(skip: usize, count: usize, halves: Halves) -> Vec<Spec> {
    (skip..skip + count)
        .map(|i| {
            let (half, index) = match halves {
                Halves::HeldOut => (Half::HeldOut, i),
                Halves::Tuning => (Half::Tuning, i),
                Halves::All if i % 2 == 0 => (Half::Tuning, i / 2),
                Halves::All => (Half::HeldOut, i / 2),
            };
            let (start, word) = match half {
                Half::Tuning => (TUNING.start, "tuning"),
                Half::HeldOut => (HELD_OUT.start, "held-out"),
            };
            Spec {
                name: format!("mock-{word}-{index}"),
                half,
                source: Source::Mock {
                    // Half the moves on, so that no scene that was tuned on is judged on.
                    prompt: scene(
                        index,
                        if half == Half::Tuning {
                            0
                        } else {
                            MOVES.len() / 2
                        },
                    ),
                    seed: start + index as u64,
                },
            }
        })
        .collect()
}

/// The videos of a list of folders and files: of each folder, and of the files that are named themselves, in the order of
/// their names; every second one is held out.
///
/// # Errors
/// A path that is missing or no video, and a folder without one, by name.
pub fn videos(inputs: &[PathBuf], halves: Halves) -> anyhow::Result<Vec<Spec>> {
    let mut lists: Vec<Vec<PathBuf>> = Vec::new();
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            lists.push(videos_in(input)?);
        } else if !input.exists() {
            bail!("{}: there is no such folder or video", input.display());
        } else {
            files.push(input.clone());
        }
    }
    files.sort();
    files.dedup();
    lists.push(files);
    let spec = |(i, path): (usize, PathBuf)| Spec {
        name: path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        ),
        half: if i % 2 == 0 {
            Half::Tuning
        } else {
            Half::HeldOut
        },
        source: Source::Video(path),
    };
    let all = lists
        .into_iter()
        .flat_map(|list| list.into_iter().enumerate().map(spec));
    Ok(all.filter(|spec| halves.take(spec.half)).collect())
}

fn videos_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if is_video(&path) && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!(
            "{}: there is no video in this folder; give one that holds .mp4, .mov, .mkv, .webm or other videos",
            folder.display()
        );
    }
    found.sort();
    Ok(found)
}

/// The size that clips are made or decoded in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Seconds of a clip; of a video its first.
    pub seconds: f64,
    /// Frames of a clip, at most.
    pub frames: usize,
    /// Frames a second of mock clips.
    pub rate: f64,
    /// Width and height of mock clips in pixels.
    pub size: [u32; 2],
    /// Long side that videos are decoded to in pixels.
    pub max_side: u32,
    /// Who decodes videos.
    pub decode: Decode,
}

/// Frames a second of videos, at most.
const MOST_RATE: f64 = 240.0;

/// The frames of a clip.
///
/// # Errors
/// What is wrong with a video, the device's, and an interruption.
pub fn load(
    gpu: &Gpu,
    spec: &Spec,
    shape: &Shape,
    monitor: &dyn Monitor,
) -> anyhow::Result<Frames> {
    match &spec.source {
        Source::Mock { prompt, seed } => {
            let clip = Clip {
                frames: ((shape.seconds * shape.rate).round() as usize).clamp(1, shape.frames),
                fps: shape.rate,
                size: shape.size,
            };
            let scene = Scene::planting(understand(prompt, *seed), clip, exactly(&[]));
            render(gpu, &scene, monitor)
        }
        Source::Video(path) => {
            let options = DecodeOptions {
                max_side: shape.max_side,
                decode: shape.decode,
                ..DecodeOptions::default()
            };
            let mut windows = Windows::open(gpu, path, &options, monitor)?;
            let most = (shape.seconds * MOST_RATE).ceil() as usize;
            let frames = windows.next(shape.frames.min(most), monitor)?;
            let frames =
                frames.with_context(|| format!("{}: no frame could be decoded", path.display()))?;
            let end = frames.times[0] + shape.seconds - 1e-3;
            let count = frames.times.iter().take_while(|&&t| t < end).count();
            Ok(frames.select(&(0..count).collect::<Vec<_>>()))
        }
    }
}

/// The frames of a mock scene.
///
/// # Errors
/// The device's, and an interruption.
pub(super) fn render(gpu: &Gpu, scene: &Scene, monitor: &dyn Monitor) -> anyhow::Result<Frames> {
    let Clip { frames, fps, size } = scene.clip;
    let mut renderer = Renderer::new(gpu, scene, Want::PIXELS)?;
    let mut rgba = Vec::with_capacity(frames);
    loop {
        if monitor.stopped() {
            bail!("interrupted");
        }
        let shots = renderer.shoot()?;
        if shots.is_empty() {
            break;
        }
        for shot in shots {
            rgba.push(gpu.upload(&shot.rgba)?);
        }
    }
    let [width, height] = size;
    Ok(Frames {
        width,
        height,
        times: (0..rgba.len()).map(|i| i as f64 / fps).collect(),
        rgba,
        info: VideoInfo {
            width,
            height,
            fps,
            ..VideoInfo::default()
        },
        faults: Vec::new(),
        sources: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::seeds::{SeedRange, range_of};

    #[test]
    fn mock_clips_are_split_by_their_seeds() {
        for (halves, want) in [(Halves::HeldOut, 0), (Halves::Tuning, 6), (Halves::All, 3)] {
            let specs = mock(0, 6, halves);
            assert_eq!(mock(2, 4, halves), specs[2..]);
            let tuning = specs.iter().filter(|s| s.half == Half::Tuning).count();
            assert_eq!(tuning, want, "{halves:?}");
            for spec in specs {
                let Source::Mock { seed, .. } = spec.source else {
                    panic!("no mock clip")
                };
                let range = match spec.half {
                    Half::Tuning => SeedRange::Tuning,
                    Half::HeldOut => SeedRange::HeldOut,
                };
                assert_eq!(range_of(seed), range);
            }
        }
        let mut scenes: Vec<String> = (0..24).map(|i| scene(i, 0)).collect();
        scenes.sort();
        scenes.dedup();
        assert_eq!(scenes.len(), 24, "each is another");
    }

    #[test]
    fn videos_are_held_out_by_turns() {
        let folder = tempfile::tempdir().expect("tempdir");
        for name in ["c.mp4", "a.mp4", "b.MOV", "notes.txt", "d.webm"] {
            std::fs::write(folder.path().join(name), "").expect("write");
        }
        let names = |halves| -> Vec<String> {
            let specs = videos(&[folder.path().to_owned()], halves).expect("videos");
            specs.into_iter().map(|s| s.name).collect()
        };
        assert_eq!(names(Halves::Tuning), ["a.mp4", "c.mp4"]);
        assert_eq!(names(Halves::HeldOut), ["b.MOV", "d.webm"]);
        assert_eq!(names(Halves::All).len(), 4);
        let empty = tempfile::tempdir().expect("tempdir");
        let refused = videos(&[empty.path().to_owned()], Halves::All).expect_err("empty");
        assert!(refused.to_string().contains("no video in this folder"));
        let refused = videos(&["/no/such".into()], Halves::All).expect_err("missing");
        assert!(refused.to_string().contains("no such folder"));
    }
}
