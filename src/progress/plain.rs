//! Plain lines, for logs and pipes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::{Eta, line, tell};
use crate::record::{Entry, Event, Listener};

/// Writes a line for what is done.
#[derive(Default)]
pub struct Plain(Mutex<State>);

#[derive(Default)]
struct State {
    eta: Eta,
    // Lines that are shown once their row does work: a resumed row is told of in the sums only.
    held: BTreeMap<String, String>,
}

impl Listener for Plain {
    fn on(&self, entry: &Entry) {
        let event = &entry.event;
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.eta.on(event, now);
        match event {
            Event::IterationStarted { id, .. } => {
                if let Some(line) = line(event) {
                    state.held.insert(id.clone(), line);
                }
                return;
            }
            Event::StepStarted { at } => {
                if let Some(line) = state.held.remove(&at.id) {
                    tell(&line);
                }
            }
            _ => {}
        }
        if let Some(line) = line(event) {
            tell(&line);
        }
        match event {
            Event::RowDone { id, resumed, .. } => {
                state.held.remove(id);
                if !resumed {
                    tell(&state.eta.words(now));
                }
            }
            // Otherwise the last row said it.
            Event::RunDone { .. } if state.eta.counts()[2] > 0 => {
                tell(&state.eta.words(now));
            }
            _ => {}
        }
    }
}
