//! Events in the run's log.

use crate::record::{Entry, Event, Listener};

/// Writes events to the log, under the target `event`; progress within a step is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logged;

impl Listener for Logged {
    fn on(&self, entry: &Entry) {
        match &entry.event {
            Event::RunStarted { rows, .. } => {
                tracing::info!(target: "event", rows = rows.len(), "run started");
            }
            Event::RowStarted { id, .. } => tracing::debug!(target: "event", id, "row started"),
            Event::IterationStarted {
                id,
                iteration,
                prompt,
            } => tracing::debug!(target: "event", id, iteration, prompt, "round started"),
            Event::StepStarted { at } => {
                tracing::info!(target: "event", id = at.id, iteration = at.iteration, step = at.step, "step started");
            }
            Event::StepDone {
                at,
                skipped: false,
                seconds,
                summary,
            } => {
                tracing::info!(target: "event", id = at.id, iteration = at.iteration, step = at.step, seconds, summary, "step done");
            }
            Event::StepDone { at, .. } => {
                tracing::debug!(target: "event", id = at.id, iteration = at.iteration, step = at.step, "step was done before");
            }
            Event::Warned { at, message } => {
                tracing::warn!(target: "event", id = at.id, iteration = at.iteration, step = at.step, "{message}");
            }
            Event::RowDone {
                id,
                outcome,
                resumed: false,
                result,
            } => {
                let (outcome, summary) = (outcome.name(), &result.summary);
                tracing::info!(target: "event", id, outcome, summary, "row done");
            }
            Event::RowDone { id, outcome, .. } => {
                let outcome = outcome.name();
                tracing::debug!(target: "event", id, outcome, "row was done before");
            }
            Event::Stopping => tracing::info!(target: "event", "stopping on a signal"),
            Event::RunDone { left, adapters, .. } => {
                for time in adapters {
                    let idle = format!("{:.0} %", 100.0 * time.idle);
                    tracing::info!(target: "event", adapter = time.adapter, busy = time.busy, idle, "adapter");
                }
                tracing::info!(target: "event", left, "run ended");
            }
            Event::Progress { .. } => {}
        }
    }
}
