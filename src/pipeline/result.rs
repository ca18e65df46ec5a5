//! What a round and a row came to, from what their steps left.

use std::path::Path;

use super::stages::Choice;
use super::{Round, Scored};
use crate::agent::AgentReport;
use crate::camera::Cameras;
use crate::manifest::Prompt;
use crate::record::{IterationResult, Outcome, RowResult, TakeResult};
use crate::revise::{Revision, Verdict};
use crate::splat::FitReport;

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
                reconstructability: None,
                final_rank: None,
            }
        };
        Self {
            iteration: round.iteration,
            prompt: round.prompt.clone(),
            takes: (1..).zip(order).map(take).collect(),
            ..Self::default()
        }
    }

    /// Adds what the takes' cameras promise, and the ranking that they give; `order` is the one by scores.
    pub(super) fn looked(&mut self, choice: &Choice, order: &[usize]) {
        let last = choice.rank(order);
        for (&at, take) in order.iter().zip(&mut self.takes) {
            let looked = choice.looked.iter().find(|(other, _)| *other == at);
            take.reconstructability = looked.map(|(_, value)| value.unwrap_or(0.0));
            // Where there is no world there is no such ranking.
            let place = (1..).zip(&last).find(|(_, other)| **other == at);
            take.final_rank = choice.best.and(place).map(|(rank, _)| rank);
        }
    }

    /// Adds the cameras of the take that becomes the world.
    pub(super) fn solved(&mut self, take: u32, cameras: &Cameras) {
        self.best = Some(take);
        self.registered = Some(cameras.cameras.len());
        self.frames = Some(cameras.frames);
        self.reconstructability = Some(cameras.reconstructability());
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
