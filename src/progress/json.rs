//! One JSON object for each event, for machines.

use serde::Serialize;

use super::tell;
use crate::event::{Event, Listener};

/// Writes events as JSON Lines on standard error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

#[derive(Serialize)]
struct Timed<'a> {
    time: jiff::Timestamp,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Listener for Json {
    fn on(&self, event: &Event<'_>) {
        let time = jiff::Timestamp::now();
        if let Ok(line) = serde_json::to_string(&Timed { time, event }) {
            tell(&line);
        }
    }
}
