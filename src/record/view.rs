//! How far a run is and what it found: the fold of its journal. Nothing else is read for `status`, `results` and
//! reports.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entry, Event, Outcome, RowResult};
use crate::store::{FORMAT, JOURNAL, Lines, StoreError, known_format};

/// A run as its journal tells it.
#[derive(Debug, Default)]
pub struct RunView {
    /// Number of the last entry.
    pub last: u64,
    /// When it was last started.
    pub started: Option<Timestamp>,
    /// Times it was started.
    pub starts: u32,
    /// When it ended, if that was not cut short.
    pub ended: Option<Timestamp>,
    /// Work by step (without the number of its take), over all starts.
    pub steps: BTreeMap<String, StepSum>,
    /// Rows that were left when it ended.
    pub left: usize,
    /// The folder that the manifest lies in, from which its rows name files.
    pub folder: Option<PathBuf>,
    /// Its rows, in the manifest's order.
    rows: Vec<RowView>,
    /// Rows of earlier manifests, which this one does not have.
    others: HashMap<String, RowView>,
    places: HashMap<String, usize>,
}

/// How often a kind of step was done, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepSum {
    /// Times.
    pub count: u64,
    /// Seconds.
    pub seconds: f64,
}

/// A step under way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doing {
    /// The round.
    pub iteration: u32,
    /// The step.
    pub step: String,
    /// Since when.
    pub since: Timestamp,
}

/// One row of a run.
#[derive(Clone, Debug, Default)]
pub struct RowView {
    /// Its id.
    pub id: String,
    /// Steps under way.
    pub doing: Vec<Doing>,
    /// Its round under way.
    pub iteration: Option<u32>,
    /// How it ended, and when.
    pub done: Option<(Outcome, Timestamp)>,
    /// It was done, and is being made again.
    pub again: bool,
    /// Times it failed in a row.
    pub attempts: u32,
    // As JSON: a run may have many rows, and few are looked at at once.
    result: Box<str>,
}

impl RowView {
    /// What it came to, also while it is being made again; none until it was done once.
    pub fn result(&self) -> Option<RowResult> {
        serde_json::from_str(&self.result).ok()
    }

    /// Whether it came to this before, and is not being made again.
    pub fn is(&self, result: &RowResult) -> bool {
        let same = || serde_json::to_string(result).is_ok_and(|text| *self.result == *text);
        self.done.is_some() && same()
    }
}

impl RunView {
    /// The view of a run folder, which need not be locked.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no run, [`StoreError::Older`] or [`StoreError::Newer`] where another
    /// version made it.
    pub fn load(root: &Path) -> Result<Self, StoreError> {
        let settings = root.join("run.toml");
        if !settings.exists() {
            return Err(StoreError::Missing(root.to_owned()));
        }
        known_format(root)?;
        let view = Self::of(root, Lines::of(root)?)?;
        if view.started.is_none() && root.join("prompts").exists() {
            tracing::warn!(
                "{}: the journal is missing, or its start; run the same command again, and what rows came to is told again",
                root.join(JOURNAL).display()
            );
        }
        Ok(view)
    }

    /// The view of a journal's lines; `root` is for words.
    ///
    /// # Errors
    /// [`StoreError::Newer`], and what reading says.
    pub fn of(root: &Path, lines: Lines) -> Result<Self, StoreError> {
        let mut view = Self::default();
        let (mut at, mut torn) = (0, Vec::new());
        for line in lines {
            let line = line?;
            at += 1;
            match serde_json::from_slice::<Entry>(&line) {
                Ok(entry) => {
                    // A start tells again what the journal lacks.
                    if matches!(entry.event, Event::RunDone { .. }) {
                        torn.clear();
                    }
                    view.fold(entry, root)?;
                }
                Err(error) => {
                    let whole = view.unknown(root, &line, &error)?;
                    torn.extend((!whole && !line.is_empty()).then_some(at));
                }
            }
        }
        // The last one may be half written yet.
        torn.retain(|line| *line < at);
        if let Some(line) = torn.first() {
            tracing::warn!(
                "{}: line {line} cannot be read and is left out; run the same command again to have what rows came to told again",
                root.join(JOURNAL).display()
            );
        }
        Ok(view)
    }

    /// Its rows, in the manifest's order.
    pub fn rows(&self) -> &[RowView] {
        &self.rows
    }

    /// A row.
    pub fn row(&self, id: &str) -> Option<&RowView> {
        self.places.get(id).map(|&place| &self.rows[place])
    }

    /// Whether a row is done.
    pub fn is_done(&self, id: &str) -> bool {
        self.row(id).is_some_and(|row| row.done.is_some())
    }

    /// What the rows that are done came to, one at a time.
    pub fn results(&self) -> impl Iterator<Item = RowResult> {
        let done = self.rows.iter().filter(|row| row.done.is_some());
        done.filter_map(RowView::result)
    }

    /// Whether a start is under way, or was cut short.
    pub fn is_open(&self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }

    /// A line that is no entry of this program: a newer one's is refused, one that is torn or altered is left out;
    /// whether it is a whole line at all.
    fn unknown(
        &mut self,
        root: &Path,
        line: &[u8],
        error: &serde_json::Error,
    ) -> Result<bool, StoreError> {
        #[derive(Deserialize)]
        struct Peek {
            number: u64,
            event: String,
            #[serde(default)]
            format: u32,
        }
        match serde_json::from_slice::<Peek>(line) {
            Ok(Peek { number, event, .. }) if !KNOWN.contains(&event.as_str()) => {
                Err(StoreError::Future {
                    path: root.join(JOURNAL),
                    entry: number,
                    event,
                })
            }
            Ok(Peek { format, .. }) if format > FORMAT => Err(StoreError::Newer {
                path: root.join(JOURNAL),
                found: format,
            }),
            // Its number stays used.
            Ok(Peek { number, .. }) => {
                tracing::warn!(
                    "{}: entry {number} was altered and is left out: {error}",
                    root.join(JOURNAL).display()
                );
                self.last = self.last.max(number);
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    /// Takes notice of an entry.
    fn fold(&mut self, entry: Entry, root: &Path) -> Result<(), StoreError> {
        self.last = self.last.max(entry.number.unwrap_or(0));
        let time = entry.time;
        match entry.event {
            Event::RunStarted {
                rows,
                format,
                folder,
                ..
            } => {
                if format > FORMAT {
                    let path = root.join(JOURNAL);
                    return Err(StoreError::Newer {
                        path,
                        found: format,
                    });
                }
                self.folder = Some(folder);
                self.start(rows, time);
            }
            Event::RowStarted { id, .. } => {
                self.change(&id, |row| row.doing.clear());
            }
            Event::IterationStarted { id, iteration, .. } => {
                self.change(&id, |row| row.iteration = Some(iteration));
            }
            Event::StepStarted { at } => self.change(&at.id, |row| {
                row.iteration = Some(at.iteration);
                // What it came to before is no longer what it has.
                row.again |= row.done.take().is_some();
                row.doing.retain(|doing| doing.step != at.step);
                row.doing.push(Doing {
                    iteration: at.iteration,
                    step: at.step.clone(),
                    since: time,
                });
            }),
            Event::StepDone { at, seconds, .. } => {
                let sum = self.steps.entry(kind(&at.step).to_owned()).or_default();
                sum.count += 1;
                sum.seconds += seconds;
                self.change(&at.id, |row| row.doing.retain(|d| d.step != at.step));
            }
            Event::RowDone {
                id,
                outcome,
                result,
                ..
            } => self.change(&id, |row| {
                row.done = Some((outcome, time));
                row.again = false;
                row.attempts = result.failure.as_ref().map_or(0, |f| f.attempts);
                row.result = serde_json::to_string(&result).unwrap_or_default().into();
                (row.iteration, row.doing) = (None, Vec::new());
            }),
            Event::RunDone { left, .. } => {
                self.ended = Some(time);
                self.left = left;
                self.rows.iter_mut().for_each(|row| row.doing.clear());
            }
            Event::Progress { .. } | Event::Warned { .. } | Event::Stopping => {}
        }
        Ok(())
    }

    fn start(&mut self, ids: Vec<String>, time: Timestamp) {
        self.starts += 1;
        (self.started, self.ended, self.left) = (Some(time), None, 0);
        let before = std::mem::take(&mut self.rows).into_iter();
        self.others.extend(before.map(|row| (row.id.clone(), row)));
        self.places.clear();
        for id in ids {
            let mut row = self.others.remove(&id).unwrap_or_default();
            (row.iteration, row.doing) = (None, Vec::new());
            row.id.clone_from(&id);
            self.places.insert(id, self.rows.len());
            self.rows.push(row);
        }
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut RowView)) {
        match self.places.get(id) {
            Some(&place) => change(&mut self.rows[place]),
            None => change(self.others.entry(id.to_owned()).or_default()),
        }
    }
}

/// A step's name without the number of its take.
fn kind(step: &str) -> &str {
    let name = step.trim_end_matches(|c: char| c.is_ascii_digit());
    name.strip_suffix('-').unwrap_or(step)
}

/// Names of the events.
const KNOWN: [&str; 10] = [
    "run_started",
    "row_started",
    "iteration_started",
    "step_started",
    "progress",
    "step_done",
    "warned",
    "row_done",
    "stopping",
    "run_done",
];
