//! What a row came to: the record that results, status and reports read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Round, Scored};
use crate::agent::AgentReport;
use crate::camera::Cameras;
use crate::manifest::Prompt;
use crate::revise::{Revision, Verdict};
use crate::score::Scores;
use crate::splat::FitReport;
use crate::store::{StepRecord, StoreError, read_json, write_json};

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A world that agents accepted.
    Accepted,
    /// A world with faults left, and no round left (or nothing to change).
    Limit,
    /// No world could be built; the reason is given.
    Refused,
    /// A world of which too little was seen to tell.
    Undecided,
    /// An error.
    Failed,
}

impl Outcome {
    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Limit => "limit",
            Self::Refused => "refused",
            Self::Undecided => "undecided",
            Self::Failed => "failed",
        }
    }
}

/// One take of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeResult {
    /// From 1.
    pub take: u32,
    /// Its seed.
    pub seed: u64,
    /// The video: relative to the run folder, or the `files` provider's own path.
    pub video: PathBuf,
    /// Its scores.
    pub scores: Scores,
    /// 1 is best.
    pub rank: u32,
}

/// One round of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IterationResult {
    /// From 1.
    pub iteration: u32,
    /// Its prompt.
    pub prompt: String,
    /// Its takes, best first.
    pub takes: Vec<TakeResult>,
    /// The take that became the world.
    pub best: Option<u32>,
    /// Takes that could not be had or scored, by number, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed_takes: BTreeMap<u32, String>,
    /// Why there is no world.
    pub refusal: Option<String>,
    /// Registered frames.
    pub registered: Option<usize>,
    /// Frames that were tried.
    pub frames: Option<usize>,
    /// `known`, `estimated` or `prior`.
    pub focal_source: Option<String>,
    /// Splats.
    pub splats: Option<usize>,
    /// PSNR of held-out frames in dB.
    pub held_out_psnr: Option<f64>,
    /// Violations that agents found.
    pub violations: Option<usize>,
    /// The agents' figures.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// What the reviser says.
    pub explanation: String,
    /// Accepted.
    pub accepted: bool,
    /// What is said of its world.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// What the verdict lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What its steps took.
    #[serde(flatten)]
    pub work: Work,
}

impl IterationResult {
    /// Of a round whose takes are scored; `order` has their places, the best first, `root` is the run's folder.
    pub(super) fn of(round: &Round<'_>, takes: &[Scored], order: &[usize], root: &Path) -> Self {
        let take = |(rank, &at): (u32, &usize)| {
            let Scored { take, scores } = &takes[at];
            TakeResult {
                take: take.number,
                seed: take.seed,
                video: take.video.strip_prefix(root).unwrap_or(&take.video).into(),
                scores: scores.clone(),
                rank,
            }
        };
        Self {
            iteration: round.iteration,
            prompt: round.prompt.clone(),
            takes: (1..).zip(order).map(take).collect(),
            ..Self::default()
        }
    }

    /// Adds the cameras of the take that becomes the world.
    pub(super) fn solved(&mut self, take: u32, cameras: &Cameras) {
        self.best = Some(take);
        self.registered = Some(cameras.cameras.len());
        self.frames = Some(cameras.frames);
        self.focal_source = serde_json::to_value(cameras.focal_source)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned));
    }

    /// Adds the verdict.
    pub(super) fn judged(&mut self, revision: &Revision) {
        self.explanation.clone_from(&revision.explanation);
        self.accepted = revision.accepted;
        self.verdict = Some(revision.verdict);
        self.missing.clone_from(&revision.missing);
    }

    /// Adds what the fit and the agents say of the world.
    pub(super) fn tested(&mut self, fit: &FitReport, report: &AgentReport) {
        self.splats = Some(fit.splats);
        self.held_out_psnr = fit.held_out_psnr;
        self.violations = Some(report.violations.len());
        self.metrics.clone_from(&report.metrics);
    }
}

/// What steps took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Seconds that each step's work took, over all starts of the run.
    #[serde(default)]
    pub seconds: BTreeMap<String, f64>,
    /// Peak resident memory of the process when each step ended, in MiB.
    #[serde(default)]
    pub peak_mib: BTreeMap<String, f64>,
    /// Some step was not done before this start.
    #[serde(skip)]
    pub fresh: bool,
}

impl Work {
    /// Adds a step.
    pub fn add(&mut self, step: &str, record: &StepRecord, skipped: bool) {
        let seconds = record.millis as f64 / 1000.0;
        self.seconds.insert(step.to_owned(), seconds);
        let mib = (record.peak_kib / 1024) as f64;
        self.peak_mib.insert(step.to_owned(), mib);
        self.fresh |= !skipped;
    }

    /// Takes over what other steps took.
    pub fn merge(&mut self, other: Work) {
        self.seconds.extend(other.seconds);
        self.peak_mib.extend(other.peak_mib);
        self.fresh |= other.fresh;
    }
}

/// A recorded failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed.
    pub step: String,
    /// The error and its causes.
    pub error: String,
    /// Times this row failed, over all starts of the run.
    pub attempts: u32,
    /// What to do.
    pub mend: String,
}

/// What a row came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowResult {
    /// The row as the manifest has it.
    pub row: Prompt,
    /// How it ended.
    pub outcome: Outcome,
    /// One line.
    pub summary: String,
    /// Its rounds.
    pub iterations: Vec<IterationResult>,
    /// The failure, when it failed.
    pub failure: Option<Failure>,
}

impl RowResult {
    /// The round to look at: the accepted one, else the one with a world whose agents found least (of those of which
    /// enough was seen, if there are any), else the last.
    pub fn best_iteration(&self) -> Option<&IterationResult> {
        let tested = self.iterations.iter().filter(|i| i.violations.is_some());
        tested
            .min_by(|a, b| {
                let key = |i: &IterationResult| {
                    (
                        !i.accepted,
                        i.verdict == Some(Verdict::Undecided),
                        i.violations,
                        -i.metrics.get("path_completion").copied().unwrap_or(0.0),
                    )
                };
                key(a)
                    .partial_cmp(&key(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            })
            .or(self.iterations.last())
    }

    /// Some step was not done before this start.
    pub fn fresh(&self) -> bool {
        self.iterations.iter().any(|i| i.work.fresh)
    }

    /// Path of a row's record.
    pub fn path(root: &Path, id: &str) -> PathBuf {
        root.join("prompts").join(id).join("row.json")
    }

    /// Writes the record.
    ///
    /// # Errors
    /// As [`write_json`].
    pub fn save(&self, root: &Path) -> Result<(), StoreError> {
        write_json(&Self::path(root, &self.row.id), self)
    }

    /// Reads the record.
    ///
    /// # Errors
    /// As [`read_json`].
    pub fn load(root: &Path, id: &str) -> Result<Self, StoreError> {
        read_json(&Self::path(root, id))
    }
}

/// A row's record from its rounds; `end` says why there was no other.
pub(super) fn conclude(row: &Prompt, iterations: Vec<IterationResult>, end: &str) -> RowResult {
    let accepted = iterations.iter().any(|i| i.accepted);
    let world = iterations.iter().any(|i| i.violations.is_some());
    let mut result = RowResult {
        row: row.clone(),
        outcome: match (accepted, world) {
            (true, _) => Outcome::Accepted,
            (false, true) => Outcome::Limit,
            (false, false) => Outcome::Refused,
        },
        summary: String::new(),
        iterations,
        failure: None,
    };
    let verdict = result.best_iteration().and_then(|i| i.verdict);
    if result.outcome == Outcome::Limit && verdict == Some(Verdict::Undecided) {
        result.outcome = Outcome::Undecided;
    }
    let rounds = result.iterations.len();
    result.summary = match (result.outcome, result.best_iteration()) {
        (Outcome::Accepted, _) => format!("the world of round {rounds} holds up"),
        (Outcome::Limit, Some(best)) => format!(
            "{} violation(s) left in round {} of {rounds}; {end}",
            best.violations.unwrap_or(0),
            best.iteration
        ),
        (Outcome::Undecided, Some(best)) => format!(
            "too little is known of the world of round {} of {rounds} ({}); {end}",
            best.iteration,
            best.missing.join("; ")
        ),
        (_, last) => last
            .and_then(|i| i.refusal.clone())
            .unwrap_or_else(|| end.to_owned()),
    };
    result
}
