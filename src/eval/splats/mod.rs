//! What fitted splats are worth: held-out frames of mock takes, or of given pictures, beside what splats show of them, and the depth
//! that they show beside the true one.
//!
//! [`measure`] holds one rendering beside the truth, [`sheet`] draws what they look like.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::agent::case;
use super::agent::end_to_end::similarity;
use super::agent::network;
use super::agent::take::Take;
use super::depth::Clip;
use super::kept;
use crate::camera::{Cameras, Way};
use crate::depth::{DepthKind, DepthMap, DepthMaps, Model};
use crate::eval::scores::clips::Half;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::{self, Mask, Masks};
use crate::pipeline::{self as stages, Config, Maps, Tracked};
use crate::splat::{self, Fit, Renderer, Trainer};
use crate::video::Frames;

pub mod measure;
pub mod record;
pub mod sheet;
pub mod stats;

use measure::{Depth, Truth};
use record::{Line, Quality, Settings};

/// Version of what is measured; lines of another are made again.
pub const VERSION: u32 = 2;

/// What splats are fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// True cameras, true depth, and true masks of what moves
    Truth,
    /// What a run has of the video: a network's depth, solved cameras, its own masks; of given pictures what lies beside them too
    Run,
}

impl Source {
    /// Its word in tables.
    pub fn word(self) -> &'static str {
        ["truth", "run"][self as usize]
    }
}

/// The clips that splats are fitted to.
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
        /// What splats are fitted to, one after the other.
        sources: Vec<Source>,
    },
    /// Videos and folders of pictures.
    Given(Vec<PathBuf>),
}

/// What to evaluate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The clips.
    pub clips: Clips,
    /// Lines that are in the folder already are not made again.
    pub resume: bool,
    /// Draw a strip a clip and source.
    pub pictures: bool,
}

/// What came of it.
pub struct Outcome {
    /// A line a clip and source.
    pub lines: Vec<Line>,
    /// Inputs that could not be judged, and why.
    pub failed: Vec<String>,
}

/// The file of lines in an output folder.
pub const LINES: &str = "splats.jsonl";
/// What says of an output folder that all is done.
const DONE: [&str; 2] = ["summary.json", "splats.png"];
/// The folder of clips in it.
const CASES: &str = "cases";

/// What all takes are made with.
struct Tools<'a> {
    gpu: &'a Gpu,
    model: Option<&'a Model>,
    config: &'a Config,
    options: &'a Options,
    folder: &'a Path,
}

/// Fits splats to each clip and compares. Takes and what stages before the splats leave go to `folder/cases/`, a line a clip and source into
/// [`LINES`] as they come. Progress counts these. An input that cannot be judged is told, and the others are gone on with.
///
/// # Errors
/// The device's, a stage's on a take, files that cannot be written, a folder that holds other lines, no input that could be judged, and
/// an interruption.
pub fn evaluate(
    gpu: &Gpu,
    model: Option<&Model>,
    config: &Config,
    options: &Options,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Outcome> {
    let (clips, sources): (Vec<Clip>, &[Source]) = match &options.clips {
        Clips::Given(paths) => (
            paths.iter().cloned().map(Clip::Given).collect(),
            &[Source::Run],
        ),
        Clips::Takes {
            half,
            takes,
            first,
            size,
            seconds,
            sources,
        } => {
            let all = case::cases(first + takes, *half, *size, *seconds, config.max_frames);
            let bare = all.into_iter().skip(*first).map(|mut case| {
                case.faults.clear();
                Clip::Case(Box::new(case))
            });
            (bare.collect(), sources)
        }
    };
    // Twice the same is once.
    let mut seen = BTreeSet::new();
    let clips: Vec<Clip> = clips
        .into_iter()
        .filter(|clip| match clip {
            Clip::Case(_) => true,
            Clip::Given(path) => seen.insert(path.clone()),
        })
        .collect();
    let sources = BTreeSet::from_iter(sources);
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(LINES);
    let before: Vec<Line> = kept::lines(&path, options.resume, &DONE, monitor)?;
    let settings = |clip: &Clip, source: Source| Settings::of(clip.of(), source, model, config);
    let asked: Vec<Settings> = clips
        .iter()
        .flat_map(|clip| sources.iter().map(|s| settings(clip, **s)))
        .collect();
    // Of what is asked for only what would come out the same is kept; the rest of the folder stays.
    let outdated = |line: &Line| {
        let same = |s: &&Settings| s.of == line.settings.of && s.source == line.settings.source;
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
    let tools = Tools {
        gpu,
        model,
        config,
        options,
        folder,
    };
    let total = asked.len() as u64;
    let (mut lines, mut failed): (Vec<Line>, Vec<String>) = (Vec::new(), Vec::new());
    let mut done = 0;
    monitor.progress(0, total);
    for clip in &clips {
        for &&source in &sources {
            let settings = settings(clip, source);
            let line = match before.iter().rev().find(|l| l.settings == settings) {
                Some(line) => Ok(line.clone()),
                None => {
                    let made = one(&tools, clip, settings, monitor);
                    if let Ok(line) = &made {
                        write(line)?;
                    }
                    if monitor.stopped() {
                        let done = done + u64::from(made.is_ok());
                        bail!(
                            "interrupted after {done} of {total} fits; with -o, --resume goes on"
                        );
                    }
                    made.with_context(|| clip.name())
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

/// What splats are fitted to, and what is true of it.
struct Posed {
    frames: Frames,
    cameras: Cameras,
    maps: Maps,
    take: Option<Take>,
}

fn one(
    tools: &Tools<'_>,
    clip: &Clip,
    settings: Settings,
    monitor: &dyn Monitor,
) -> anyhow::Result<Line> {
    // Takes are many and their warnings no news; those of what was given are.
    let (quiet, muted) = (kept::Quiet(monitor), kept::Muted(monitor));
    let monitor: &dyn Monitor = match clip {
        Clip::Case(_) => &quiet,
        Clip::Given(_) => &muted,
    };
    let place = tools.folder.join(CASES).join(clip.name());
    let mut seconds = BTreeMap::new();
    let posed = posed(tools, clip, settings.source, &place, &mut seconds, monitor)?;
    let line = |refused, quality, depth, strip, seconds| Line {
        name: clip.name(),
        group: clip.group(),
        settings: settings.clone(),
        refused,
        quality,
        depth,
        strip,
        seconds,
    };
    let posed = match posed {
        Ok(posed) => posed,
        Err(words) => return Ok(line(Some(words), None, None, None, seconds)),
    };
    let (gpu, config) = (tools.gpu, tools.config);
    let begun = Instant::now();
    let fit = splat::fit(
        gpu,
        &posed.frames,
        &posed.cameras,
        posed.maps.parts(),
        &config.fit,
        monitor,
    )?;
    seconds.insert("fit".to_owned(), begun.elapsed().as_secs_f64());
    let judged = judge(tools, &posed, &fit)?;
    let strip = match (tools.options.pictures, judged.strip) {
        (true, Some(strip)) => {
            let inside = Path::new(CASES).join(clip.name());
            let inside = inside.join(format!("strip-{}.png", settings.digest()));
            std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
            let path = tools.folder.join(&inside);
            strip
                .save(&path)
                .with_context(|| path.display().to_string())?;
            Some(inside)
        }
        _ => None,
    };
    Ok(line(None, judged.quality, judged.depth, strip, seconds))
}

/// The clip with its cameras and maps, or why there are no cameras.
fn posed(
    tools: &Tools<'_>,
    clip: &Clip,
    source: Source,
    place: &Path,
    seconds: &mut BTreeMap<String, f64>,
    monitor: &dyn Monitor,
) -> anyhow::Result<Result<Posed, String>> {
    let (gpu, config) = (tools.gpu, tools.config);
    let mut timed = |what: &str, begun: Instant| {
        seconds.insert(what.to_owned(), begun.elapsed().as_secs_f64());
    };
    let (frames, take, video) = match clip {
        Clip::Case(case) => {
            let take = Take::make(gpu, case, place, monitor)?;
            let frames = take.decode(gpu, monitor)?;
            let video = take.video.clone();
            (frames, Some(take), video)
        }
        Clip::Given(path) => {
            let frames = stages::frames(gpu, path, None, config, monitor)?;
            (frames, None, path.clone())
        }
    };
    if let (Source::Truth, Some(take)) = (source, &take) {
        return Ok(Ok(Posed {
            cameras: Cameras {
                measured: true,
                ..take.cameras.clone()
            },
            maps: Maps {
                depth: Some(true_depth(take)),
                masks: Some(true_masks(take)),
            },
            frames,
            take: Some(take.clone()),
        }));
    }
    let begun = Instant::now();
    let model = || tools.model.context("no depth network was loaded");
    let given = match &take {
        Some(_) => stages::Given::default(),
        None => stages::given(gpu, &video, &frames, config)?,
    };
    let depth: Option<DepthMaps> = match &take {
        Some(_) => Some(network::maps(gpu, model()?, "", &frames, place, monitor)?),
        None => stages::depth(gpu, &frames, &given, model()?, &video, monitor)?,
    };
    timed("depth", begun);
    let begun = Instant::now();
    let pairs = || Ok(motion::pairs(gpu, &frames, &config.motion, monitor)?);
    let (tracked, beside) = stages::track(&frames, pairs, &given, depth.as_ref(), config, monitor)?;
    timed("cameras", begun);
    let cameras = match tracked {
        Tracked::Solved(cameras) => cameras,
        Tracked::Refused { words, .. } => return Ok(Err(words)),
    };
    let maps = Maps {
        depth,
        masks: beside.masks,
    };
    Ok(Ok(Posed {
        frames,
        cameras,
        maps,
        take,
    }))
}

/// The true depth; where nothing is, farther off than anything that is.
fn true_depth(take: &Take) -> DepthMaps {
    const OPEN: f32 = 1e9;
    let [width, height] = take.case.size;
    let map = |seen: &super::agent::take::Seen| DepthMap {
        width,
        height,
        values: seen.depth.iter().map(|d| d.min(OPEN)).collect(),
    };
    DepthMaps {
        kind: DepthKind::Metric,
        model: "known".to_owned(),
        maps: take.seen.iter().map(|s| Some(map(s))).collect(),
    }
}

/// Pixels of what does not stay where it is and as it is.
fn true_masks(take: &Take) -> Masks {
    let [width, height] = take.case.size;
    let moving = |object: &u8| match *object == 0 || take.lasting(*object) {
        true => 0,
        false => u8::MAX,
    };
    let mask = |seen: &super::agent::take::Seen| Mask {
        moving: seen.objects.iter().map(moving).collect(),
        objects: Vec::new(),
    };
    Masks {
        width,
        height,
        frames: take.seen.iter().map(|s| Some(mask(s))).collect(),
    }
}

/// What a fit came to.
struct Judged {
    quality: Option<Quality>,
    depth: Option<Depth>,
    strip: Option<RgbImage>,
}

fn judge(tools: &Tools<'_>, posed: &Posed, fit: &Fit) -> anyhow::Result<Judged> {
    let (gpu, config) = (tools.gpu, tools.config);
    let (frames, take) = (&posed.frames, posed.take.as_ref());
    let size = [frames.width, frames.height];
    // All of them: the fit's own report leaves out frames that its masks hide.
    let held = splat::held_out(&posed.cameras, &config.fit);
    // What moves is left out by the truth where there is one, so that a mask that hides too much gains nothing.
    let truth = take.map(true_masks);
    let masks = truth.as_ref().or(posed.maps.masks.as_ref());
    let moving = |frame: usize| masks.map_or_else(Vec::new, |m| m.moving(frame, size));
    let behind = config.fit.eval_background;
    let mut trainer = Trainer::new(gpu, &fit.splats, size[0], size[1])?;
    let (mut whole, mut still) = (Vec::new(), Vec::new());
    for camera in &held {
        let pixels = &frames.rgba[camera.frame];
        whole.extend(trainer.compare(camera, pixels, &[], behind)?);
        still.extend(trainer.compare(camera, pixels, &moving(camera.frame), behind)?);
    }
    drop(trainer);
    let quality = Quality::of(&fit.report, &whole, &still);
    let mut renderer = Renderer::new(gpu, &fit.splats, size[0], size[1], 0)?;
    // How long a unit is only a travel tells.
    let travels = posed.cameras.way_of_depth() == Way::Travels;
    let to_truth = take
        .filter(|_| travels)
        .map(|take| similarity(&posed.cameras.cameras, |c| take.cameras.cameras[c.frame]));
    let mut measured = measure::Errors::default();
    let mut strip = None;
    for (k, camera) in held.iter().enumerate() {
        let seen = renderer.render(camera, behind)?;
        let truth = match (take, &to_truth) {
            (Some(take), Some(to_truth)) => Some(Truth {
                depth: &take.seen[camera.frame].depth,
                still: moving(camera.frame).iter().map(|m| !m).collect(),
                camera: &take.cameras.cameras[camera.frame],
                to_truth,
            }),
            _ => None,
        };
        if let Some(truth) = &truth {
            measured.add(camera, &seen, truth);
        }
        if tools.options.pictures && k == held.len() / 2 {
            let pixels = frames.read(gpu, camera.frame)?;
            strip = Some(sheet::strip(&pixels, &seen, truth.as_ref()));
        }
    }
    let step = config.agent.climb_metres;
    Ok(Judged {
        quality: Some(quality),
        depth: Depth::of(measured, step),
        strip,
    })
}
