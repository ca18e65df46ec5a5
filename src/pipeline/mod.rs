//! One row's loop: prompt, takes, frames, motion, scores, depth, cameras, splats, world, agents, revision.

mod config;
mod result;
mod stages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub use config::{Config, Preset, ProviderName};
pub use result::{Failure, IterationResult, Outcome, RowResult, TakeResult};
pub use stages::{Rebuilt, Tracked, depth_views, frames, rebuild, track};

use crate::agent::{self, AgentReport};
use crate::camera::{self, Cameras};
use crate::depth::{self, DepthMaps, Model};
use crate::event::{Event, Listener, Monitor};
use crate::generate::{Delivered, TakeRequest, VideoProvider, files, mock};
use crate::gpu::{AdapterChoice, Gpu};
use crate::manifest::Prompt;
use crate::motion::{self, Motion, MotionOptions};
use crate::progress::StageMonitor;
use crate::report::pictures;
use crate::revise::{self, Found, Revision};
use crate::score::{self, Scores};
use crate::splat::{self, FitReport, format};
use crate::store::{self, Key, KeyBuilder, Run, Stage, StepRecord, read_json, write_json};
use crate::video::{self, Frames};
use crate::world::{self, World};

/// Why a row ended early.
#[derive(Debug)]
pub enum Stop {
    /// A signal came; what is done is saved.
    Interrupted,
    /// An error: the row's recorded failure.
    Failed(anyhow::Error),
}

/// A row's error and the step it struck.
#[derive(Debug)]
pub struct WalkError {
    /// Such as `take-1`.
    pub step: String,
    /// What happened.
    pub error: Stop,
}

/// Walks rows. Holds the GPU between rows and opens a fresh one after a loss.
pub struct Walk<'a> {
    config: &'a Config,
    run: &'a Run,
    listener: &'a dyn Listener,
    stop: &'a AtomicBool,
    gpu: Option<Gpu>,
    model: Option<Rc<Model>>,
    step: String,
}

/// A decoded take, kept between the steps that need it.
struct Clip {
    frames: Frames,
    motion: Motion,
}

/// One round's place and what is known of it so far.
struct Round<'r> {
    row: &'r Prompt,
    iteration: u32,
    result: IterationResult,
    clips: BTreeMap<u32, Clip>,
    depth: Option<DepthMaps>,
}

struct Take {
    number: u32,
    video: PathBuf,
    key: Key,
    scores: Scores,
}

impl<'a> Walk<'a> {
    /// Prepares a walk; the GPU is opened at the first step that needs it.
    pub fn new(
        config: &'a Config,
        run: &'a Run,
        listener: &'a dyn Listener,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            config,
            run,
            listener,
            stop,
            gpu: None,
            model: None,
            step: String::new(),
        }
    }

    /// Opens what every row needs, so that a machine that cannot run any of them is told at once.
    ///
    /// # Errors
    /// No GPU driver, or a depth network that is missing or broken.
    pub fn prepare(&mut self) -> anyhow::Result<()> {
        self.gpu()?;
        self.model()?;
        Ok(())
    }

    /// One row, all rounds.
    ///
    /// # Errors
    /// [`WalkError`] with the step that failed or was interrupted.
    pub fn row(&mut self, row: &Prompt) -> Result<RowResult, WalkError> {
        if self.gpu.as_ref().is_some_and(|gpu| gpu.alive().is_err()) {
            self.gpu = None;
        }
        self.step = "start".to_owned();
        self.rounds(row).map_err(|error| {
            let interrupted = self.stop.load(Ordering::Relaxed);
            let error = if interrupted {
                Stop::Interrupted
            } else {
                Stop::Failed(error)
            };
            WalkError {
                step: self.step.clone(),
                error,
            }
        })
    }

    fn rounds(&mut self, row: &Prompt) -> anyhow::Result<RowResult> {
        let mut prompt = row.prompt.clone();
        let mut iterations = Vec::new();
        let mut end = "no round left";
        for iteration in 1..=self.config.rounds() {
            self.listener.on(&Event::IterationStarted {
                iteration,
                prompt: &prompt,
            });
            let (result, revision) = self.round(row, iteration, &prompt)?;
            iterations.push(result);
            if revision.accepted {
                end = "";
                break;
            }
            if revision.changes.is_empty() {
                end = "no rule has anything to add";
                break;
            }
            prompt = revision.revised_prompt;
        }
        if self.config.provider == ProviderName::Files {
            end = "a file cannot be generated again";
        }
        Ok(conclude(row, iterations, end))
    }

    fn round(
        &mut self,
        row: &Prompt,
        iteration: u32,
        prompt: &str,
    ) -> anyhow::Result<(IterationResult, Revision)> {
        let result = IterationResult {
            iteration,
            prompt: prompt.to_owned(),
            ..IterationResult::default()
        };
        let mut round = Round {
            row,
            iteration,
            result,
            clips: BTreeMap::new(),
            depth: None,
        };
        let mut takes = Vec::new();
        for number in 1..=self.config.takes_of(row) {
            let (video, key) = self.take(&mut round, number, prompt)?;
            let (scores, key) = self.score(&mut round, number, &video, key)?;
            takes.push(Take {
                number,
                video,
                key,
                scores,
            });
            keep_best(&mut round.clips, &takes);
        }
        let order = score::rank(&takes.iter().map(|t| t.scores.clone()).collect::<Vec<_>>());
        for (rank, &at) in (1..).zip(&order) {
            let take = &takes[at];
            let seed = self.request(row, iteration, take.number, prompt).seed;
            let video = take
                .video
                .strip_prefix(self.run.root())
                .unwrap_or(&take.video)
                .to_owned();
            round.result.takes.push(TakeResult {
                take: take.number,
                seed,
                video,
                scores: take.scores.clone(),
                rank,
            });
        }
        // The best take that can be solved becomes the world.
        let mut refusal = None;
        let mut solved = None;
        for &at in &order {
            let (tracked, key) = self.cameras(&mut round, &takes[at])?;
            match tracked {
                Tracked::Solved(cameras) => {
                    solved = Some((&takes[at], cameras, key));
                    break;
                }
                Tracked::Refused { reason, words } => {
                    refusal.get_or_insert((reason, words, key, at));
                }
            }
        }
        let revision = match (solved, refusal) {
            (Some((take, cameras, key)), _) => self.world(&mut round, take, &cameras, key)?,
            (None, Some((reason, words, key, at))) => {
                round.result.refusal = Some(words.clone());
                self.revision(
                    &mut round,
                    &takes[at].scores,
                    Found::Refused {
                        reason: &reason,
                        words: &words,
                    },
                    key,
                )?
            }
            (None, None) => anyhow::bail!("no takes were asked for"),
        };
        round.result.explanation.clone_from(&revision.explanation);
        round.result.accepted = revision.accepted;
        Ok((round.result, revision))
    }

    /// Prompt -> take.
    fn take(
        &mut self,
        round: &mut Round<'_>,
        number: u32,
        prompt: &str,
    ) -> anyhow::Result<(PathBuf, Key)> {
        let request = self.request(round.row, round.iteration, number, prompt);
        let mut key = KeyBuilder::new("take", 1)
            .value(&self.config.provider.name())
            .value(&request);
        match &request.video {
            Some(video) if self.config.provider == ProviderName::Files => {
                anyhow::ensure!(
                    video.exists(),
                    "{}: no such file or folder; mend the `video` column",
                    video.display()
                );
                key = key.path(video)?;
            }
            _ => key = key.value(&mock::VERSION).kernels(mock::KERNELS),
        }
        let key = key.finish();
        let folder = format!("takes/{number}");
        let provider: Box<dyn VideoProvider> = match self.config.provider {
            ProviderName::Files => Box::new(files::Files),
            ProviderName::Mock => Box::new(mock::MockProvider::new(self.gpu()?)),
        };
        self.once(round, &format!("take-{number}"), &key, |stage, monitor| {
            let target = stage.folder(&folder)?;
            let mut delivered = provider.generate(&request, &target, monitor)?;
            for note in &delivered.notes {
                monitor.warn(note);
            }
            // Inside the stage the path is temporary; the record names the final one.
            if let Ok(inside) = delivered.video.strip_prefix(&target) {
                delivered.video = Path::new(&folder).join(inside);
            }
            write_json(&stage.path(&format!("{folder}/take.json"))?, &delivered)?;
            Ok(delivered.video.display().to_string())
        })?;
        let home = self.run.iteration(&round.row.id, round.iteration);
        let delivered: Delivered = read_json(&home.join(format!("{folder}/take.json")))?;
        let video = match self.config.provider {
            ProviderName::Files => delivered.video,
            ProviderName::Mock => home.join(delivered.video),
        };
        Ok((video, key))
    }

    /// Take -> frames, motion, scores.
    fn score(
        &mut self,
        round: &mut Round<'_>,
        number: u32,
        video: &Path,
        take: Key,
    ) -> anyhow::Result<(Scores, Key)> {
        let config = self.config;
        let key = KeyBuilder::new("scores", score::VERSION)
            .value(&(
                video::VERSION,
                motion::VERSION,
                config.max_side,
                config.max_frames,
                &config.motion,
                &config.score,
            ))
            .kernels(video::KERNELS)
            .kernels(motion::KERNELS)
            .after(&take)
            .finish();
        let file = format!("takes/{number}/scores.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        // Only a single take is sure to need the long strides; others get them once they are the best.
        let alone = self.config.takes_of(round.row) == 1;
        let mut clip = None;
        self.once(
            round,
            &format!("scores-{number}"),
            &key,
            |stage, monitor| {
                let frames = frames(&gpu, video, fps, config, monitor)?;
                let mut options = config.motion.clone();
                if !alone {
                    options.strides = vec![1];
                }
                let motion = motion::estimate(&gpu, &frames, &options, monitor)?;
                let scores = score::score(&gpu, &frames, &motion, &config.score)?;
                write_json(&stage.path(&file)?, &scores)?;
                let summary = format!("overall {:.3}, {} frames", scores.overall, frames.len());
                clip = Some(Clip { frames, motion });
                Ok(summary)
            },
        )?;
        if let Some(clip) = clip {
            round.clips.insert(number, clip);
        }
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok((read_json(&home.join(file))?, key))
    }

    /// Frames, motion and depth -> cameras.
    fn cameras(&mut self, round: &mut Round<'_>, take: &Take) -> anyhow::Result<(Tracked, Key)> {
        let config = self.config;
        let model = self.model()?;
        let key = KeyBuilder::new("cameras", camera::VERSION)
            .value(&(
                depth::VERSION,
                model.sha256(),
                config.depth.kind,
                &config.solve,
                config.ignore_known_cameras,
                config.ignore_known_depth,
            ))
            .after(&take.key)
            .finish();
        let number = take.number;
        let file = format!("takes/{number}/track.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let mut clip = round.clips.remove(&number);
        let mut maps = None;
        self.once(
            round,
            &format!("cameras-{number}"),
            &key,
            |stage, monitor| {
                let current = match &mut clip {
                    Some(clip) => clip,
                    slot => slot.insert(read_clip(&gpu, &take.video, fps, config, monitor)?),
                };
                if current.motion.pairs.iter().all(|p| p.b - p.a == 1) && current.frames.len() > 2 {
                    current.motion =
                        motion::estimate(&gpu, &current.frames, &config.motion, monitor)?;
                }
                let (tracked, depth) = track(
                    &gpu,
                    &take.video,
                    &current.frames,
                    Some(&current.motion),
                    &model,
                    config,
                    monitor,
                )?;
                maps = depth;
                write_json(&stage.path(&file)?, &tracked)?;
                Ok(match &tracked {
                    Tracked::Solved(c) => format!(
                        "{} of {} frames, focal {:?}",
                        c.cameras.len(),
                        c.frames,
                        c.focal_source
                    ),
                    Tracked::Refused { words, .. } => format!("refused: {words}"),
                })
            },
        )?;
        if let Some(clip) = clip {
            round.clips.insert(number, clip);
        }
        round.depth = maps;
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok((read_json(&home.join(file))?, key))
    }

    /// Cameras -> splats -> world -> agents -> revision.
    fn world(
        &mut self,
        round: &mut Round<'_>,
        take: &Take,
        cameras: &Cameras,
        key: Key,
    ) -> anyhow::Result<Revision> {
        let config = self.config;
        let gpu = self.gpu()?;
        let model = self.model()?;
        let home = self.run.iteration(&round.row.id, round.iteration);
        let fps = round.row.fps;
        round.result.best = Some(take.number);
        round.result.registered = Some(cameras.cameras.len());
        round.result.frames = Some(cameras.frames);
        round.result.focal_source = serde_json::to_value(cameras.focal_source)?
            .as_str()
            .map(str::to_owned);

        let splats_key = KeyBuilder::new("splats", splat::VERSION)
            .value(&(&config.fit, world::VERSION, &config.world))
            .kernels(splat::KERNELS)
            .after(&key)
            .finish();
        let clip = round.clips.remove(&take.number);
        let mut maps = round.depth.take();
        self.once(round, "splats", &splats_key, |stage, monitor| {
            let decoded;
            let pictures = match &clip {
                Some(clip) => &clip.frames,
                None => {
                    decoded = frames(&gpu, &take.video, fps, config, monitor)?;
                    &decoded
                }
            };
            if maps.is_none() {
                maps = depth_again(
                    &gpu,
                    &take.video,
                    pictures,
                    cameras,
                    &model,
                    config,
                    monitor,
                )?;
            }
            let rebuilt = rebuild(&gpu, pictures, cameras, maps.as_ref(), config, monitor)?;
            format::write(&stage.path("world.ply")?, &rebuilt.splats)?;
            format::write(&stage.path("world.glb")?, &rebuilt.splats)?;
            write_json(&stage.path("cameras.json")?, &rebuilt.cameras)?;
            write_json(&stage.path("fit.json")?, &rebuilt.report)?;
            write_json(&stage.path("alignment.json")?, &rebuilt.alignment)?;
            pictures::held_out(
                &gpu,
                pictures,
                &rebuilt.splats,
                &rebuilt.cameras,
                &rebuilt.report,
                config.fit.eval_background,
                &stage.path("held_out.png")?,
            )?;
            let psnr = rebuilt.report.held_out_psnr.unwrap_or(f64::NAN);
            Ok(format!(
                "{} splats, held-out PSNR {psnr:.2} dB",
                rebuilt.splats.len()
            ))
        })?;
        drop((clip, maps));
        let report: FitReport = read_json(&home.join("fit.json"))?;
        round.result.splats = Some(report.splats);
        round.result.held_out_psnr = report.held_out_psnr;

        let world_key = KeyBuilder::new("world", world::VERSION)
            .value(&config.world)
            .kernels(world::KERNELS)
            .kernels(splat::KERNELS)
            .after(&splats_key)
            .finish();
        let mut views = None;
        let posed = |gpu: &Gpu| -> anyhow::Result<_> {
            let cameras: Cameras = read_json(&home.join("cameras.json"))?;
            let splats = format::read(&home.join("world.ply"))?;
            let views = depth_views(gpu, &splats, &cameras)?;
            Ok((cameras, splats, views))
        };
        self.once(round, "world", &world_key, |stage, monitor| {
            let posed = views.insert(posed(&gpu)?);
            let alignment: world::Alignment = read_json(&home.join("alignment.json"))?;
            let world = world::build(&gpu, &posed.2, &alignment, &config.world, monitor)?;
            world.save(&stage.path("world.vox")?)?;
            let [x, y, z] = world.dims;
            Ok(format!("{x}x{y}x{z} voxels of {:.3}", world.voxel))
        })?;

        let agent_key = KeyBuilder::new("agent", agent::VERSION)
            .value(&config.agent)
            .kernels(agent::KERNELS)
            .after(&world_key)
            .finish();
        self.once(round, "agent", &agent_key, |stage, monitor| {
            let posed = match &mut views {
                Some(views) => views,
                slot => slot.insert(posed(&gpu)?),
            };
            let world = World::load(&home.join("world.vox"))?;
            let report = agent::test(&gpu, &world, &posed.2, &posed.0, &config.agent, monitor)?;
            write_json(&stage.path("agent.json")?, &report)?;
            pictures::map(&world, &posed.0, &report, &stage.path("map.png")?)?;
            pictures::renders(
                &gpu,
                &posed.1,
                &posed.0,
                config.fit.eval_background,
                &stage.path("renders.png")?,
            )?;
            Ok(format!("{} violation(s)", report.violations.len()))
        })?;
        let report: AgentReport = read_json(&home.join("agent.json"))?;
        round.result.violations = Some(report.violations.len());
        round.result.metrics.clone_from(&report.metrics);
        self.revision(round, &take.scores, Found::Tested(&report), agent_key)
    }

    /// What was found -> the next prompt.
    fn revision(
        &mut self,
        round: &mut Round<'_>,
        scores: &Scores,
        found: Found<'_>,
        key: Key,
    ) -> anyhow::Result<Revision> {
        let config = self.config;
        let key = KeyBuilder::new("revision", revise::VERSION)
            .bytes(revise::RULES.as_bytes())
            .value(&(&config.accept, scores, &round.result.prompt))
            .after(&key)
            .finish();
        let (prompt, iteration) = (round.result.prompt.clone(), round.iteration);
        self.once(round, "revision", &key, |stage, _| {
            let revision = revise::revise(&prompt, iteration, scores, found, &config.accept)?;
            write_json(&stage.path("revision.json")?, &revision)?;
            Ok(revision.explanation)
        })?;
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok(read_json(&home.join("revision.json"))?)
    }

    fn request(&self, row: &Prompt, iteration: u32, number: u32, prompt: &str) -> TakeRequest {
        let config = self.config;
        let offset =
            u64::from(iteration - 1) * u64::from(config.takes_of(row)) + u64::from(number - 1);
        TakeRequest {
            prompt: prompt.to_owned(),
            seed: row.seed.unwrap_or(config.seed).wrapping_add(offset),
            seconds: row.seconds.unwrap_or(config.seconds),
            size: row.size.unwrap_or(config.size),
            fps: row.fps.unwrap_or(config.fps),
            video: row.video.clone(),
        }
    }

    fn model(&mut self) -> anyhow::Result<Rc<Model>> {
        if let Some(model) = &self.model {
            return Ok(model.clone());
        }
        let model = Rc::new(Model::open(&self.config.depth)?);
        self.model = Some(model.clone());
        Ok(model)
    }

    fn gpu(&mut self) -> anyhow::Result<Gpu> {
        if let Some(gpu) = &self.gpu {
            return Ok(gpu.clone());
        }
        let choice: AdapterChoice = self.config.adapter.parse()?;
        let gpu = Gpu::open(&choice)?;
        self.gpu = Some(gpu.clone());
        Ok(gpu)
    }

    /// One step under its key, with its events and its time in the round's record.
    fn once(
        &mut self,
        round: &mut Round<'_>,
        step: &str,
        key: &Key,
        work: impl FnOnce(&Stage, &dyn Monitor) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        step.clone_into(&mut self.step);
        anyhow::ensure!(!self.stop.load(Ordering::Relaxed), "interrupted");
        let monitor = StageMonitor {
            listener: self.listener,
            stop: self.stop,
        };
        let started = Instant::now();
        let mut summary = String::new();
        let done = self
            .run
            .once(&round.row.id, round.iteration, step, key, |stage| {
                self.listener.on(&Event::StepStarted { step });
                summary = work(stage, &monitor)?;
                Ok::<_, anyhow::Error>(())
            })?;
        let StepRecord {
            millis, peak_kib, ..
        } = done.record;
        round
            .result
            .seconds
            .insert(step.to_owned(), millis as f64 / 1000.0);
        round
            .result
            .peak_mib
            .insert(step.to_owned(), (peak_kib / 1024) as f64);
        let seconds = started.elapsed().as_secs_f64();
        self.listener.on(&Event::StepDone {
            step,
            skipped: done.skipped,
            seconds,
            summary: &summary,
        });
        Ok(())
    }
}

/// Drops the clips of takes that are not the best so far; they are decoded again if they are needed.
fn keep_best(clips: &mut BTreeMap<u32, Clip>, takes: &[Take]) {
    let scores: Vec<_> = takes.iter().map(|t| t.scores.clone()).collect();
    let best = score::rank(&scores).first().map(|&at| takes[at].number);
    clips.retain(|number, _| Some(*number) == best);
}

fn read_clip(
    gpu: &Gpu,
    video: &Path,
    fps: Option<f64>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Clip> {
    let frames = frames(gpu, video, fps, config, monitor)?;
    let options: &MotionOptions = &config.motion;
    let motion = motion::estimate(gpu, &frames, options, monitor)?;
    Ok(Clip { frames, motion })
}

/// Depth for the fit when the cameras came from an earlier start of the run.
fn depth_again(
    gpu: &Gpu,
    video: &Path,
    frames: &Frames,
    cameras: &Cameras,
    model: &Model,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Option<DepthMaps>> {
    if video.is_dir()
        && let Some(known) = camera::known(
            video,
            &frames.sources,
            &frames.times,
            frames.width,
            frames.height,
        )?
    {
        if known.depth.is_some() && !config.ignore_known_depth {
            return Ok(known.depth);
        }
        if known.cameras.is_some()
            && !config.ignore_known_cameras
            && cameras.residual_median.is_none()
        {
            return Ok(None);
        }
    }
    Ok(Some(model.estimate(gpu, frames, monitor)?))
}

fn conclude(row: &Prompt, iterations: Vec<IterationResult>, end: &str) -> RowResult {
    let accepted = iterations.iter().any(|i| i.accepted);
    let world = iterations.iter().any(|i| i.violations.is_some());
    let outcome = match (accepted, world) {
        (true, _) => Outcome::Accepted,
        (false, true) => Outcome::Limit,
        (false, false) => Outcome::Refused,
    };
    let mut result = RowResult {
        format: store::FORMAT,
        row: row.clone(),
        outcome,
        summary: String::new(),
        iterations,
        failure: None,
    };
    let rounds = result.iterations.len();
    result.summary = match (outcome, result.best_iteration()) {
        (Outcome::Accepted, _) => format!("the world of round {rounds} holds up"),
        (Outcome::Limit, Some(best)) => format!(
            "{} violation(s) left in round {} of {rounds}; {end}",
            best.violations.unwrap_or(0),
            best.iteration
        ),
        (_, last) => last
            .and_then(|i| i.refusal.clone())
            .unwrap_or_else(|| end.to_owned()),
    };
    result
}
