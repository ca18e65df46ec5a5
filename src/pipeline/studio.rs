//! The stages of a lane: a GPU, a depth network, and the clips that are kept between steps.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use super::{Context, IterationResult, Round, Scored, Stages, StepError, Take, Work};
use crate::depth::Model;
use crate::event::{Event, Monitor, StageMonitor};
use crate::gpu::{AdapterChoice, Gpu};
use crate::motion::Motion;
use crate::revise::Revision;
use crate::run::lane::Recover;
use crate::store::{Done, Key, Stage, StoreError};
use crate::video::Frames;

/// The real stages. Holds the GPU between rows and opens a fresh one after a loss.
pub struct Studio<'e> {
    pub(super) context: Context<'e>,
    adapter: AdapterChoice,
    gpu: Option<Gpu>,
    model: Option<Rc<Model>>,
    pub(super) clips: Clips,
    step: String,
    pub(super) work: Work,
}

impl<'e> Studio<'e> {
    /// Opens what every row needs, so that a machine that cannot run any of them is told at once.
    ///
    /// # Errors
    /// No GPU driver, or a depth network that is missing or broken.
    pub fn open(context: Context<'e>, adapter: AdapterChoice) -> anyhow::Result<Self> {
        let mut studio = Self {
            context,
            adapter,
            gpu: None,
            model: None,
            clips: Clips::default(),
            step: String::new(),
            work: Work::default(),
        };
        studio.gpu()?;
        studio.model()?;
        Ok(studio)
    }

    pub(super) fn model(&mut self) -> anyhow::Result<Rc<Model>> {
        if let Some(model) = &self.model {
            return Ok(model.clone());
        }
        let model = Rc::new(Model::open(&self.context.config.depth)?);
        self.model = Some(model.clone());
        Ok(model)
    }

    pub(super) fn gpu(&mut self) -> anyhow::Result<Gpu> {
        if let Some(gpu) = &self.gpu {
            return Ok(gpu.clone());
        }
        let gpu = Gpu::open(&self.adapter)?;
        self.gpu = Some(gpu.clone());
        Ok(gpu)
    }

    /// Folder of the round.
    pub(super) fn home(&self, round: &Round<'_>) -> PathBuf {
        self.context.run.iteration(&round.row.id, round.iteration)
    }

    /// One step under its key, with its events and its time in the round's record.
    pub(super) fn once(
        &mut self,
        round: &Round<'_>,
        step: &str,
        key: &Key,
        work: impl FnOnce(&Stage, &dyn Monitor) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        step.clone_into(&mut self.step);
        let Context {
            run,
            listener,
            stop,
            ..
        } = self.context;
        self.context.go_on()?;
        let at = round.at(step);
        let monitor = StageMonitor { listener, at, stop };
        let started = Instant::now();
        let mut summary = String::new();
        let Done { skipped, record } =
            run.once(&round.row.id, round.iteration, step, key, |stage| {
                listener.on(&Event::StepStarted { at });
                summary = work(stage, &monitor)?;
                Ok::<_, anyhow::Error>(())
            })?;
        self.work.add(step, &record, skipped);
        listener.on(&Event::StepDone {
            at,
            skipped,
            seconds: started.elapsed().as_secs_f64(),
            summary: &summary,
        });
        Ok(())
    }

    /// Does a part of a round, on a fresh device if the last one was lost.
    fn part<T>(
        &mut self,
        step: &str,
        part: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> Result<T, StepError> {
        if self.gpu.as_ref().is_some_and(|gpu| gpu.alive().is_err()) {
            self.recover();
        }
        step.clone_into(&mut self.step);
        part(self).map_err(|error| StepError::new(&self.step, error))
    }
}

impl Recover for Studio<'_> {
    fn recover(&mut self) {
        self.clips = Clips::default();
        self.gpu = None;
    }
}

impl Stages for Studio<'_> {
    fn score(&mut self, round: &Round<'_>, mut take: Take) -> Result<Scored, StepError> {
        let step = format!("scores-{}", take.number);
        self.work = std::mem::take(&mut take.work);
        let (scores, key) = self.part(&step, |studio| studio.scored(round, &take))?;
        take.work = std::mem::take(&mut self.work);
        Ok(Scored { take, scores, key })
    }

    fn rebuild(
        &mut self,
        round: &Round<'_>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError> {
        let again = takes.clone();
        self.part("rebuild", |studio| {
            studio.rebuilt(round, takes).or_else(|error| {
                if !matches!(error.downcast_ref(), Some(StoreError::Dropped(_))) {
                    return Err(error);
                }
                let run = studio.context.run;
                run.forget_dropped(&round.row.id, round.iteration)?;
                studio.rebuilt(round, again)
            })
        })
    }
}

/// What is at hand of a take, kept between the steps that need it.
#[derive(Default)]
pub(super) struct Clip {
    /// At the working size.
    pub frames: Option<Frames>,
    /// From frame to frame, as it was scored.
    pub motion: Option<Motion>,
}

struct Kept {
    row: String,
    iteration: u32,
    take: u32,
    overall: f64,
    clip: Clip,
}

/// The clips that are likely to be needed again: of each round the best take's so far, of few rounds.
#[derive(Default)]
pub(super) struct Clips(VecDeque<Kept>);

/// Rounds whose clip is kept; any other clip is decoded again when it is needed.
const ROUNDS: usize = 2;

impl Clips {
    fn position(&self, round: &Round<'_>) -> Option<usize> {
        self.0
            .iter()
            .position(|k| k.row == round.row.id && k.iteration == round.iteration)
    }

    /// Keeps a clip unless a better one of its round is kept.
    pub fn keep(&mut self, round: &Round<'_>, take: u32, overall: f64, clip: Clip) {
        if let Some(at) = self.position(round) {
            if self.0[at].overall >= overall {
                return;
            }
            self.0.remove(at);
        }
        self.0.push_back(Kept {
            row: round.row.id.clone(),
            iteration: round.iteration,
            take,
            overall,
            clip,
        });
        if self.0.len() > ROUNDS {
            self.0.pop_front();
        }
    }

    /// Takes a clip out.
    pub fn take(&mut self, round: &Round<'_>, take: u32) -> Option<Clip> {
        let at = self.position(round).filter(|&at| self.0[at].take == take)?;
        self.0.remove(at).map(|kept| kept.clip)
    }

    /// Puts back what [`Clips::take`] gave, or what was decoded instead.
    pub fn put_back(&mut self, round: &Round<'_>, take: u32, overall: f64, clip: Option<Clip>) {
        if let Some(clip) = clip {
            self.keep(round, take, overall, clip);
        }
    }
}
