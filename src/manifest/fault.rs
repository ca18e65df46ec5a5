//! What is wrong with a manifest, and where: line, column, field, mend.

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;

/// One fault of a manifest, or a warning of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Line, 1-based: the field's own where it is known, else the row's first.
    pub line: usize,
    /// In CSV the field's number in its row; in JSON Lines and TOML the character of the line where the value
    /// starts. 1-based.
    pub column: Option<usize>,
    /// Column name; empty when the whole line is meant.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Where a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// As [`field@Fault::line`].
    pub line: usize,
    /// As [`Fault::column`].
    pub column: Option<usize>,
}

impl Fault {
    /// A fault of a whole line.
    pub(super) fn line(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match (self.column, self.field.as_str()) {
            (Some(column), "") => write!(f, ", column {column}")?,
            (Some(column), field) => write!(f, ", column {column} ({})", cut(field))?,
            (None, "") => {}
            (None, field) => write!(f, ", {}", cut(field))?,
        }
        write!(f, ": {}", self.message)
    }
}

/// Why a manifest could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It could not be read.
    #[error("{path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words and the mend.
        reason: String,
    },
    /// Its rows have faults.
    #[error("{path}: {} fault(s)\n{}", faults.len(), faults.iter().map(|f| format!("  {f}")).collect::<Vec<_>>().join("\n"))]
    Faults {
        /// The file.
        path: PathBuf,
        /// All of them, in line order.
        faults: Vec<Fault>,
    },
}

/// Characters of a value that a message shows.
const SHOWN: usize = 40;

/// A value as a message shows it: the first 40 characters, control characters escaped.
pub(crate) fn cut(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        match c {
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    let length = text.chars().count();
    if length > SHOWN {
        shown += &format!("... ({length} characters)");
    }
    shown
}

/// Bytes between two places that [`Lines`] keeps.
const BLOCK: usize = 1024;

/// Finds the place of a byte of a text.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// The place of the first byte of each block.
    blocks: Vec<(usize, usize)>,
    /// The byte that was asked for last, and its place: most ask for one a little after it.
    last: Cell<(usize, (usize, usize))>,
}

/// The place of the byte after `byte`.
fn step((line, character): (usize, usize), byte: u8) -> (usize, usize) {
    match byte {
        b'\n' => (line + 1, 1),
        // A character counts at its first byte.
        0x80..0xC0 => (line, character),
        _ => (line, character + 1),
    }
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut blocks = vec![(1, 1)];
        for block in text.as_bytes().chunks_exact(BLOCK) {
            let from = blocks.last().copied().unwrap_or((1, 1));
            blocks.push(block.iter().copied().fold(from, step));
        }
        Self {
            text,
            blocks,
            last: Cell::new((0, (1, 1))),
        }
    }

    /// Line and character of a byte, both from 1.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        let byte = byte.min(self.text.len());
        let block = byte / BLOCK;
        let (start, from) = match self.last.get() {
            (last, place) if (block * BLOCK..=byte).contains(&last) => (last, place),
            _ => (block * BLOCK, self.blocks[block]),
        };
        let rest = &self.text.as_bytes()[start..byte];
        let place = rest.iter().copied().fold(from, step);
        self.last.set((byte, place));
        place
    }
}

/// The character of `line` that starts at or holds `byte`, from 1.
pub(super) fn character(line: &str, byte: usize) -> usize {
    line.char_indices().take_while(|(i, _)| *i < byte).count() + 1
}
