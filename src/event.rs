//! What the walk tells while it works: typed events, and the monitor that stages talk to.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// Listens to a stage. Implementations are cheap; stages may call them from any thread.
pub trait Monitor: Sync {
    /// `done` of `total` units of the stage's own kind (frames, steps, ...).
    fn progress(&self, _done: u64, _total: u64) {}
    /// Something a person should know; the stage goes on.
    fn warn(&self, message: &str) {
        tracing::warn!("{message}");
    }
    /// True once the stage should return its `Interrupted` error as soon as it can.
    fn stopped(&self) -> bool {
        false
    }
}

/// Listens to nothing and never stops a stage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {}

/// Which step of which round of which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct At<'a> {
    /// The row's id.
    pub id: &'a str,
    /// The round, from 1.
    pub iteration: u32,
    /// Such as `take-1`, `cameras-1`, `splats`.
    pub step: &'a str,
}

/// Something happened in a run. Steps of several rows are under way at once, so each event names its place.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The run starts.
    RunStarted {
        /// Rows in it.
        rows: usize,
    },
    /// A row starts.
    RowStarted {
        /// Its id.
        id: &'a str,
        /// Its place in the order of work, from 0.
        index: usize,
    },
    /// A round of a row starts.
    IterationStarted {
        /// The row's id.
        id: &'a str,
        /// From 1.
        iteration: u32,
        /// The prompt of this round.
        prompt: &'a str,
    },
    /// A step starts to work.
    StepStarted {
        /// Which.
        #[serde(flatten)]
        at: At<'a>,
    },
    /// A step goes on.
    Progress {
        /// Which.
        #[serde(flatten)]
        at: At<'a>,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// A step is done.
    StepDone {
        /// Which.
        #[serde(flatten)]
        at: At<'a>,
        /// It was done in an earlier start of this run.
        skipped: bool,
        /// Seconds that the work took.
        seconds: f64,
        /// What it found, in a few words; empty when it was skipped.
        summary: &'a str,
    },
    /// A person should know.
    Warned {
        /// Where.
        #[serde(flatten)]
        at: At<'a>,
        /// In words.
        message: &'a str,
    },
    /// A row is done.
    RowDone {
        /// Its id.
        id: &'a str,
        /// `accepted`, `limit`, `refused` or `failed`.
        outcome: &'a str,
        /// All of it was done in earlier starts of this run.
        resumed: bool,
        /// One line.
        summary: &'a str,
    },
    /// A signal came: what is under way is saved, nothing new is started.
    Stopping,
    /// The run ends.
    RunDone {
        /// Rows left, after a signal.
        left: usize,
    },
}

/// Consumes events.
pub trait Listener: Sync {
    /// Called for each event, from the thread that works.
    fn on(&self, event: &Event<'_>);
}

impl Listener for Silent {
    fn on(&self, _: &Event<'_>) {}
}

/// Passes each event on to several listeners.
pub struct Both<'a>(pub &'a dyn Listener, pub &'a dyn Listener);

impl Listener for Both<'_> {
    fn on(&self, event: &Event<'_>) {
        self.0.on(event);
        self.1.on(event);
    }
}

/// Joins a stage's monitor to a listener, a place and the stop flag.
pub struct StageMonitor<'a> {
    /// Where progress and warnings go.
    pub listener: &'a dyn Listener,
    /// The step that is told of.
    pub at: At<'a>,
    /// Set by the first Ctrl-C.
    pub stop: &'a AtomicBool,
}

impl Monitor for StageMonitor<'_> {
    fn progress(&self, done: u64, total: u64) {
        let at = self.at;
        self.listener.on(&Event::Progress { at, done, total });
    }
    fn warn(&self, message: &str) {
        let at = self.at;
        self.listener.on(&Event::Warned { at, message });
    }
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What a panic said.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}
