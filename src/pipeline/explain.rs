//! Tells of each step of a row whether it is done, would run again, and because of what; does nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::moderated::{moderation, refused};
use super::stages::{Choice, Tracked};
use super::step::{Each, Facts, NetworkIds, Step, numbered};
use super::{Config, Round, Take, steps, takes};
use crate::generate::{Providers, TakeRequest, VideoProvider};
use crate::manifest::Prompt;
use crate::record::Work;
use crate::revise::Revision;
use crate::score::{self, Scores};
use crate::store::{
    At, Recipe, Standing as Record, StepRecord, StoreError, altered, iteration_folder, read_json,
    record_of,
};

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
    /// The networks that a start would load.
    pub networks: &'e NetworkIds,
}

/// One round's look.
struct Look<'l> {
    explainer: &'l Explainer<'l>,
    round: &'l Round<'l>,
    /// What would be made anew, so that nobody knows what it will be: artifacts, and verdicts of rounds before.
    open: BTreeSet<String>,
    /// What every step depends on besides what it reads: the verdicts of rounds before.
    under: Vec<String>,
    steps: Vec<Explained>,
}

impl Explainer<'_> {
    /// The steps of a row in the order in which they would run, as far as they can be told: after a step that was never
    /// done nobody knows which follow.
    ///
    /// # Errors
    /// Where a start would fail before its first step: no such provider, inputs that are gone, records of a newer
    /// program.
    pub async fn row(&self, row: &Prompt) -> anyhow::Result<Vec<Explained>> {
        let provider = self.providers.get(self.config.provider_of(row))?;
        let generates = provider.caps(row.model.as_deref()).generates;
        let mut steps = Vec::new();
        let mut under = Vec::new();
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
                under: under.clone(),
                steps: Vec::new(),
            };
            let revision = look.round(provider).await?;
            // Rounds after a verdict that is made anew are told by the one that was: they stay if it comes out the same.
            if look.open.contains("revision.json") {
                under.push(format!("round {iteration}'s revision.json"));
            }
            steps.append(&mut look.steps);
            match revision {
                Some(r) if !r.accepted && !r.changes.is_empty() => prompt = r.revised_prompt,
                _ => break,
            }
        }
        Ok(steps)
    }
}

impl Look<'_> {
    fn path(&self, path: &str) -> PathBuf {
        let (id, iteration) = (&self.round.row.id, self.round.iteration);
        iteration_folder(self.explainer.root, id, iteration).join(path)
    }

    async fn round(&mut self, provider: &dyn VideoProvider) -> anyhow::Result<Option<Revision>> {
        if let Some(revision) = self.moderated()? {
            return Ok(Some(revision));
        }
        let (config, row) = (self.explainer.config, self.round.row);
        let request = config.request(row, self.round.iteration, &self.round.prompt);
        let requests = provider.requests(&request, row.takes.unwrap_or(config.takes))?;
        let mut scored = Vec::new();
        for (number, request) in (1..).zip(&requests) {
            if let Some(take) = self.take(provider, number, request).await?
                && let Ok(scores) =
                    read_json::<Scores>(&self.path(&numbered("takes/#/scores.json", number)))
            {
                scored.push((take, scores));
            }
        }
        let scores: Vec<Scores> = scored.iter().map(|(_, scores)| scores.clone()).collect();
        let order = score::rank(&scores);
        // Another take may come to be the best once one is scored anew, or is there at last; a round that was gone on from
        // takes no more.
        let (id, iteration) = (&row.id, self.round.iteration);
        let closed = iteration_folder(self.explainer.root, id, iteration + 1).exists();
        if requests.len() > 1 {
            let there = |number: u32| scored.iter().any(|(take, _)| take.number == number);
            let open = (1..).zip(&requests).filter_map(|(number, _)| {
                let name = numbered("takes/#/scores.json", number);
                let open = self.open.contains(&name) || !(there(number) || closed);
                open.then_some(name)
            });
            let open: Vec<_> = open.collect();
            self.under.extend(open);
        }
        // As the walk: see `Choice`; else the best one's refusal.
        let mut choice = Choice::default();
        for &at in &order {
            let take = &mut scored[at].0;
            let track = self.path(&numbered("takes/#/track.json", take.number));
            let both = self.step(&steps::DEPTH, take)? && self.step(&steps::CAMERAS, take)?;
            if !both {
                return Ok(None);
            }
            if read_json(&track).is_ok_and(|tracked: Tracked| choice.enough(at, &tracked)) {
                break;
            }
        }
        let solved = choice.best.is_some();
        let chosen = choice.best.map(|(at, _)| at).or(order.first().copied());
        let Some(take) = chosen.map(|at| &mut scored[at].0) else {
            return Ok(None);
        };
        for step in steps::after_cameras(solved) {
            if !self.step(step, take)? {
                return Ok(None);
            }
        }
        Ok(read_json(&self.path("revision.json")).ok())
    }

    /// The verdict on a round whose every take was refused for its prompt, once the next round was begun.
    fn moderated(&mut self) -> anyhow::Result<Option<Revision>> {
        let (id, iteration) = (&self.round.row.id, self.round.iteration);
        let next = iteration_folder(self.explainer.root, id, iteration + 1).exists();
        let Record::Done(record) = self.record(steps::REVISION.name)? else {
            return Ok(None);
        };
        let Some(words) = refused(&record, self.round).filter(|_| next) else {
            return Ok(None);
        };
        let recipe = moderation(self.explainer.config, self.round, &words);
        self.note(&steps::REVISION, 1, recipe, &Record::Done(record));
        Ok(read_json(&self.path("revision.json")).ok())
    }

    /// A take and its scores; `None` where it was never made or scored.
    async fn take(
        &mut self,
        provider: &dyn VideoProvider,
        number: u32,
        request: &TakeRequest,
    ) -> anyhow::Result<Option<Take>> {
        let found = self.record(&steps::TAKE.called(number))?;
        let known = match &found {
            Record::Done(record) => record.outside.clone(),
            _ => Vec::new(),
        };
        let recipe = takes::recipe(provider, self.round, number, request, known).await?;
        self.note(&steps::TAKE, number, recipe, &found);
        let Record::Done(record) = found else {
            return Ok(None);
        };
        let open = |path: &str| Ok::<_, StoreError>(self.path(path));
        let Ok((video, made)) = takes::delivered(open, number, request, &record) else {
            return Ok(None);
        };
        let mut take = Take {
            number,
            seed: request.seed,
            video,
            made,
            work: Work::default(),
        };
        let both =
            self.step(&steps::MEASURES, &mut take)? && self.step(&steps::SCORES, &mut take)?;
        Ok(both.then_some(take))
    }

    /// A step of a lane; false where it was never done.
    fn step(&mut self, step: &Step, take: &mut Take) -> anyhow::Result<bool> {
        let facts = Facts {
            config: self.explainer.config,
            networks: self.explainer.networks,
            round: self.round,
            rate: take.rate(self.round.row),
        };
        let recipe = take.made.recipe(step, take.number, &facts);
        let found = self.record(&step.called(take.number))?;
        self.note(step, take.number, recipe, &found);
        let last = self.steps.last().map(|e| &e.standing);
        if last.is_some_and(|s| !matches!(s, Standing::Done | Standing::NotYet)) {
            self.dropped(step, take);
        }
        if let Record::Done(record) = &found {
            take.made.add(record);
        }
        Ok(!matches!(found, Record::NotYet))
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
                let writes = maker.writes.iter().map(|path| numbered(path, take.number));
                self.open.extend(writes);
                self.dropped(maker, take);
            }
        }
    }

    fn record(&self, step: &str) -> Result<Record, StoreError> {
        record_of(self.explainer.root, &self.round.at(step))
    }

    fn note(&mut self, step: &Step, take: u32, recipe: Recipe, found: &Record) {
        let at = self.round.at(&step.called(take));
        let (standing, seconds) = match found {
            Record::NotYet => (Standing::NotYet, None),
            Record::Unreadable(why) => {
                let why = format!("its record cannot be read ({why})");
                (Standing::Again(vec![why]), None)
            }
            Record::Done(record) => {
                let seconds = record.millis as f64 / 1000.0;
                (
                    self.standing(step, take, &at, recipe, record),
                    Some(seconds),
                )
            }
        };
        if standing != Standing::Done {
            let writes = step.writes.iter().map(|path| numbered(path, take));
            self.open.extend(writes);
        }
        self.steps.push(Explained {
            round: at.iteration,
            step: at.step,
            standing,
            seconds,
        });
    }

    fn standing(
        &self,
        step: &Step,
        take: u32,
        at: &At,
        mut recipe: Recipe,
        record: &StepRecord,
    ) -> Standing {
        let reads = step.reads.iter().map(|path| numbered(path, take));
        let mut open: Vec<String> = reads.filter(|path| self.open.contains(path)).collect();
        // What is made anew may come out as it was.
        for path in &open {
            if let Some(before) = record.recipe.inputs.get(path) {
                recipe.inputs.insert(path.clone(), before.clone());
            }
        }
        if recipe.key() != record.key {
            return Standing::Again(recipe.differences(&record.recipe));
        }
        if let Some(path) = altered(self.explainer.root, at, record) {
            return Standing::Again(vec![format!("{path} is missing or was altered")]);
        }
        if step.each == Each::Round
            || [steps::DEPTH.name, steps::CAMERAS.name].contains(&step.name)
            || self.under.iter().any(|u| u.starts_with("round "))
        {
            open.extend(self.under.iter().cloned());
        }
        open.dedup();
        match open.is_empty() {
            true => Standing::Done,
            false => Standing::Depends(open),
        }
    }
}
