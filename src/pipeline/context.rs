//! What every part of a run shares, and how a step is done in it.

use std::sync::atomic::Ordering;

use super::Config;
use crate::monitor::Monitor;
use crate::record::{Event, Events, StepMonitor, Work};
use crate::store::{At, Begun, Pending, Recipe, Run, Scratch, StepRecord};

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
    pub(super) fn work(
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
    pub(super) fn done(
        &self,
        at: &At,
        record: &StepRecord,
        summary: Option<String>,
        took: &mut Work,
    ) {
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
