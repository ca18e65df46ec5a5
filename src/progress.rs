//! Progress for people: bars on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::event::{Event, Listener, Monitor};

/// Shows a run's events on standard error.
pub struct Terminal {
    bars: Option<Bars>,
    state: Mutex<State>,
    quiet: bool,
}

struct Bars {
    rows: ProgressBar,
    step: ProgressBar,
    _all: MultiProgress,
}

#[derive(Default)]
struct State {
    row: String,
    iteration: u32,
    // Time spent on rows that did work in this start; resumed rows are left out of the estimate.
    worked: Duration,
    worked_rows: u32,
    row_started: Option<Instant>,
    row_worked: bool,
    rows: usize,
    done: usize,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

fn coloured(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

impl Terminal {
    /// Bars when standard error is a terminal, plain lines otherwise.
    pub fn new(quiet: bool) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let all = MultiProgress::new();
            let style = |template: &str| {
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
            };
            let rows = all.add(ProgressBar::new(0));
            rows.set_style(style("rows {bar:24} {pos}/{len} {msg}"));
            let step = all.add(ProgressBar::new(0));
            step.set_style(style("  {spinner} {prefix} {bar:24} {pos}/{len} {elapsed}"));
            Bars {
                rows,
                step,
                _all: all,
            }
        });
        Self {
            bars,
            state: Mutex::default(),
            quiet,
        }
    }

    fn line(&self, text: &str) {
        if self.quiet {
            return;
        }
        match &self.bars {
            Some(bars) => bars.rows.suspend(|| anstream::eprintln!("{text}")),
            None => anstream::eprintln!("{text}"),
        }
    }
}

impl Listener for Terminal {
    fn on(&self, event: &Event<'_>) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::RunStarted { rows } => {
                state.rows = *rows;
                if let Some(bars) = &self.bars {
                    bars.rows.set_length(*rows as u64);
                    bars.step.enable_steady_tick(Duration::from_millis(200));
                }
            }
            Event::RowStarted { id, index } => {
                state.row = (*id).to_owned();
                state.row_started = Some(Instant::now());
                state.row_worked = false;
                self.line(&format!(
                    "{BOLD}{id}{BOLD:#} {DIM}(row {} of {}){DIM:#}",
                    index + 1,
                    state.rows
                ));
            }
            Event::IterationStarted { iteration, prompt } => {
                state.iteration = *iteration;
                if !prompt.is_empty() {
                    self.line(&format!("  round {iteration}: {prompt}"));
                } else {
                    self.line(&format!("  round {iteration}"));
                }
            }
            Event::StepStarted { step } => {
                state.row_worked = true;
                if let Some(bars) = &self.bars {
                    bars.step.reset();
                    bars.step.set_length(0);
                    bars.step.set_prefix(format!("{} {step}", state.row));
                }
            }
            Event::Progress { done, total } => {
                if let Some(bars) = &self.bars {
                    bars.step.set_length(*total);
                    bars.step.set_position(*done);
                }
            }
            Event::StepDone {
                step,
                skipped,
                seconds,
                summary,
            } => {
                let time = if *skipped {
                    "done before".to_owned()
                } else {
                    format!("{seconds:.1} s")
                };
                self.line(&format!("    {step:<12} {DIM}{time:>11}{DIM:#}  {summary}"));
            }
            Event::Warned { message } => {
                self.line(&format!(
                    "    {}: {message}",
                    coloured("note", AnsiColor::Yellow)
                ));
            }
            Event::RowDone {
                id,
                outcome,
                summary,
            } => {
                state.done += 1;
                if let Some(started) = state.row_started.take()
                    && state.row_worked
                {
                    state.worked += started.elapsed();
                    state.worked_rows += 1;
                }
                let colour = match *outcome {
                    "accepted" => AnsiColor::Green,
                    "failed" => AnsiColor::Red,
                    _ => AnsiColor::Yellow,
                };
                self.line(&format!("  {} {id}: {summary}", coloured(outcome, colour)));
                if let Some(bars) = &self.bars {
                    bars.rows.set_position(state.done as u64);
                    if state.worked_rows > 0 {
                        let left =
                            state.worked / state.worked_rows * (state.rows - state.done) as u32;
                        bars.rows
                            .set_message(format!("about {} left", indicatif::HumanDuration(left)));
                    }
                    if state.done == state.rows {
                        bars.step.finish_and_clear();
                        bars.rows.finish_and_clear();
                    }
                }
            }
        }
    }
}

/// Joins a stage's monitor to a listener and to the stop flag.
pub struct StageMonitor<'a> {
    /// Where progress and warnings go.
    pub listener: &'a dyn Listener,
    /// Set by the first Ctrl-C.
    pub stop: &'a AtomicBool,
}

impl Monitor for StageMonitor<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.listener.on(&Event::Progress { done, total });
    }
    fn warn(&self, message: &str) {
        self.listener.on(&Event::Warned { message });
    }
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A bar for a single-stage command, on a terminal only; warnings are always told unless quiet.
pub struct Single {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Single {
    /// A bar when standard error is a terminal and `quiet` is false.
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("  {bar:32} {pos}/{len} {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, quiet }
    }
}

impl Monitor for Single {
    fn progress(&self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        }
    }
    fn warn(&self, message: &str) {
        if self.quiet {
            return;
        }
        let line = format!("{}: {message}", coloured("note", AnsiColor::Yellow));
        match &self.bar {
            Some(bar) => bar.suspend(|| anstream::eprintln!("{line}")),
            None => anstream::eprintln!("{line}"),
        }
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
