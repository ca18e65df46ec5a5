//! What stages tell while they work: a monitor that takes progress and says when to stop.

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
