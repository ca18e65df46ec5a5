//! The stages of a lane: a GPU, a depth network, and the clips that are kept between steps.

use std::collections::VecDeque;
use std::rc::Rc;

use super::made::Made;
use super::stages::{Choice, Tracked};
use super::step::{NetworkIds, Step, numbered};
use super::work::{Job, Posed};
use super::{Context, Round, Scored, Stages, StepError, Take, steps};
use crate::depth::Model;
use crate::gpu::{AdapterChoice, Gpu};
use crate::lane::Recover;
use crate::record::{Event, IterationResult, Work};
use crate::revise::Revision;
use crate::score::{self, Networks, Scores};
use crate::store::{Begun, read_json};
use crate::video::Frames;

/// The real stages. Holds the GPU between rows and opens a fresh one after a loss.
pub struct Studio<'e> {
    pub(super) context: Context<'e>,
    adapter: AdapterChoice,
    gpu: Option<Gpu>,
    model: Option<Rc<Model>>,
    score_networks: Option<Rc<Networks>>,
    pub(super) clips: Clips,
    pub(super) posed: Option<Posed>,
    step: String,
    work: Work,
}

impl<'e> Studio<'e> {
    /// Opens what every row needs, so that a machine that cannot run any of them is told at once.
    ///
    /// # Errors
    /// No GPU driver, or a network that is missing or broken.
    pub fn open(context: Context<'e>, adapter: AdapterChoice) -> anyhow::Result<Self> {
        let mut studio = Self {
            context,
            adapter,
            gpu: None,
            model: None,
            score_networks: None,
            clips: Clips::default(),
            posed: None,
            step: String::new(),
            work: Work::default(),
        };
        studio.gpu()?;
        studio.model()?;
        studio.score_networks()?;
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

    pub(super) fn score_networks(&mut self) -> anyhow::Result<Rc<Networks>> {
        if let Some(networks) = &self.score_networks {
            return Ok(networks.clone());
        }
        let networks = Rc::new(Networks::open(&self.context.config.score)?);
        self.score_networks = Some(networks.clone());
        Ok(networks)
    }

    pub(super) fn gpu(&mut self) -> anyhow::Result<Gpu> {
        if let Some(gpu) = &self.gpu {
            return Ok(gpu.clone());
        }
        let gpu = Gpu::open(&self.adapter)?;
        self.gpu = Some(gpu.clone());
        Ok(gpu)
    }

    /// One step of a job. What it reads and was dropped is made again first.
    fn step(&mut self, step: &'static Step, job: &mut Job<'_>) -> anyhow::Result<()> {
        let number = job.take.number;
        let at = job.round.at(&step.called(number));
        self.step.clone_from(&at.step);
        let context = self.context;
        context.go_on()?;
        let networks = NetworkIds {
            depth: self.model()?.identity(),
            scores: self.score_networks()?.ids(),
        };
        let recipe = job
            .made
            .recipe(step, number, &job.facts(context.config, &networks));
        let mut took = std::mem::take(&mut self.work);
        let record = match context.run.begin(&at, &recipe)? {
            Begun::Done(record) => {
                context.done(&at, &record, None, &mut took);
                *record
            }
            Begun::Work(pending) => {
                if let Some(path) = job.made.dropped(step, number) {
                    drop(pending);
                    self.work = took;
                    return self.again(step, &path, job);
                }
                let Some(work) = step.work else {
                    anyhow::bail!("{at} is not done on a lane; please report it");
                };
                context.work(&at, *pending, &mut took, |scratch, monitor| {
                    work(self, job, scratch, monitor)
                })?
            }
        };
        self.work = took;
        job.made.add(&record);
        Ok(())
    }

    /// Makes a dropped artifact again, then the step that reads it. One that comes out otherwise (on another adapter,
    /// say) sends the part of the round back to its start: steps before this one may have read it as it was.
    fn again(&mut self, step: &'static Step, path: &str, job: &mut Job<'_>) -> anyhow::Result<()> {
        let number = job.take.number;
        let Some(maker) = Step::maker_of(path, number).filter(|maker| maker.work.is_some()) else {
            anyhow::bail!("{path} was dropped and no step makes it; please report it");
        };
        let at = job.round.at(&maker.called(number));
        let before = job.made.clone();
        self.context.run.forget(&at)?;
        self.step(maker, job)?;
        let same = |path: &&str| {
            let path = numbered(path, number);
            before.get(&path).map(|c| &c.sha256) == job.made.get(&path).map(|c| &c.sha256)
        };
        anyhow::ensure!(maker.writes.iter().all(same), Otherwise);
        self.step(step, job)
    }

    /// What a step of the job left as JSON.
    fn read<T: serde::de::DeserializeOwned>(&self, job: &Job<'_>, path: &str) -> anyhow::Result<T> {
        Ok(read_json(&job.file(&numbered(path, job.take.number))?)?)
    }

    /// A job on a take.
    fn job<'j>(&self, round: &'j Round<'j>, take: &'j Take, overall: f64, made: Made) -> Job<'j>
    where
        'e: 'j,
    {
        Job {
            round,
            take,
            overall,
            run: self.context.run,
            made,
        }
    }

    /// Take -> frames, motion, measures, scores.
    fn scored(&mut self, round: &Round<'_>, take: &Take) -> anyhow::Result<Scored> {
        let mut job = self.job(round, take, 0.0, take.made.clone());
        self.step(&steps::MEASURES, &mut job)?;
        self.step(&steps::SCORES, &mut job)?;
        let scores: Scores = self.read(&job, "takes/#/scores.json")?;
        let made = job.made;
        Ok(Scored {
            take: Take {
                made,
                ..take.clone()
            },
            scores,
        })
    }

    /// The best take that can be solved -> its world and the verdict on it; none can be -> the reviser is told why.
    fn rebuilt(
        &mut self,
        round: &Round<'_>,
        takes: &[Scored],
    ) -> anyhow::Result<(IterationResult, Revision)> {
        let order = score::rank(&takes.iter().map(|t| t.scores.clone()).collect::<Vec<_>>());
        let mut result = IterationResult::of(round, takes, &order, self.context.run.root());
        self.work = Work::default();
        for taken in takes {
            self.work.merge(taken.take.work.clone());
        }
        let mut refused: Option<(Job<'_>, String)> = None;
        let mut solved = None;
        let mut choice = Choice::default();
        for &at in &order {
            let Scored { take, scores } = &takes[at];
            let mut job = self.job(round, take, scores.overall, take.made.clone());
            self.step(&steps::DEPTH, &mut job)?;
            self.step(&steps::CAMERAS, &mut job)?;
            let tracked = self.read(&job, "takes/#/track.json")?;
            let enough = choice.enough(at, &tracked);
            match tracked {
                Tracked::Solved(cameras) if choice.best.is_some_and(|(best, _)| best == at) => {
                    solved = Some((job, cameras));
                }
                Tracked::Refused { words, .. } if refused.is_none() => refused = Some((job, words)),
                _ => {}
            }
            if enough {
                break;
            }
        }
        result.looked(&choice, &order);
        self.tell_choice(round, takes, &order, &choice);
        let (mut job, solved) = match (solved, refused) {
            (Some((job, cameras)), _) => {
                result.solved(job.take.number, &cameras);
                (job, true)
            }
            (None, Some((job, words))) => {
                result.refusal = Some(words);
                (job, false)
            }
            (None, None) => anyhow::bail!("no takes were asked for"),
        };
        for step in steps::after_cameras(solved) {
            self.step(step, &mut job)?;
        }
        // Views of a long clip are gigabytes, and nothing after the pictures looks at them.
        self.posed = None;
        if solved {
            let fit = self.read(&job, "fit.json")?;
            result.tested(&fit, &self.read(&job, "agent.json")?);
        }
        let revision: Revision = self.read(&job, "revision.json")?;
        result.judged(&revision);
        result.work = std::mem::take(&mut self.work);
        Ok((result, revision))
    }

    /// Tells of a world that is not made of the take with the best scores.
    fn tell_choice(&self, round: &Round<'_>, takes: &[Scored], order: &[usize], choice: &Choice) {
        let (Some((at, promise)), Some((first, before))) = (choice.best, choice.looked.first())
        else {
            return;
        };
        if at == *first {
            return;
        }
        let [chosen, first] = [at, *first].map(|at| takes[at].take.number);
        let before = match before {
            Some(value) => format!("those of take {first} {value:.2}"),
            None => format!("take {first} has none"),
        };
        let message = format!(
            "take {chosen} becomes the world, not take {first}, whose scores are the best of {}: its cameras promise {promise:.2}, {before}",
            order.len()
        );
        let at = round.at(&steps::CAMERAS.called(chosen));
        let events = self.context.events;
        let told = Event::Warned { at, message };
        match events.before().is_done(&round.row.id) {
            true => events.tell_again(told),
            false => events.tell(told),
        }
    }

    /// Does a part of a round, on a fresh device if the last one was lost.
    fn part<T>(
        &mut self,
        step: &str,
        part: impl Fn(&mut Self) -> anyhow::Result<T>,
    ) -> Result<T, StepError> {
        if self.gpu.as_ref().is_some_and(|gpu| gpu.alive().is_err()) {
            self.recover();
        }
        step.clone_into(&mut self.step);
        let work = self.work.clone();
        for _ in 0..STARTS {
            match part(self) {
                Err(error) if error.is::<Otherwise>() => self.work.clone_from(&work),
                done => return done.map_err(|error| StepError::new(&self.step, error)),
            }
        }
        let words =
            "what was dropped comes out otherwise each time it is made again; please report it";
        Err(StepError::new(&self.step, anyhow::anyhow!(words)))
    }
}

/// Starts of a part of a round whose dropped artifacts came out otherwise: one for each kind of them, and one more.
const STARTS: usize = 4;

/// A dropped artifact came out otherwise than it was.
#[derive(Debug, thiserror::Error)]
#[error("a dropped artifact came out otherwise than it was")]
struct Otherwise;

impl Recover for Studio<'_> {
    fn recover(&mut self) {
        self.clips = Clips::default();
        self.posed = None;
        self.gpu = None;
    }
}

impl Stages for Studio<'_> {
    fn score(&mut self, round: &Round<'_>, mut take: Take) -> Result<Scored, StepError> {
        let step = steps::MEASURES.called(take.number);
        self.work = std::mem::take(&mut take.work);
        let mut scored = self.part(&step, |studio| studio.scored(round, &take))?;
        scored.take.work = std::mem::take(&mut self.work);
        Ok(scored)
    }

    fn rebuild(
        &mut self,
        round: &Round<'_>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError> {
        self.part("rebuild", |studio| studio.rebuilt(round, &takes))
    }
}

/// What is at hand of a take, kept between the steps that need it.
#[derive(Default)]
pub(super) struct Clip {
    /// At the working size.
    pub frames: Option<Frames>,
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
}
