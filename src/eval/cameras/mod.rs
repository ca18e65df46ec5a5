//! What solved cameras are worth: takes of the mock world, whose poses and focal length are known, solved from the video
//! and either the true depth or a network's.
//!
//! Takes are those of [`super::agent`], without faults: all places and camera moves by turns, most of them with somebody who
//! walks. Cameras that stand still and that only turn are among them: no world can be had of these, and the solver
//! is to say so. What moves is masked by the solved cameras, and compared with who walks.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};

use super::agent::case::{self, Case};
use super::agent::network;
use super::agent::take::Take;
use super::kept;
use crate::camera::{Cameras, SolveOptions};
use crate::depth::{DepthKind, DepthMap, DepthMaps, Model};
use crate::eval::scores::clips::Half;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion;
use crate::numeric::median;
use crate::pipeline::{self as stages, Config};
use crate::video::Frames;

pub mod masks;
pub mod record;
pub mod sheet;
pub mod spoil;
pub mod stats;

use record::{Line, Outcome, Settings};
use spoil::{Answer, Spoil};

/// Where depth comes from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// The truth, as a depth camera would give it
    Truth,
    /// A network, as in a run
    Network,
}

impl Depth {
    /// Its word.
    pub fn name(self) -> &'static str {
        ["truth", "network"][self as usize]
    }
}

/// What to evaluate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The half that seeds are taken from.
    pub half: Half,
    /// Takes.
    pub takes: usize,
    /// Takes that are left out before them.
    pub first: usize,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Least and greatest seconds of a take.
    pub seconds: [f64; 2],
    /// Most frames of a take that are solved.
    pub frames: usize,
    /// Where depth comes from.
    pub depths: Vec<Depth>,
    /// What is done to the takes; each is solved as it is too. A network tells the depth of what is left.
    pub spoils: Vec<Spoil>,
    /// Lines that are in the folder already are not made again.
    pub resume: bool,
}

/// The file of the true cameras in a case's folder, by which other tools' cameras may be judged too.
pub const TRUTH: &str = "cameras.json";

/// The file of lines in an output folder.
pub const LINES: &str = "cameras.jsonl";
/// What says of an output folder that all is done.
const DONE: [&str; 3] = ["summary.json", "paths.png", "masks.png"];

/// Solves the takes and compares. Takes and a network's maps go to `folder/cases/`, a line a solve into [`LINES`] as they
/// come. Progress counts solves.
///
/// # Errors
/// The device's, files that cannot be written, a folder that holds other lines, and an interruption.
pub fn evaluate(
    gpu: &Gpu,
    model: Option<&Model>,
    config: &Config,
    options: &Options,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<Line>> {
    // One more, of which the last takes what is not its own.
    let mut cases = case::cases(
        options.first + options.takes + 1,
        options.half,
        options.size,
        options.seconds,
        options.frames,
    );
    cases.drain(..options.first);
    for case in &mut cases {
        case.faults.clear();
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(LINES);
    let before: Vec<Line> = kept::lines(&path, options.resume, &DONE, monitor)?;
    let mut file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let mut write = |line: &Line| -> anyhow::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        file.write_all(text.as_bytes())
            .with_context(|| path.display().to_string())
    };
    before.iter().try_for_each(&mut write)?;
    let mut solves: Vec<(Depth, Option<Spoil>)> = Vec::new();
    solves.extend(options.depths.iter().map(|d| (*d, None)));
    let network = |s: &Spoil| (Depth::Network, Some(*s));
    solves.extend(options.spoils.iter().map(network));
    let total = (options.takes * solves.len()) as u64;
    let mut lines: Vec<Line> = Vec::new();
    monitor.progress(0, total);
    for (case, next) in cases.iter().zip(&cases[1..]) {
        let mut takes = Takes {
            case,
            next,
            folder,
            own: None,
            other: None,
        };
        for &(depth, spoil) in &solves {
            let settings = Settings::of(depth, model, config);
            let kept = before
                .iter()
                .rev()
                .find(|l| l.case == *case && l.spoil == spoil && l.settings == settings);
            let line = match kept {
                Some(line) => line.clone(),
                None => {
                    let line = solve(
                        (gpu, model, config),
                        &mut takes,
                        spoil,
                        settings,
                        &kept::Quiet(monitor),
                    )
                    .with_context(|| case.name.clone());
                    if monitor.stopped() {
                        bail!(
                            "interrupted after {} of {total} solves; --resume goes on",
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

/// The aligned maps of solved cameras beside the true depth, see [`record::Solved::depth`]. What the alignment has beyond
/// infinity is infinitely off.
fn depth_error(cameras: &Cameras, maps: &DepthMaps, take: &Take) -> Option<[f64; 2]> {
    let [w, h] = take.case.size.map(|s| s as usize);
    let mut offs = Vec::new();
    let mut errors = Vec::new();
    for camera in &cameras.cameras {
        let Some(map) = maps.maps.get(camera.frame).and_then(Option::as_ref) else {
            continue;
        };
        let (mw, mh) = (map.width as usize, map.height as usize);
        let mut logs: Vec<f64> = (0..mw * mh)
            .step_by(7)
            .filter_map(|p| {
                let [x, y] = [(p % mw, mw, w), (p / mw, mh, h)]
                    .map(|(at, of, size)| (2 * at + 1) * size / (2 * of));
                let truth = f64::from(take.seen[camera.frame].depth[y * w + x]);
                let inverse = camera.inverse_depth(maps.kind, f64::from(map.values[p]))?;
                truth.is_finite().then(|| (inverse.max(0.0) * truth).ln())
            })
            .collect();
        let Some(middle) = median(&mut logs) else {
            continue;
        };
        offs.push(middle);
        errors.extend(logs.iter().map(|log| match log.is_finite() {
            true => (log - middle).abs(),
            false => f64::INFINITY,
        }));
    }
    let middle = median(&mut offs.clone())?;
    let off = |off: &f64| match off.is_finite() {
        true => (off - middle).abs(),
        false => f64::INFINITY,
    };
    let drift = offs.iter().map(off).fold(0.0, f64::max);
    // JSON has no infinity.
    let told = |value: f64| value.min(f64::from(u8::MAX));
    Some([told(drift), told(median(&mut errors)?)])
}

/// The picture of a case's mask that is the most wrong, in the case's folder.
pub fn picture_name(depth: Depth) -> String {
    format!("mask-{}.png", depth.name())
}

/// The true depth as a depth camera gives it, one map a view; 0 where nothing is.
fn true_depth(take: &Take) -> DepthMaps {
    let [width, height] = take.case.size;
    let map = |seen: &super::agent::take::Seen| DepthMap {
        width,
        height,
        values: seen
            .depth
            .iter()
            .map(|d| if d.is_finite() { *d } else { 0.0 })
            .collect(),
    };
    DepthMaps {
        kind: DepthKind::Metric,
        model: "known".to_owned(),
        maps: take.seen.iter().map(|s| Some(map(s))).collect(),
    }
}

/// The takes that the solves of one case share, made when first asked for.
struct Takes<'a> {
    case: &'a Case,
    /// Of which a spoilt take has what is not its own.
    next: &'a Case,
    folder: &'a Path,
    own: Option<(Take, Frames)>,
    other: Option<Take>,
}

impl Takes<'_> {
    fn place(&self, case: &Case) -> PathBuf {
        self.folder.join("cases").join(&case.name)
    }

    /// The case's own take, and the other one where it is `spoilt`.
    fn made(
        &mut self,
        gpu: &Gpu,
        spoilt: bool,
        monitor: &dyn Monitor,
    ) -> anyhow::Result<(&Take, &Frames, Option<&Take>)> {
        let [place, beside] = [self.case, self.next].map(|case| self.place(case));
        if spoilt && self.other.is_none() {
            self.other = Some(Take::make(gpu, self.next, &beside, monitor)?);
        }
        let (own, seen) = match &mut self.own {
            Some(both) => both,
            slot => {
                let take = Take::make(gpu, self.case, &place, monitor)?;
                take.cameras.save(&place.join(TRUTH))?;
                let frames = take.decode(gpu, monitor)?;
                slot.insert((take, frames))
            }
        };
        Ok((own, seen, self.other.as_ref()))
    }
}

fn solve(
    (gpu, model, config): (&Gpu, Option<&Model>, &Config),
    takes: &mut Takes<'_>,
    spoil: Option<Spoil>,
    settings: Settings,
    monitor: &dyn Monitor,
) -> anyhow::Result<Line> {
    let mut place = takes.place(takes.case);
    let (own, seen, other) = takes.made(gpu, spoil.is_some(), monitor)?;
    let spoilt = match (spoil, other) {
        (Some(spoil), Some(other)) => {
            place.push(spoil.name());
            let take = spoil::spoilt(gpu, own, other, spoil, &place, monitor)?;
            let frames = take.decode(gpu, monitor)?;
            Some((take, frames))
        }
        _ => None,
    };
    let (take, frames) = spoilt.as_ref().map_or((own, seen), |(t, f)| (t, f));
    let maps = match settings.depth {
        Depth::Truth => true_depth(take),
        Depth::Network => {
            let model = model.context("no depth network was loaded")?;
            network::maps(gpu, model, "", frames, &place, monitor)?
        }
    };
    let begun = Instant::now();
    let pairs = motion::pairs(gpu, frames, &config.motion, monitor)?;
    let flow = begun.elapsed().as_secs_f64();
    let options = SolveOptions {
        width: frames.width,
        height: frames.height,
        ..config.solve.clone()
    };
    let begun = Instant::now();
    let solved = crate::camera::solve(&pairs, &maps, &options, monitor);
    let seconds = [flow, begun.elapsed().as_secs_f64()];
    let mut moving = Vec::new();
    let mut answer = Answer::default();
    let outcome = match solved {
        Ok(cameras) => {
            let mut outcome = Outcome::of(&cameras, &take.cameras);
            match (spoil, other) {
                (Some(spoil), Some(other)) => answer = Answer::of(spoil, &cameras, take, other),
                // Who walks and how far things are is true of what was not spoilt.
                _ => {
                    let masks = crate::camera::moving::moving(&pairs, &maps, &cameras);
                    let casts = masks::Casts::of(gpu, take)?;
                    moving = masks::compare(&masks, take, &casts);
                    if let Some(picture) = masks::picture(&masks, &pairs, take, &casts, &moving) {
                        let path = place.join(picture_name(settings.depth));
                        picture
                            .save(&path)
                            .with_context(|| path.display().to_string())?;
                    }
                    if let Outcome::Solved(solved) = &mut outcome {
                        solved.depth = depth_error(&cameras, &maps, take);
                    }
                }
            }
            outcome
        }
        Err(error) => match stages::refusal(&error) {
            Some(reason) => Outcome::Refused {
                reason: reason.to_owned(),
                words: error.to_string(),
            },
            None => return Err(error.into()),
        },
    };
    Ok(Line {
        case: take.case.clone(),
        spoil,
        settings,
        truth: record::Truth::of(take),
        outcome,
        answer,
        moving,
        seconds,
    })
}
