//! Events: what a run tells while it works. Numbered and written down they are its journal; terminal, log, JSON and
//! [`super::RunView`] are its readers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Outcome, RowResult, RunView};
use crate::monitor::{Monitor, Silent};
use crate::store::{At, Journal, Run, StoreError};

/// Something happened in a run. Steps of several rows are under way at once, so each event names its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run starts.
    RunStarted {
        /// Ids of its rows, in the manifest's order.
        rows: Vec<String>,
        /// Absolute path of the folder that the manifest lies in.
        folder: PathBuf,
        /// The program's version.
        version: String,
        /// [`crate::store::FORMAT`].
        format: u32,
    },
    /// A row starts.
    RowStarted {
        /// Its id.
        id: String,
        /// Its place in the order of work, from 0.
        index: usize,
    },
    /// A round of a row starts.
    IterationStarted {
        /// The row's id.
        id: String,
        /// From 1.
        iteration: u32,
        /// The prompt of this round.
        prompt: String,
    },
    /// A step starts to work.
    StepStarted {
        /// Which.
        #[serde(flatten)]
        at: At,
    },
    /// A step goes on.
    Progress {
        /// Which.
        #[serde(flatten)]
        at: At,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// A step is done.
    StepDone {
        /// Which.
        #[serde(flatten)]
        at: At,
        /// It was done in an earlier start of this run.
        skipped: bool,
        /// Seconds that the work took.
        seconds: f64,
        /// What it found, in a few words; empty when it was skipped.
        summary: String,
    },
    /// A person should know.
    Warned {
        /// Where.
        #[serde(flatten)]
        at: At,
        /// In words.
        message: String,
    },
    /// A row is done.
    RowDone {
        /// Its id.
        id: String,
        /// How it ended.
        outcome: Outcome,
        /// All of it was done in earlier starts of this run.
        resumed: bool,
        /// All that is known of it.
        result: Box<RowResult>,
    },
    /// A signal came: what is under way is saved, nothing new is started.
    Stopping,
    /// The run ends.
    RunDone {
        /// Rows left, after a signal.
        left: usize,
        /// Rows that failed.
        failed: usize,
        /// What each adapter did in this time.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        adapters: Vec<AdapterTime>,
    },
}

/// How much of a run an adapter had something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterTime {
    /// As it was chosen.
    pub adapter: String,
    /// Seconds in which any of its lanes worked.
    pub busy: f64,
    /// Share of the time from its first piece of work to the end of its last in which none did.
    pub idle: f64,
}

impl Event {
    /// Whether the journal keeps it: not what only goes on, and not what an earlier start has told already.
    fn is_kept(&self) -> bool {
        match self {
            Self::Progress { .. } => false,
            Self::StepDone { skipped, .. } => !skipped,
            _ => true,
        }
    }

    /// Whether what it tells must outlive a power cut.
    fn is_synced(&self) -> bool {
        matches!(
            self,
            Self::RunStarted { .. } | Self::RowDone { .. } | Self::Stopping | Self::RunDone { .. }
        )
    }
}

/// An event, when it was, and its number in the journal if it is kept there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1; none for what the journal does not keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// When.
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Reads events as they come.
pub trait Listener: Sync {
    /// Called for each event, from the thread that works.
    fn on(&self, entry: &Entry);
}

impl Listener for Silent {
    fn on(&self, _: &Entry) {}
}

/// Passes each event on to several listeners.
pub struct Both<'a>(pub &'a dyn Listener, pub &'a dyn Listener);

impl Listener for Both<'_> {
    fn on(&self, entry: &Entry) {
        self.0.on(entry);
        self.1.on(entry);
    }
}

/// Where a run's events go: into its journal first, then to who listens.
pub struct Events<'e> {
    journal: Option<Journal<'e>>,
    before: RunView,
    listener: &'e dyn Listener,
    stop: &'e AtomicBool,
    fault: Mutex<Option<StoreError>>,
    /// Rows of which the journal has a step that began in this start.
    touched: Mutex<BTreeSet<String>>,
}

impl<'e> Events<'e> {
    /// Goes on with the journal of a run. `stop` is set when it cannot be written any more.
    ///
    /// # Errors
    /// As [`RunView::of`].
    pub fn open(
        run: &'e Run,
        listener: &'e dyn Listener,
        stop: &'e AtomicBool,
    ) -> Result<Self, StoreError> {
        let before = RunView::of(run.root(), run.lines()?)?;
        Ok(Self {
            journal: Some(run.journal(before.last)),
            before,
            listener,
            stop,
            fault: Mutex::new(None),
            touched: Mutex::default(),
        })
    }

    /// Events of work outside a run, which nobody keeps.
    pub fn unkept(listener: &'e dyn Listener, stop: &'e AtomicBool) -> Self {
        Self {
            journal: None,
            before: RunView::default(),
            listener,
            stop,
            fault: Mutex::new(None),
            touched: Mutex::default(),
        }
    }

    /// Whether a step of this row began in this start, as the journal has it.
    pub fn touched(&self, id: &str) -> bool {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.contains(id)
    }

    /// The run as it was before this start.
    pub fn before(&self) -> &RunView {
        &self.before
    }

    /// Set by the first Ctrl-C, and when nothing can be written any more.
    pub fn stop(&self) -> &'e AtomicBool {
        self.stop
    }

    /// Tells of an event.
    pub fn tell(&self, event: Event) {
        self.pass(event, true);
    }

    /// Tells who listens, of what the journal has already.
    pub fn tell_again(&self, event: Event) {
        self.pass(event, false);
    }

    fn pass(&self, event: Event, keep: bool) {
        if let Event::StepStarted { at } = &event {
            let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
            touched.insert(at.id.clone());
        }
        let mut entry = Entry {
            number: None,
            time: Timestamp::now(),
            event,
        };
        if let Some(journal) = self
            .journal
            .as_ref()
            .filter(|_| keep && entry.event.is_kept())
        {
            match journal.append(&entry.event, entry.event.is_synced()) {
                Ok(line) => (entry.number, entry.time) = (Some(line.number), line.time),
                Err(error) => {
                    self.stop.store(true, Ordering::Relaxed);
                    let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                    fault.get_or_insert(error);
                }
            }
        }
        self.listener.on(&entry);
    }

    /// Why the journal could not be written, once.
    pub fn fault(&self) -> Option<StoreError> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.take()
    }
}

/// Joins a stage's monitor to the events and a step.
pub struct StepMonitor<'a> {
    /// Where progress and warnings go.
    pub events: &'a Events<'a>,
    /// The step that is told of.
    pub at: At,
}

impl Monitor for StepMonitor<'_> {
    fn progress(&self, done: u64, total: u64) {
        let at = self.at.clone();
        self.events.tell(Event::Progress { at, done, total });
    }
    fn warn(&self, message: &str) {
        let (at, message) = (self.at.clone(), message.to_owned());
        self.events.tell(Event::Warned { at, message });
    }
    fn stopped(&self) -> bool {
        self.events.stop.load(Ordering::Relaxed)
    }
}
