//! One JSON object for each event, for machines: the lines of the journal, and progress between them.

use super::tell;
use crate::record::{Entry, Listener};

/// Writes events as JSON Lines on standard error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Listener for Json {
    fn on(&self, entry: &Entry) {
        if let Ok(line) = serde_json::to_string(entry) {
            tell(&line);
        }
    }
}
