//! What the walk tells while it works: typed events, and the monitor that stages talk to.

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

/// Something happened in a run.
#[derive(Clone, Debug)]
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
        /// Its place, from 0.
        index: usize,
    },
    /// A round of a row starts.
    IterationStarted {
        /// From 1.
        iteration: u32,
        /// The prompt of this round.
        prompt: &'a str,
    },
    /// A step starts to work.
    StepStarted {
        /// Such as `take-1`, `cameras`, `splats`.
        step: &'a str,
    },
    /// A step goes on.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// A step is done.
    StepDone {
        /// Its name.
        step: &'a str,
        /// It was done in an earlier start of this run.
        skipped: bool,
        /// Seconds that the work took.
        seconds: f64,
        /// What it found, in a few words.
        summary: &'a str,
    },
    /// A person should know.
    Warned {
        /// In words.
        message: &'a str,
    },
    /// A row is done.
    RowDone {
        /// Its id.
        id: &'a str,
        /// `accepted`, `limit`, `refused` or `failed`.
        outcome: &'a str,
        /// One line.
        summary: &'a str,
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
