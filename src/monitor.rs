//! The monitor that stages talk to while they work.

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

/// What a panic said.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}
