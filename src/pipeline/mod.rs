//! One row's loop: prompt, takes, frames, motion, scores, depth, cameras, splats, world, agents, revision.

mod config;
mod result;
mod stages;
mod takes;
mod worlds;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub use config::{Config, Preset, ProviderLimits, keys};
pub use result::{Failure, IterationResult, Outcome, RowResult, TakeResult};
pub use stages::{Given, Rebuilt, Tracked, depth, depth_views, frames, given, rebuild, track};

use result::conclude;

use crate::depth::Model;
use crate::event::{Event, Listener, Monitor};
use crate::generate::TakeRequest;
use crate::gpu::{AdapterChoice, Gpu};
use crate::manifest::Prompt;
use crate::motion::Motion;
use crate::progress::StageMonitor;
use crate::revise::{Found, Revision};
use crate::score::{self, Scores};
use crate::store::{Key, Run, Stage, StepRecord};
use crate::video::Frames;

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
    motion: Option<Motion>,
}

/// One round's place and what is known of it so far.
struct Round<'r> {
    row: &'r Prompt,
    iteration: u32,
    result: IterationResult,
    clips: BTreeMap<u32, Clip>,
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
        if self.config.provider == "files" {
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

    fn monitor(&self) -> StageMonitor<'a> {
        StageMonitor {
            listener: self.listener,
            stop: self.stop,
        }
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
        let monitor = self.monitor();
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
