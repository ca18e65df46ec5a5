//! What depth networks are worth: their maps beside the true depth of mock takes, or of pictures with measured depth, and how
//! much they wander in time.
//!
//! [`measure`] holds one map beside the truth, [`wander`] a clip's frames beside one another; [`sheet`] draws what they look like.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::agent::case::{self, Case};
use super::agent::network;
use super::agent::take::Take;
use super::kept;
use crate::camera::{Cameras, SolveOptions};
use crate::depth::{DepthMaps, Model};
use crate::eval::scores::clips::Half;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::pipeline::{self as stages, Config};
use crate::score;
use crate::video::Frames;

pub mod measure;
pub mod record;
pub mod sheet;
pub mod stats;
pub mod wander;

use measure::{Pair, Truth};
use record::{Accuracy, Line, Of, Settings};

/// The clips that networks are run on.
#[derive(Clone, Debug)]
pub enum Clips {
    /// Takes of the mock world without faults.
    Takes {
        /// The half that seeds are taken from.
        half: Half,
        /// Takes.
        takes: usize,
        /// Takes that are left out before them.
        first: usize,
        /// Width and height in pixels.
        size: [u32; 2],
        /// Least and greatest seconds of a take.
        seconds: [f64; 2],
    },
    /// Videos and folders of pictures; the truth is the depth that lies beside them.
    Given(Vec<PathBuf>),
}

/// What to evaluate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The clips.
    pub clips: Clips,
    /// Solve cameras too, and tell how much depth wanders by their scales and shifts.
    pub solve: bool,
    /// Lines that are in the folder already are not made again.
    pub resume: bool,
}

/// The file of lines in an output folder.
pub const LINES: &str = "depth.jsonl";
/// The folder of clips in it.
const CASES: &str = "cases";

/// One clip, before it is decoded.
enum Clip {
    Case(Box<Case>),
    Given(PathBuf),
}

impl Clip {
    fn of(&self) -> Of {
        match self {
            Self::Case(case) => Of::Case(case.clone()),
            Self::Given(path) => Of::Given(path.clone()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Case(case) => case.name.clone(),
            Self::Given(path) => path
                .file_stem()
                .map_or_else(|| "input".to_owned(), |s| s.to_string_lossy().into_owned()),
        }
    }

    fn group(&self) -> String {
        match self {
            Self::Case(case) => {
                let place = crate::mock::understand(&case.prompt, case.seed).place;
                format!("{place:?}").to_lowercase()
            }
            Self::Given(_) => "given".to_owned(),
        }
    }
}

/// A clip that is decoded, with what is true of it.
struct Seen {
    frames: Frames,
    video: PathBuf,
    /// By frame; empty where nothing is known.
    truth: Vec<Option<Truth>>,
}

/// Runs each network on each clip and compares. Takes and maps go to `folder/cases/`, a line a clip and network into [`LINES`]
/// as they come. Progress counts these.
///
/// # Errors
/// The device's, a network's, inputs that cannot be read or have no depth to compare with, files that cannot be written, a folder that
/// holds other lines, and an interruption.
pub fn evaluate(
    gpu: &Gpu,
    models: &[(String, Model)],
    config: &Config,
    options: &Options,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<Line>> {
    let clips: Vec<Clip> = match &options.clips {
        Clips::Given(paths) => paths.iter().cloned().map(Clip::Given).collect(),
        Clips::Takes {
            half,
            takes,
            first,
            size,
            seconds,
        } => {
            let all = case::cases(first + takes, *half, *size, *seconds, config.max_frames);
            let bare = all.into_iter().skip(*first).map(|mut case| {
                case.faults.clear();
                Clip::Case(Box::new(case))
            });
            bare.collect()
        }
    };
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(LINES);
    let before: Vec<Line> = kept::lines(&path, options.resume, monitor)?;
    let mut file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let mut write = |line: &Line| -> anyhow::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        file.write_all(text.as_bytes())
            .with_context(|| path.display().to_string())
    };
    before.iter().try_for_each(&mut write)?;
    let total = (clips.len() * models.len()) as u64;
    let mut lines: Vec<Line> = Vec::new();
    monitor.progress(0, total);
    for (number, clip) in clips.iter().enumerate() {
        let mut seen: Option<Seen> = None;
        for (name, model) in models {
            let settings = Settings::of(clip.of(), model.sha256(), options.solve, config);
            let place = place(folder, number, clip);
            let kept = before.iter().rev().find(|l| l.settings == settings);
            let line = match kept {
                Some(line) => line.clone(),
                None => {
                    let tools = (gpu, config, options.solve);
                    let line = one(
                        tools,
                        clip,
                        (name, model),
                        settings,
                        &mut seen,
                        &place,
                        monitor,
                    )
                    .with_context(|| clip.name());
                    if monitor.stopped() {
                        bail!(
                            "interrupted after {} of {total} clips; --resume goes on",
                            lines.len()
                        );
                    }
                    let line = line?;
                    write(&line)?;
                    line
                }
            };
            lines.push(line);
            monitor.progress(lines.len() as u64, total);
        }
    }
    Ok(lines)
}

/// Where a clip's files are kept. Inputs may have the same name.
fn place(folder: &Path, number: usize, clip: &Clip) -> PathBuf {
    let name = match clip {
        Clip::Case(case) => case.name.clone(),
        Clip::Given(_) => format!("{number:02}-{}", clip.name()),
    };
    folder.join(CASES).join(name)
}

fn seen(
    (gpu, config, solve): (&Gpu, &Config, bool),
    clip: &Clip,
    place: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Seen> {
    match clip {
        Clip::Case(case) => {
            let take = Take::make(gpu, case, place, monitor)?;
            let [width, height] = case.size;
            let truth = |seen: &super::agent::take::Seen| Truth {
                width,
                height,
                depth: seen.depth.clone(),
            };
            Ok(Seen {
                frames: take.decode(gpu, monitor)?,
                truth: take.seen.iter().map(|s| Some(truth(s))).collect(),
                video: take.video,
            })
        }
        Clip::Given(path) => {
            let frames = stages::frames(gpu, path, None, config, monitor)?;
            let given = stages::given(gpu, path, &frames, config)?;
            for note in &given.notes {
                monitor.warn(note);
            }
            let truth: Vec<Option<Truth>> = given.depth.map_or_else(Vec::new, |depth| {
                let map = |map: Option<crate::depth::DepthMap>| {
                    map.map(|map| Truth {
                        width: map.width,
                        height: map.height,
                        depth: map.values,
                    })
                };
                depth.maps.into_iter().map(map).collect()
            });
            if truth.is_empty() && !solve {
                bail!(
                    "{}: no depth lies beside it (NAME.depth.png of 16 bits and millimetres, beside each picture) to compare with; --solve \
                     tells how much depth wanders without one",
                    path.display()
                );
            }
            Ok(Seen {
                frames,
                video: path.clone(),
                truth,
            })
        }
    }
}

fn one(
    tools: (&Gpu, &Config, bool),
    clip: &Clip,
    (name, model): (&str, &Model),
    settings: Settings,
    slot: &mut Option<Seen>,
    place: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Line> {
    let (gpu, config, solve) = tools;
    let quiet = kept::Quiet(monitor);
    let clip_seen = match slot {
        Some(seen) => seen,
        slot => slot.insert(seen(tools, clip, place, monitor)?),
    };
    let frames = &clip_seen.frames;
    let maps = match clip {
        Clip::Case(_) => network::maps(gpu, model, frames, place, &quiet)?,
        Clip::Given(_) => model.estimate(gpu, frames, &quiet)?,
    };
    let pairs: Vec<(usize, Pair)> = maps
        .maps
        .iter()
        .zip(&clip_seen.truth)
        .enumerate()
        .filter_map(|(frame, (map, truth))| {
            let pair = Pair::new(maps.kind, map.as_ref()?, truth.as_ref()?)?;
            Some((frame, pair))
        })
        .collect();
    let solved = match solve {
        false => None,
        true => Some(cameras(gpu, clip_seen, &maps, config, &quiet)?),
    };
    let (solved, refused) = match solved {
        Some(Ok(cameras)) => (Some(cameras), None),
        Some(Err(words)) => (None, Some(words)),
        None => (None, None),
    };
    let (numbers, pairs): (Vec<usize>, Vec<Pair>) = pairs.into_iter().unzip();
    let accuracy = Accuracy::of(&pairs);
    let with_truth = !pairs.is_empty();
    let wander = match (with_truth, &solved) {
        (true, _) => wander::of_clip(&pairs),
        (false, Some(cameras)) => wander::off_solve(&maps, cameras),
        (false, None) => None,
    };
    let wander_solved = solved.as_ref().and_then(|cameras| match with_truth {
        true => wander::of_solve(numbers.iter().copied().zip(&pairs), cameras),
        false => wander::along_solve(&maps, cameras),
    });
    std::fs::create_dir_all(place).with_context(|| place.display().to_string())?;
    let strip = sheet::strip(gpu, frames, &clip_seen.truth, &maps, solved.as_ref())?;
    let file = sheet::name(model.sha256());
    let path = place.join(&file);
    strip
        .save(&path)
        .with_context(|| path.display().to_string())?;
    Ok(Line {
        name: clip.name(),
        group: clip.group(),
        network: name.to_owned(),
        kind: maps.kind,
        settings,
        frames: frames.len(),
        accuracy,
        wander,
        wander_solved,
        refused,
        strip: Path::new(CASES)
            .join(place.file_name().unwrap_or_default())
            .join(file),
    })
}

/// Cameras solved from the clip and these maps, or why there are none. What is known of them is not used: the scales and shifts are what a
/// run without it would have.
fn cameras(
    gpu: &Gpu,
    seen: &Seen,
    maps: &DepthMaps,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Result<Cameras, String>> {
    let frames = &seen.frames;
    let read = stages::reading(None, score::MAX_SIDE, config.decode);
    let options = &config.motion;
    let pairs = stages::pairs(gpu, &seen.video, &read, frames, None, options, monitor)?;
    let options = SolveOptions {
        width: frames.width,
        height: frames.height,
        ..config.solve.clone()
    };
    match crate::camera::solve(&pairs, maps, &options, monitor) {
        Ok(cameras) => Ok(Ok(cameras)),
        Err(error) if stages::refusal(&error).is_some() => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
