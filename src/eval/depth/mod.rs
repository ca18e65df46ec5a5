//! What depth networks are worth: their maps beside the true depth of mock takes, or of pictures with measured depth, and how
//! much they wander in time.
//!
//! [`measure`] holds one map beside the truth, [`wander`] a clip's frames beside one another; [`sheet`] draws what they look like.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::agent::case::{self, Case};
use super::agent::network as maps_of;
use super::agent::take::Take;
use super::kept;
use crate::camera::Cameras;
use crate::depth::{self, DepthMaps, Model};
use crate::eval::scores::clips::Half;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion;
use crate::pipeline::{self as stages, Config};
use crate::video::Frames;

pub mod measure;
pub mod record;
pub mod sheet;
pub mod stats;
pub mod wander;

use measure::{Pair, Truth};
use record::{Accuracy, Line, Of, Settings};
use wander::Wander;

/// Version of what is measured; lines of another are made again.
pub const VERSION: u32 = 1;

/// A network under judgement.
pub struct Network {
    /// What it is called here.
    pub name: String,
    /// What it was opened with.
    pub options: depth::Options,
    /// Itself.
    pub model: Model,
}

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
    /// Draw a strip a clip and network.
    pub pictures: bool,
}

/// What came of it.
pub struct Outcome {
    /// A line a clip and network.
    pub lines: Vec<Line>,
    /// Inputs that could not be judged, and why.
    pub failed: Vec<String>,
}

/// The file of lines in an output folder.
pub const LINES: &str = "depth.jsonl";
/// What says of an output folder that all is done.
const DONE: [&str; 2] = ["summary.json", "depth.png"];
/// The folder of clips in it.
const CASES: &str = "cases";

/// One clip, before it is decoded.
pub(in crate::eval) enum Clip {
    Case(Box<Case>),
    Given(PathBuf),
}

impl Clip {
    pub fn of(&self) -> Of {
        match self {
            Self::Case(case) => Of::Case(case.clone()),
            Self::Given(path) => Of::Given(path.clone()),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Case(case) => case.name.clone(),
            Self::Given(path) => path
                .file_stem()
                .map_or_else(|| "input".to_owned(), |s| s.to_string_lossy().into_owned()),
        }
    }

    pub fn group(&self) -> String {
        match self {
            Self::Case(case) => case.place(),
            Self::Given(_) => "given".to_owned(),
        }
    }
}

/// A clip that is decoded, with what is true of it.
struct Seen {
    frames: Frames,
    /// By frame; empty where nothing is known.
    truth: Vec<Option<Truth>>,
}

/// Runs each network on each clip and compares. Takes and maps go to `folder/cases/`, a line a clip and network into [`LINES`]
/// as they come. Progress counts these. An input that cannot be judged is told, and the others are gone on with.
///
/// # Errors
/// The device's, a network's on a take, files that cannot be written, a folder that holds other lines, no input that could be judged, and
/// an interruption.
pub fn evaluate(
    gpu: &Gpu,
    networks: &[Network],
    config: &Config,
    options: &Options,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Outcome> {
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
    let before: Vec<Line> = kept::lines(&path, options.resume, &DONE, monitor)?;
    let settings = |clip: &Clip, network: &Network| {
        let model = (&network.model, &network.options);
        Settings::of(clip.of(), model, options.solve, config)
    };
    let asked: Vec<Settings> = clips
        .iter()
        .flat_map(|clip| networks.iter().map(|n| settings(clip, n)))
        .collect();
    // Of what is asked for only what would come out the same is kept; the rest of the folder stays.
    let outdated = |line: &Line| {
        let same = |s: &&Settings| s.of == line.settings.of && s.network == line.settings.network;
        asked.iter().any(|s| same(&s)) && !asked.contains(&line.settings)
    };
    let before: Vec<Line> = before.into_iter().filter(|l| !outdated(l)).collect();
    let mut file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let mut write = |line: &Line| -> anyhow::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        file.write_all(text.as_bytes())
            .with_context(|| path.display().to_string())
    };
    before.iter().try_for_each(&mut write)?;
    let total = asked.len() as u64;
    let (mut lines, mut failed): (Vec<Line>, Vec<String>) = (Vec::new(), Vec::new());
    let mut done = 0;
    monitor.progress(0, total);
    for clip in &clips {
        let mut seen: Option<Seen> = None;
        for network in networks {
            let settings = settings(clip, network);
            let line = match before.iter().rev().find(|l| l.settings == settings) {
                Some(line) => Ok(line.clone()),
                None => {
                    let tools = (gpu, config, options);
                    let made = one(tools, clip, network, settings, &mut seen, folder, monitor);
                    if monitor.stopped() {
                        bail!(
                            "interrupted after {done} of {total} (clips by networks); --resume goes on"
                        );
                    }
                    let made = made.with_context(|| clip.name());
                    if let Ok(line) = &made {
                        write(line)?;
                    }
                    made
                }
            };
            match (line, clip) {
                (Ok(line), _) => lines.push(line),
                // Takes are made here: what fails on one is no fault of an input.
                (Err(error), Clip::Case(_)) => return Err(error),
                (Err(error), Clip::Given(_)) => {
                    gpu.alive()?;
                    let words = format!("{error:#}");
                    monitor.warn(&words);
                    failed.push(words);
                }
            }
            done += 1;
            monitor.progress(done, total);
        }
    }
    if let (true, Some(first)) = (lines.is_empty(), failed.first()) {
        bail!("nothing could be judged: {first}");
    }
    Ok(Outcome { lines, failed })
}

fn seen(
    (gpu, config, options): (&Gpu, &Config, &Options),
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
            })
        }
        Clip::Given(path) => {
            let frames = stages::frames(gpu, path, None, config, monitor)?;
            let given = stages::given(gpu, path, &frames, config)?;
            for note in &given.notes {
                monitor.warn(note);
            }
            let truth: Vec<Option<Truth>> = given.depth.map_or_else(Vec::new, |depth| {
                let map = |map: Option<depth::DepthMap>| {
                    map.map(|map| Truth {
                        width: map.width,
                        height: map.height,
                        depth: map.values,
                    })
                };
                depth.maps.into_iter().map(map).collect()
            });
            if truth.is_empty() && !options.solve {
                bail!(
                    "no depth lies beside these pictures (NAME.depth.png of 16 bits and millimetres beside NAME.png; give the folder, \
                     not a picture or a pattern); --solve tells how much depth wanders without one"
                );
            }
            Ok(Seen { frames, truth })
        }
    }
}

fn one(
    tools: (&Gpu, &Config, &Options),
    clip: &Clip,
    network: &Network,
    settings: Settings,
    slot: &mut Option<Seen>,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Line> {
    let (gpu, config, options) = tools;
    let monitor = kept::Muted(monitor);
    // Takes and maps lie by the take's name, as those of other evaluations do.
    let place = folder.join(CASES).join(clip.name());
    let clip_seen = match slot {
        Some(seen) => seen,
        slot => slot.insert(seen(tools, clip, &place, &monitor)?),
    };
    let (frames, model) = (&clip_seen.frames, &network.model);
    let maps = match clip {
        Clip::Case(_) => {
            let variant = settings.variant();
            maps_of::maps(gpu, model, &variant, frames, &place, &monitor)?
        }
        Clip::Given(_) => model.estimate(gpu, frames, &monitor)?,
    };
    let known = clip_seen.truth.iter().flatten().filter(|t| t.is_known());
    let known = known.count();
    let pairs: Vec<(usize, Pair)> = maps
        .maps
        .iter()
        .zip(&clip_seen.truth)
        .enumerate()
        .filter_map(|(frame, (map, truth))| {
            let truth = truth.as_ref().filter(|t| t.is_known())?;
            Some((frame, Pair::new(maps.kind, map.as_ref()?, truth)?))
        })
        .collect();
    let (solved, refused) = match options.solve {
        false => (None, None),
        true => match cameras(gpu, clip_seen, &maps, config, &monitor)? {
            Ok(cameras) => (Some(cameras), None),
            Err(words) => (None, Some(words)),
        },
    };
    let accuracy = Accuracy::of(&pairs, known);
    // Fewer frames do not wander.
    let wander = match (pairs.len() >= 3, &solved) {
        (true, _) => Some(Wander::by_truth(&pairs, solved.as_ref())),
        (false, Some(cameras)) => Some(Wander::by_solve(&maps, cameras)),
        (false, None) => None,
    };
    let strip = match options.pictures {
        false => None,
        true => {
            let inside = Path::new(CASES).join(clip.name());
            let inside = inside.join(format!("strip-{}.png", settings.digest()));
            std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
            let path = folder.join(&inside);
            sheet::strip(gpu, frames, &clip_seen.truth, &maps, solved.as_ref())?
                .save(&path)
                .with_context(|| path.display().to_string())?;
            Some(inside)
        }
    };
    Ok(Line {
        name: clip.name(),
        group: clip.group(),
        network: network.name.clone(),
        kind: maps.kind,
        settings,
        frames: frames.len(),
        accuracy,
        wander,
        refused,
        strip,
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
    let motion = || Ok(motion::pairs(gpu, frames, &config.motion, monitor)?);
    let given = stages::Given::default();
    let (tracked, _) = stages::track(frames, motion, &given, Some(maps), config, monitor)?;
    Ok(match tracked {
        stages::Tracked::Solved(cameras) => Ok(cameras),
        stages::Tracked::Refused { words, .. } => Err(words),
    })
}
