//! Tells of each step of a row whether it is done, would run again, and because of what; does nothing.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::stages::Tracked;
use super::step::{Facts, Step, numbered};
use super::{Config, Round, Take, Work, steps, takes};
use crate::generate::{Providers, TakeRequest, VideoProvider};
use crate::manifest::Prompt;
use crate::revise::Revision;
use crate::score::{self, Scores};
use crate::store::{Recipe, StepRecord, altered, iteration_folder, read_json, step_record};

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "stands", content = "why", rename_all = "snake_case")]
pub enum Standing {
    /// Done; a start skips it.
    Done,
    /// It would run again, for these reasons.
    Again(Vec<String>),
    /// It runs again if one of these, which are made anew before it, comes out otherwise.
    Depends(Vec<String>),
    /// It was never done.
    NotYet,
}

/// One step of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The round, from 1.
    pub round: u32,
    /// The step.
    pub step: String,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Seconds that it took.
    pub seconds: Option<f64>,
}

/// What the steps of rows are held against.
pub struct Explainer<'e> {
    /// The run folder; it need not be locked.
    pub root: &'e Path,
    /// The configuration that a start would have.
    pub config: &'e Config,
    /// Where takes come from.
    pub providers: &'e Providers,
    /// The depth networks, by [`crate::depth::Model::identity`].
    pub networks: &'e [String],
}

/// One round's look.
struct Look<'l> {
    explainer: &'l Explainer<'l>,
    round: &'l Round<'l>,
    /// Artifacts that would be made anew, so that nobody knows what they will be.
    open: BTreeSet<String>,
    steps: Vec<Explained>,
}

impl Explainer<'_> {
    /// The steps of a row in the order in which they would run, as far as they can be told: after a step that was never
    /// done nobody knows which follow.
    ///
    /// # Errors
    /// Where a start would fail before its first step: no such provider, inputs that are gone.
    pub async fn row(&self, row: &Prompt) -> anyhow::Result<Vec<Explained>> {
        let provider = self.providers.get(self.config.provider_of(row))?;
        let generates = provider.caps(row.model.as_deref()).generates;
        let mut steps = Vec::new();
        let mut prompt = row.prompt.clone();
        for iteration in 1..=self.config.rounds(row, generates) {
            let round = Round {
                row,
                index: 0,
                iteration,
                prompt,
            };
            let mut look = Look {
                explainer: self,
                round: &round,
                open: BTreeSet::new(),
                steps: Vec::new(),
            };
            let revision = look.round(provider).await?;
            let open = look.open.contains("revision.json");
            steps.append(&mut look.steps);
            // What a verdict that is made anew leads to is not known.
            match revision.filter(|_| !open) {
                Some(r) if !r.accepted && !r.changes.is_empty() => prompt = r.revised_prompt,
                _ => break,
            }
        }
        Ok(steps)
    }
}

impl Look<'_> {
    fn home(&self) -> std::path::PathBuf {
        iteration_folder(
            self.explainer.root,
            &self.round.row.id,
            self.round.iteration,
        )
    }

    async fn round(&mut self, provider: &dyn VideoProvider) -> anyhow::Result<Option<Revision>> {
        let (config, row) = (self.explainer.config, self.round.row);
        let request = config.request(row, self.round.iteration, &self.round.prompt);
        let requests = provider.requests(&request, row.takes.unwrap_or(config.takes))?;
        let mut scored = Vec::new();
        for (number, request) in (1..).zip(&requests) {
            if let Some(take) = self.take(provider, number, request).await?
                && let Ok(scores) =
                    read_json::<Scores>(&self.home().join(numbered("takes/#/scores.json", number)))
            {
                scored.push((take, scores));
            }
        }
        let scores: Vec<Scores> = scored.iter().map(|(_, scores)| scores.clone()).collect();
        let order = score::rank(&scores);
        // As the walk: the best take that can be solved, else the best one's refusal.
        let mut chosen = order.first().copied();
        let mut solved = false;
        for &at in &order {
            let take = &mut scored[at].0;
            let track = self
                .home()
                .join(numbered("takes/#/track.json", take.number));
            let both = self.step(&steps::DEPTH, take) && self.step(&steps::CAMERAS, take);
            if !both {
                return Ok(None);
            }
            if matches!(read_json(&track), Ok(Tracked::Solved(_))) {
                (chosen, solved) = (Some(at), true);
                break;
            }
        }
        let Some(take) = chosen.map(|at| &mut scored[at].0) else {
            return Ok(None);
        };
        let rest: &[&Step] = match solved {
            true => &[
                &steps::SPLATS,
                &steps::ALIGN,
                &steps::GLB,
                &steps::WORLD,
                &steps::AGENT,
                &steps::PICTURES,
                &steps::REVISION,
            ],
            false => &[&steps::REVISION],
        };
        for step in rest {
            if !self.step(step, take) {
                return Ok(None);
            }
        }
        Ok(read_json(&self.home().join("revision.json")).ok())
    }

    /// A take and its scores; `None` where it was never made or scored.
    async fn take(
        &mut self,
        provider: &dyn VideoProvider,
        number: u32,
        request: &TakeRequest,
    ) -> anyhow::Result<Option<Take>> {
        let step = steps::TAKE.called(number);
        let record = self.record(&step);
        let known = record.iter().flat_map(|r| r.outside.clone()).collect();
        let recipe = takes::recipe(provider, self.round, number, request, known).await?;
        self.note(&steps::TAKE, number, &recipe, record.as_ref());
        let Some(record) = record else {
            return Ok(None);
        };
        let Ok((video, made)) = takes::delivered(&self.home(), number, request, &record) else {
            return Ok(None);
        };
        let mut take = Take {
            number,
            seed: request.seed,
            video,
            made,
            work: Work::default(),
        };
        let both = self.step(&steps::MEASURES, &mut take) && self.step(&steps::SCORES, &mut take);
        Ok(both.then_some(take))
    }

    /// A step of a lane; false where it was never done.
    fn step(&mut self, step: &Step, take: &mut Take) -> bool {
        let facts = Facts {
            config: self.explainer.config,
            networks: self.explainer.networks,
            round: self.round,
            rate: take.rate(self.round.row),
        };
        let recipe = take.made.recipe(step, take.number, &facts);
        let record = self.record(&step.called(take.number));
        self.note(step, take.number, &recipe, record.as_ref());
        let last = self.steps.last().map(|e| &e.standing);
        if last.is_some_and(|s| !matches!(s, Standing::Done | Standing::NotYet)) {
            self.dropped(step, take);
        }
        if let Some(record) = &record {
            take.made.add(record);
        }
        record.is_some()
    }

    /// What a step would read and `clean` dropped is made again before it.
    fn dropped(&mut self, step: &Step, take: &Take) {
        let reads = step.reads.iter().map(|path| numbered(path, take.number));
        for path in reads.filter(|path| take.made.get(path).is_some_and(|c| c.dropped)) {
            let Some(maker) = Step::maker_of(&path, take.number) else {
                continue;
            };
            let name = maker.called(take.number);
            let why = format!(
                "{path} was dropped, and {} reads it",
                step.called(take.number)
            );
            let done = self.steps.iter_mut().find(|e| e.step == name);
            if let Some(done) = done.filter(|e| e.standing == Standing::Done) {
                done.standing = Standing::Again(vec![why]);
                self.dropped(maker, take);
            }
        }
    }

    fn record(&self, step: &str) -> Option<StepRecord> {
        let (row, round) = (&self.round.row.id, self.round.iteration);
        step_record(self.explainer.root, row, round, step)
    }

    fn note(&mut self, step: &Step, take: u32, recipe: &Recipe, record: Option<&StepRecord>) {
        let standing = match record {
            None => Standing::NotYet,
            Some(record) => self.standing(step, take, recipe, record),
        };
        if standing != Standing::Done {
            let writes = step.writes.iter().map(|path| numbered(path, take));
            self.open.extend(writes);
        }
        self.steps.push(Explained {
            round: self.round.iteration,
            step: step.called(take),
            standing,
            seconds: record.map(|r| r.millis as f64 / 1000.0),
        });
    }

    fn standing(&self, step: &Step, take: u32, recipe: &Recipe, record: &StepRecord) -> Standing {
        if record.key != recipe.key() {
            return Standing::Again(recipe.differences(&record.recipe));
        }
        let (row, round) = (&self.round.row.id, self.round.iteration);
        if let Some(path) = altered(self.explainer.root, row, round, record) {
            return Standing::Again(vec![format!("{path} is missing or was altered")]);
        }
        let reads = step.reads.iter().map(|path| numbered(path, take));
        let open: Vec<String> = reads.filter(|path| self.open.contains(path)).collect();
        match open.is_empty() {
            true => Standing::Done,
            false => Standing::Depends(open),
        }
    }
}
