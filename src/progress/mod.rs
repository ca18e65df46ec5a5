//! Progress for people and machines: bars on a terminal, plain lines elsewhere, JSON Lines on request.
//!
//! A run tells [`crate::record::Event`]s; a reporter here turns them into text. [`Reporter`] chooses which one.

pub mod bars;
mod eta;
mod json;
mod log;
pub mod plain;
mod single;

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

pub use eta::Eta;
pub use json::Json;
pub use log::Logged;
pub use single::Single;

use crate::record::{Entry, Event, Listener, Outcome};
use bars::Bars;
use plain::Plain;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes a line on standard error. Where that is full, closed or gone, the work goes on without it.
pub fn tell(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// How progress and logs are written on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Shows a run's events on standard error.
pub enum Reporter {
    /// Nothing but errors.
    Quiet,
    /// Bars that are drawn anew.
    Bars(Box<Bars>),
    /// A line for what is done.
    Plain(Plain),
    /// A JSON object for each event.
    Json(Json),
}

impl Reporter {
    /// Bars when standard error is a terminal, plain lines otherwise.
    pub fn new(quiet: bool, format: LogFormat) -> Self {
        match (format, quiet, std::io::stderr().is_terminal()) {
            (LogFormat::Json, ..) => Self::Json(Json),
            (_, true, _) => Self::Quiet,
            (_, _, true) => Self::Bars(Box::default()),
            _ => Self::Plain(Plain::default()),
        }
    }
}

impl Listener for Reporter {
    fn on(&self, entry: &Entry) {
        match self {
            Self::Quiet => {}
            Self::Bars(bars) => bars.on(entry),
            Self::Plain(plain) => plain.on(entry),
            Self::Json(json) => json.on(entry),
        }
    }
}

fn coloured(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

fn shown(outcome: Outcome) -> String {
    let colour = match outcome {
        Outcome::Accepted => AnsiColor::Green,
        Outcome::Failed => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    coloured(outcome.name(), colour)
}

/// The line of an event that a person should see, indented under its row; `None` for the others.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::IterationStarted {
            id,
            iteration,
            prompt,
        } => match prompt.is_empty() {
            true => format!("{BOLD}{id}{BOLD:#} {iteration}  starts"),
            false => format!("{BOLD}{id}{BOLD:#} {iteration}  {prompt}"),
        },
        Event::StepDone {
            at,
            skipped: false,
            seconds,
            summary,
        } => format!(
            "{DIM}{} {}{DIM:#}  {:<10} {DIM}{seconds:>7.1} s{DIM:#}  {summary}",
            at.id, at.iteration, at.step
        ),
        Event::Warned { at, message } => format!(
            "{DIM}{} {}{DIM:#}  {:<10} {}: {message}",
            at.id,
            at.iteration,
            at.step,
            coloured("note", AnsiColor::Yellow)
        ),
        Event::RowDone {
            id,
            outcome,
            resumed: false,
            result,
        } => format!(
            "{BOLD}{id}{BOLD:#}  {}: {}",
            shown(*outcome),
            result.summary
        ),
        Event::Stopping => coloured(
            "stopping: what is under way is saved; once more leaves at once",
            AnsiColor::Yellow,
        ),
        _ => return None,
    })
}
