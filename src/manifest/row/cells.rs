//! The cells of a row, by the column: their texts and numbers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::number::{Not, Read};
use super::spreadsheet::{self, is_error, is_gap};
use crate::manifest::Fault;
use crate::manifest::fault::cut;
use crate::manifest::raw::{Cell, Kind, unseen};
use crate::manifest::told::Told;

/// Longest prompt in characters.
const PROMPT: usize = 32_000;
/// Longest other cell in bytes.
const CELL: usize = 64 << 10;
/// Columns whose values are single words: what cannot be seen around them is not meant.
const WORDS: [&str; 9] = [
    "id",
    "takes",
    "seconds",
    "size",
    "fps",
    "seed",
    "provider",
    "iterations",
    "priority",
];

/// The cells of a row that were not asked for yet, and the faults so far.
pub(super) struct Reader<'f> {
    pub line: usize,
    pub cells: BTreeMap<String, Cell>,
    pub faults: &'f mut Vec<Fault>,
    pub told: &'f mut Told,
}

impl Reader<'_> {
    /// A known column's cell with something in it that it can be read from.
    pub(super) fn cell(&mut self, name: &str) -> Option<Cell> {
        let mut cell = self.cells.remove(name)?;
        cell.text = cell.text.trim().to_owned();
        if let Kind::Other(what) = cell.kind {
            let message = format!("'{}' is {what}; write a text or a number", cut(&cell.text));
            self.faults.push(cell.fault(message));
            return None;
        }
        if cell.text.contains('\0') || cell.text.contains("\\u0000") && cell.kind != Kind::Text {
            self.faults.push(cell.fault("holds a NUL byte; remove it"));
            return None;
        }
        if name == "prompt" && cell.text.chars().count() > PROMPT {
            self.faults.push(cell.fault(format!(
                "'{}' is longer than 32,000 characters; shorten it",
                cut(&cell.text)
            )));
            return None;
        }
        if name != "prompt" && cell.text.len() > CELL {
            self.faults.push(cell.fault(too_long(&cell.text)));
            return None;
        }
        if WORDS.contains(&name) {
            self.bare(&mut cell);
        }
        if is_error(&cell.text) {
            let message = format!(
                "'{}' is a formula that failed; write what is meant in its place",
                cell.text
            );
            self.faults.push(cell.fault(message));
            return None;
        }
        if name != "prompt" && is_gap(&cell.text) {
            self.gap(&cell);
            return None;
        }
        (!cell.text.is_empty()).then_some(cell)
    }

    /// Takes away what is no part of a word.
    pub(super) fn bare(&mut self, cell: &mut Cell) {
        let seen = cell.text.trim_matches(unseen);
        let unmarked = spreadsheet::unmarked(seen);
        if let Some(text) = unmarked {
            let message = format!(
                "'{}' is read as '{}', as spreadsheets mark a text; write it so to be sure",
                cut(&cell.text),
                cut(text)
            );
            self.told.tell("mark", cell.fault(message));
        }
        let bare = unmarked.unwrap_or(seen);
        if bare.len() < cell.text.len() {
            cell.text = bare.to_owned();
        }
    }

    /// Tells that a cell is read as empty.
    pub(super) fn gap(&mut self, cell: &Cell) {
        let message = format!(
            "'{}' is how table programs write an empty cell, and is read as one; empty the cell to be sure",
            cell.text
        );
        self.told.tell("gap", cell.fault(message));
    }

    /// A known column's text.
    pub(super) fn text(&mut self, name: &str) -> Option<Cell> {
        let cell = self.cell(name)?;
        if matches!(cell.kind, Kind::List(_)) {
            let message = format!("'{}' is a list; write one text", cut(&cell.text));
            self.faults.push(cell.fault(message));
            return None;
        }
        Some(cell)
    }

    /// A known column's number in `range`, as `read` reads it.
    pub(super) fn number<T: PartialOrd>(
        &mut self,
        name: &str,
        range: RangeInclusive<T>,
        want: &str,
        read: fn(&str) -> Result<Read<T>, Not>,
    ) -> Option<T> {
        let cell = self.text(name)?;
        let shown = cut(&cell.text);
        let message = match read(&cell.text) {
            Ok(Read { value, told }) if range.contains(&value) => {
                if let Some((kind, words)) = told {
                    self.told
                        .tell(kind, cell.fault(format!("'{shown}' {words}")));
                }
                return Some(value);
            }
            Ok(_) | Err(Not::Number) => {
                format!("'{shown}' is not {want}; write one, or leave it out for the run's own")
            }
            Err(Not::Plain(mend)) => format!("'{shown}' is not {want}; {mend}"),
            Err(Not::Exact) => format!(
                "'{shown}' may have lost digits, as spreadsheets and floats round; write all of them, as text"
            ),
        };
        self.faults.push(cell.fault(message));
        None
    }

    /// The elements of a text that a program wrote a list as, which is told.
    pub(super) fn list(&mut self, cell: &Cell) -> Option<Vec<String>> {
        let list = spreadsheet::list(&cell.text)?;
        let message = format!(
            "'{}' is read as a list; write its elements alone to be sure",
            cut(&cell.text)
        );
        self.told.tell("list", cell.fault(message));
        Some(list)
    }

    /// What is left: columns that this program does not know.
    pub(super) fn extra(&mut self) -> BTreeMap<String, String> {
        let mut extra = BTreeMap::new();
        for (name, cell) in std::mem::take(&mut self.cells) {
            if cell.text.len() > CELL {
                self.faults.push(cell.fault(too_long(&cell.text)));
            } else {
                extra.insert(name, cell.text);
            }
        }
        extra
    }
}

fn too_long(text: &str) -> String {
    format!(
        "'{}' is longer than {} KiB; shorten it",
        cut(text),
        CELL >> 10
    )
}
