//! One row's loop: prompt, takes, frames, motion, scores, depth, cameras, splats, world, agents, revision.
//!
//! Many rows wait for their takes at once; what follows a take runs on a lane, one thread a GPU. [`Walk`] is the
//! order of things; [`Stages`] is the half that the lane does.

mod config;
mod explain;
pub mod keys;
mod left_out;
mod made;
mod plan;
mod result;
mod stages;
mod step;
#[rustfmt::skip]
pub mod steps;
mod studio;
mod takes;
mod watch;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;

pub use config::{Config, Preset, ProviderLimits};
pub use explain::{Explained, Explainer, Standing};
pub use made::{Content, Made};
pub use plan::{Amount, Plan, RowFault, Share};
pub use stages::{
    Given, Rebuilt, Tracked, depth, depth_views, frames, given, pairs, rebuild, scored, track,
};
pub use step::{Each, Facts, Step};
pub use studio::Studio;
pub use takes::Desk;
pub use watch::{KEEP_BYTES, WINDOW, Watched, watch};

use left_out::LeftOut;
use result::conclude;

use crate::generate::{GenerateError, Providers};
use crate::lane::{Lane, Recover, Urgency};
use crate::manifest::Prompt;
use crate::monitor::Monitor;
use crate::paths::{is_list, pattern::is_pattern};
use crate::record::{Event, Events, IterationResult, RowResult, StepMonitor, Work};
use crate::revise::{Found, Revision, revise};
use crate::score::Scores;
use crate::store::{At, Begun, Pending, Recipe, Run, Scratch, StepRecord, StoreError, read_json};

/// Artifacts of a round that can be made again from what is kept, as globs relative to the round's folder.
pub const INTERMEDIATES: &[&str] = &[
    "takes/*/depth.npy",
    "takes/*/truth/**",
    "fit.ply",
    "world.vox",
    "world.glb",
];

/// What every part of a run shares.
#[derive(Clone, Copy)]
pub struct Context<'e> {
    /// The run folder.
    pub run: &'e Run,
    /// The resolved configuration.
    pub config: &'e Config,
    /// Where events go.
    pub events: &'e Events<'e>,
}

impl<'e> Context<'e> {
    /// The monitor of a step.
    pub fn monitor(&self, at: &At) -> StepMonitor<'e> {
        StepMonitor {
            events: self.events,
            at: at.clone(),
        }
    }

    /// A signal came.
    pub fn stopped(&self) -> bool {
        self.events.stop().load(Ordering::Relaxed)
    }

    /// Refuses to start anything once a signal came.
    pub(crate) fn go_on(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.stopped(), "interrupted");
        Ok(())
    }

    /// One step under its key, with its events and its time in the round's record; the work answers what it found, in a
    /// few words.
    ///
    /// # Errors
    /// The work's, and those of the store.
    pub fn once(
        &self,
        at: &At,
        recipe: &Recipe,
        took: &mut Work,
        work: impl FnOnce(&Scratch, &dyn Monitor) -> anyhow::Result<String>,
    ) -> anyhow::Result<StepRecord> {
        match self.run.begin(at, recipe)? {
            Begun::Done(record) => {
                self.done(at, &record, None, took);
                Ok(*record)
            }
            Begun::Work(pending) => self.work(at, *pending, took, work),
        }
    }

    /// The second half of [`Context::once`].
    fn work(
        &self,
        at: &At,
        pending: Pending<'_>,
        took: &mut Work,
        work: impl FnOnce(&Scratch, &dyn Monitor) -> anyhow::Result<String>,
    ) -> anyhow::Result<StepRecord> {
        self.events.tell(Event::StepStarted { at: at.clone() });
        let summary = work(pending.scratch(), &self.monitor(at))?;
        let record = pending.finish()?;
        self.done(at, &record, Some(summary), took);
        Ok(record)
    }

    /// Tells that a step is done; without a summary it was done before.
    fn done(&self, at: &At, record: &StepRecord, summary: Option<String>, took: &mut Work) {
        let skipped = summary.is_none();
        took.add(&at.step, record, skipped);
        self.events.tell(Event::StepDone {
            at: at.clone(),
            skipped,
            seconds: record.millis as f64 / 1000.0,
            summary: summary.unwrap_or_default(),
        });
    }
}

/// One round of one row.
#[derive(Clone, Debug)]
pub struct Round<'e> {
    /// The row.
    pub row: &'e Prompt,
    /// Its place in the order of work.
    pub index: usize,
    /// From 1.
    pub iteration: u32,
    /// The prompt of this round.
    pub prompt: String,
}

impl Round<'_> {
    /// A step of it.
    pub fn at(&self, step: &str) -> At {
        At::new(&self.row.id, self.iteration, step)
    }
}

/// A take that is there.
#[derive(Clone, Debug)]
pub struct Take {
    /// From 1.
    pub number: u32,
    /// Its seed.
    pub seed: u64,
    /// The video.
    pub video: PathBuf,
    /// What its steps have left.
    pub made: Made,
    /// What its steps took.
    pub work: Work,
}

impl Take {
    /// Frames a second that its row gives it, where it is several images: videos and animations have their own times.
    fn rate(&self, row: &Prompt) -> Option<f64> {
        let video = &self.video;
        row.fps
            .filter(|_| video.is_dir() || is_list(video) || is_pattern(video))
    }
}

/// A take that was scored.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The take.
    pub take: Take,
    /// Its scores.
    pub scores: Scores,
}

/// An error and the step it struck.
#[derive(Debug)]
pub struct StepError {
    /// Such as `take-1`.
    pub step: String,
    /// What happened.
    pub error: anyhow::Error,
    /// The row's rounds that were done before.
    pub before: Vec<IterationResult>,
}

impl StepError {
    /// An error of a step.
    pub fn new(step: &str, error: impl Into<anyhow::Error>) -> Self {
        Self {
            step: step.to_owned(),
            error: error.into(),
            before: Vec::new(),
        }
    }

    /// Whether it strikes every row alike, such as a full disk.
    pub fn is_fatal(&self) -> bool {
        let store = |e: &(dyn std::error::Error + 'static)| {
            e.downcast_ref::<StoreError>()
                .is_some_and(StoreError::is_fatal)
        };
        if self.error.chain().any(store) {
            return true;
        }
        // A service's words are about its own disk.
        let local = |e: &GenerateError| {
            matches!(
                e,
                GenerateError::Io { .. } | GenerateError::Encode { .. } | GenerateError::Store(_)
            )
        };
        let mut generated = self.error.chain().filter_map(|e| e.downcast_ref());
        if generated.any(|e| !local(e)) {
            return false;
        }
        // Stages tell of files in words, FFmpeg in its own.
        const FULL: [&str; 5] = [
            "(os error 28)",
            "No space left on device",
            "(os error 122)",
            "Disk quota exceeded",
            "(os error 30)",
        ];
        let full = |e: &(dyn std::error::Error + 'static)| {
            let words = e.to_string();
            FULL.iter().any(|full| words.contains(full))
        };
        self.error.chain().any(full)
    }

    /// The provider's words where it refused the prompt, which is for the reviser.
    fn moderation(&self) -> Option<&str> {
        self.error.chain().find_map(|e| match e.downcast_ref() {
            Some(GenerateError::Moderation(words)) => Some(words.as_str()),
            _ => None,
        })
    }
}

/// The half of a round that a lane does. [`Studio`] is the real one; tests put their own.
pub trait Stages: Recover {
    /// Take -> frames, motion, scores.
    ///
    /// # Errors
    /// [`StepError`].
    fn score(&mut self, round: &Round<'_>, take: Take) -> Result<Scored, StepError>;

    /// The best take that can be solved -> depth, cameras, splats, world, agents, revision.
    ///
    /// # Errors
    /// [`StepError`].
    fn rebuild(
        &mut self,
        round: &Round<'_>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError>;
}

/// Walks rows; many at once.
pub struct Walk<'w, 'e, S> {
    /// What every part shares.
    pub context: Context<'e>,
    /// Where takes come from.
    pub providers: &'e Providers,
    /// How many takes may be asked for at once.
    pub desk: &'w Desk,
    /// The lane of the GPUs.
    pub lane: &'w Lane<'e, S>,
}

impl<'e, S: Stages> Walk<'_, 'e, S> {
    /// One row, all rounds.
    ///
    /// # Errors
    /// [`StepError`] with the step that failed or was interrupted.
    pub async fn row(&self, row: &'e Prompt, index: usize) -> Result<RowResult, StepError> {
        let config = self.context.config;
        let provider = self
            .providers
            .get(config.provider_of(row))
            .map_err(|e| StepError::new("start", e))?;
        let generates = provider.caps(row.model.as_deref()).generates;
        let rounds = config.rounds(row, generates);
        let mut prompt = row.prompt.clone();
        let mut iterations = Vec::new();
        let mut end = "no round left";
        for iteration in 1..=rounds {
            let round = Arc::new(Round {
                row,
                index,
                iteration,
                prompt,
            });
            let started = Event::IterationStarted {
                id: row.id.clone(),
                iteration,
                prompt: round.prompt.clone(),
            };
            let events = self.context.events;
            match events.before().is_done(&row.id) {
                true => events.tell_again(started),
                false => events.tell(started),
            }
            let (result, revision) = match self.round(&round).await {
                Ok(done) => done,
                Err(mut error) => {
                    error.before = iterations;
                    return Err(error);
                }
            };
            iterations.push(result);
            if revision.accepted {
                break;
            }
            if revision.changes.is_empty() {
                end = "no rule has anything to add";
                break;
            }
            prompt = revision.revised_prompt;
        }
        if !generates {
            end = "a file cannot be generated again";
        }
        Ok(conclude(row, iterations, end))
    }

    async fn round(
        &self,
        round: &Arc<Round<'e>>,
    ) -> Result<(IterationResult, Revision), StepError> {
        let requests = self.requests(round)?;
        let context = &self.context;
        // Once the next round was begun, a prompt that was refused is not tried again: the rounds after it are paid for.
        if let Some(words) = refused_before(context, round) {
            return moderated(context, round, &words);
        }
        let left_out = &LeftOut::load(context, round).map_err(|e| StepError::new("start", e))?;
        // All takes are asked for at once; each is scored as soon as it is there.
        let takes = requests
            .iter()
            .zip(1..)
            .map(|(request, number)| async move {
                if let Some(error) = left_out.reason(context, round, number, request) {
                    return Err(error);
                }
                // Held until the take is scored: takes do not pile up before a busy lane.
                let (take, _waits) = self.take(round, number, request).await?;
                self.score(round, take).await
            });
        let mut scored = Vec::new();
        let mut failed = Vec::new();
        for (take, number) in join_all(takes).await.into_iter().zip(1..) {
            match take {
                Ok(take) => scored.push(take),
                Err(error) => failed.push((number, error)),
            }
        }
        // The round goes on without the takes that failed, unless that is all of them or the run ends.
        let interrupted = self.context.stopped();
        let words = failed
            .iter()
            .map(|(number, e)| Some((*number, e.moderation()?.to_owned())));
        if let (true, false, Some(words)) = (
            scored.is_empty(),
            interrupted,
            words.collect::<Option<Words>>(),
        ) && !words.is_empty()
        {
            return moderated(context, round, &words);
        }
        let fatal = failed.iter().any(|(_, e)| e.is_fatal());
        if (scored.is_empty() || interrupted || fatal) && !failed.is_empty() {
            let worst = failed.iter().position(|(_, e)| e.is_fatal()).unwrap_or(0);
            return Err(failed.swap_remove(worst).1);
        }
        LeftOut::save(context, round, &requests, &failed)
            .map_err(|e| StepError::new("takes", e))?;
        for (_, e) in &failed {
            let at = round.at(&e.step);
            let message = format!("failed: {:#}; the round goes on without it", e.error);
            self.context.events.tell(Event::Warned { at, message });
        }
        let (mut result, revision) = self.rebuild(round, scored).await?;
        result.failed_takes = failed
            .into_iter()
            .map(|(number, e)| (number, format!("{:#}", e.error)))
            .collect();
        Ok((result, revision))
    }

    async fn score(&self, round: &Arc<Round<'e>>, take: Take) -> Result<Scored, StepError> {
        let urgency = Urgency {
            class: 1,
            row: round.index,
        };
        let step = format!("scores-{}", take.number);
        let round = round.clone();
        let done = self
            .lane
            .run(urgency, move |stages| stages.score(&round, take));
        done.await.map_err(|words| broke(&step, &words))?
    }

    async fn rebuild(
        &self,
        round: &Arc<Round<'e>>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError> {
        let urgency = Urgency {
            class: 0,
            row: round.index,
        };
        let round = round.clone();
        let done = self
            .lane
            .run(urgency, move |stages| stages.rebuild(&round, takes));
        done.await.map_err(|words| broke("rebuild", &words))?
    }
}

/// The provider's words, by take, where an earlier start had this round's prompt refused and went on to the next round.
fn refused_before(context: &Context<'_>, round: &Round<'_>) -> Option<Words> {
    let next = context
        .run
        .iteration(&round.row.id, round.iteration + 1)
        .exists();
    let at = round.at(steps::REVISION.name);
    let recipe = context
        .run
        .record(&at)
        .ok()
        .flatten()
        .filter(|_| next)?
        .recipe;
    let same = recipe.options.get("prompt")?.as_str() == Some(&round.prompt);
    let words = recipe.options.get("refusal")?.clone();
    serde_json::from_value(words).ok().filter(|_| same)
}

/// What a provider said of each take.
type Words = Vec<(u32, String)>;

/// The recipe of the verdict on such a round.
fn moderation(config: &Config, round: &Round<'_>, words: &Words) -> Recipe {
    let facts = Facts {
        config,
        networks: &[],
        round,
        rate: None,
    };
    let recipe = Made::default().recipe(&steps::REVISION, 1, &facts);
    recipe.option("refusal", words)
}

/// A round whose every take was refused for its prompt: the reviser is told why.
fn moderated(
    context: &Context<'_>,
    round: &Round<'_>,
    words: &Words,
) -> Result<(IterationResult, Revision), StepError> {
    let at = round.at(steps::REVISION.name);
    let judge = || -> anyhow::Result<_> {
        let config = context.config;
        let recipe = moderation(config, round, words);
        let mut said: Vec<&str> = words.iter().map(|(_, words)| words.as_str()).collect();
        said.dedup();
        let said = said.join("; ");
        let mut result = IterationResult::of(round, &[], &[], context.run.root());
        context.once(&at, &recipe, &mut result.work, |scratch, _| {
            let found = Found::Refused {
                reason: "moderation",
                words: &said,
            };
            let scores = Scores::default();
            let revision = revise(
                &round.prompt,
                round.iteration,
                &scores,
                found,
                &config.accept,
            )?;
            scratch.write_json("revision.json", &revision)?;
            Ok(revision.explanation)
        })?;
        let revision: Revision =
            read_json(&context.run.get(&at.id, at.iteration, "revision.json")?)?;
        result.refusal = Some(format!("refused by the provider's moderation: {said}"));
        result.failed_takes = words.iter().cloned().collect();
        result.judged(&revision);
        Ok((result, revision))
    };
    judge().map_err(|e| StepError::new(&at.step, e))
}

fn broke(step: &str, words: &str) -> StepError {
    let error = anyhow::anyhow!("the program broke ({words}); please report it");
    StepError::new(step, error)
}
