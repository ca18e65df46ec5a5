//! Bars on a terminal: one for the run, one for each row under way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Eta, line, tell};
use crate::record::{Entry, Event, Listener};
use crate::store::At;

/// Rows whose steps are shown line by line; in a longer batch only what rows came to is.
const FEW_ROWS: usize = 20;
/// Rows under way that have a bar.
const MOST_BARS: usize = 8;

/// Draws bars.
pub struct Bars {
    all: MultiProgress,
    state: Mutex<State>,
}

struct State {
    eta: Eta,
    total: ProgressBar,
    rows: BTreeMap<String, ProgressBar>,
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A row's bar before it has told of progress.
fn begin(bar: &ProgressBar, at: &At, doing: &str) {
    bar.reset();
    bar.set_length(0);
    bar.set_style(style("  {spinner} {prefix} {elapsed}"));
    bar.set_prefix(format!("{} {} {doing}", at.id, at.iteration));
}

impl Default for Bars {
    fn default() -> Self {
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(0));
        total.set_style(style("{bar:24.green} {msg}"));
        Self {
            all,
            state: Mutex::new(State {
                eta: Eta::default(),
                total,
                rows: BTreeMap::new(),
            }),
        }
    }
}

impl Bars {
    fn print(&self, line: &str) {
        self.all.suspend(|| tell(line));
    }
}

impl Listener for Bars {
    fn on(&self, entry: &Entry) {
        let event = &entry.event;
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.eta.on(event, now);
        let few = state.eta.counts()[0] <= FEW_ROWS;
        match event {
            Event::RunStarted { rows, .. } => {
                state.total.set_length(rows.len() as u64);
                state.total.enable_steady_tick(Duration::from_millis(200));
            }
            Event::StepStarted { at } => {
                if !state.rows.contains_key(&at.id) && state.rows.len() < MOST_BARS {
                    let bar = self.all.insert_before(&state.total, ProgressBar::new(0));
                    bar.enable_steady_tick(Duration::from_millis(200));
                    state.rows.insert(at.id.clone(), bar);
                }
                if let Some(bar) = state.rows.get(&at.id) {
                    begin(bar, at, &at.step);
                }
            }
            Event::Progress { at, done, total } => {
                if let Some(bar) = state.rows.get(&at.id) {
                    if bar.length() == Some(0) {
                        bar.set_style(style("  {spinner} {prefix} {bar:24} {pos}/{len} {elapsed}"));
                    }
                    bar.set_prefix(format!("{} {} {}", at.id, at.iteration, at.step));
                    bar.set_length(*total);
                    bar.set_position(*done);
                }
            }
            Event::StepDone { at, .. } => {
                if let Some(bar) = state.rows.get(&at.id) {
                    begin(bar, at, "waits");
                }
            }
            Event::RowDone { id, .. } => {
                if let Some(bar) = state.rows.remove(id) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
            }
            Event::RunDone { .. } => {
                for (_, bar) in std::mem::take(&mut state.rows) {
                    bar.finish_and_clear();
                }
                state.total.finish_and_clear();
                self.print(&state.eta.words(now));
                return;
            }
            _ => {}
        }
        state.total.set_position(state.eta.counts()[1] as u64);
        state.total.set_message(state.eta.words(now));
        let shown = match event {
            Event::StepDone { .. } => few,
            // Told with the row's own bar; a prompt would only fill the screen.
            Event::IterationStarted { .. } => false,
            _ => true,
        };
        if let Some(line) = line(event).filter(|_| shown) {
            self.print(&line);
        }
    }
}
