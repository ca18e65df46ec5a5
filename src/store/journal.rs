//! The journal: one JSON object a line, numbered from 1. What is torn or not JSON is no line.

use std::io::BufRead;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Run, Store, StoreError, folder};

/// What every line of a journal begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// When it was written.
    pub time: Timestamp,
}

#[derive(Serialize)]
struct Numbered<'a, T> {
    #[serde(flatten)]
    line: Line,
    #[serde(flatten)]
    document: &'a T,
}

/// A journal that is written.
#[derive(Debug)]
pub struct Journal<'r> {
    store: &'r dyn Store,
    last: Mutex<u64>,
}

impl Run {
    /// The journal, to go on with after the entry of this number.
    pub fn journal(&self, last: u64) -> Journal<'_> {
        Journal {
            store: self.store(),
            last: Mutex::new(last),
        }
    }

    /// The lines of the journal so far.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn lines(&self) -> Result<Lines, StoreError> {
        Ok(Lines(self.store().journal()?))
    }
}

impl Journal<'_> {
    fn last(&self) -> MutexGuard<'_, u64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a document with its number and time, and answers these. `sync` waits until all lines so far are durable.
    ///
    /// # Errors
    /// [`StoreError`]; the number is used up.
    pub fn append(&self, document: &impl Serialize, sync: bool) -> Result<Line, StoreError> {
        // Held while it is written: lines are in the order of their numbers.
        let mut last = self.last();
        *last = last.saturating_add(1);
        let line = Line {
            number: *last,
            time: Timestamp::now(),
        };
        let mut bytes = serde_json::to_vec(&Numbered { line, document })
            .map_err(|e| StoreError::io(Path::new(folder::JOURNAL), e))?;
        bytes.push(b'\n');
        self.store.append(&bytes, sync)?;
        Ok(line)
    }
}

/// The lines of a journal; the last one may be torn, or half written yet.
pub struct Lines(Box<dyn BufRead>);

impl Lines {
    /// Of a run folder, which need not be locked.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn of(root: &Path) -> Result<Self, StoreError> {
        Ok(Self(folder::read_journal(root)?))
    }
}

impl Iterator for Lines {
    type Item = Result<Vec<u8>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match self.0.read_until(b'\n', &mut line) {
            Err(e) => Some(Err(StoreError::io(Path::new(folder::JOURNAL), e))),
            Ok(0) => None,
            Ok(_) => {
                line.pop_if(|end| *end == b'\n');
                Some(Ok(line))
            }
        }
    }
}
