//! What a run tells: events, which are its journal, what rows came to, and the view that is folded from them.

mod event;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use event::{AdapterTime, Both, Entry, Event, Events, Listener, StepMonitor};
pub use view::{Doing, RowView, RunView, StepSum};

use crate::manifest::Prompt;
use crate::revise::Verdict;
use crate::score::Scores;
use crate::store::{StepRecord, StoreError};

/// How a row ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[default]
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
    /// By its scores; 1 is best.
    pub rank: u32,
    /// What its cameras promise of a world, in [0, 1], where they were looked at; 0 too where none could be solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstructability: Option<f64>,
    /// Once cameras were looked at: 1 is the take that became the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_rank: Option<u32>,
}

/// One round of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IterationResult {
    /// From 1.
    pub iteration: u32,
    /// Its prompt.
    pub prompt: String,
    /// Its takes, by their scores, best first.
    pub takes: Vec<TakeResult>,
    /// The take that became the world.
    pub best: Option<u32>,
    /// Takes that could not be had or scored, by number, with the reason.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "numbers"
    )]
    pub failed_takes: BTreeMap<u32, String>,
    /// Why there is no world.
    pub refusal: Option<String>,
    /// Registered frames.
    pub registered: Option<usize>,
    /// Frames that were tried.
    pub frames: Option<usize>,
    /// What the cameras promise, in [0, 1].
    #[serde(default)]
    pub reconstructability: Option<f64>,
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

/// Keys that are numbers. Serde buffers what is inside a tagged enum, and a buffered key is only ever text.
fn numbers<'de, D: serde::Deserializer<'de>>(text: D) -> Result<BTreeMap<u32, String>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(text)?;
    let number = |(key, text): (String, String)| Ok((key.parse()?, text));
    let numbers: Result<_, std::num::ParseIntError> = texts.into_iter().map(number).collect();
    numbers.map_err(serde::de::Error::custom)
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

    /// What a row of a run came to, by the run's journal.
    ///
    /// # Errors
    /// As [`RunView::load`], and [`StoreError::Gone`] where the row is not done.
    pub fn load(root: &Path, id: &str) -> Result<Self, StoreError> {
        let view = RunView::load(root)?;
        let row = view.row(id).and_then(RowView::result);
        row.ok_or_else(|| StoreError::Gone(root.join("prompts").join(id)))
    }
}
