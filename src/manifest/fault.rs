//! What is wrong with a manifest, and where: line, column, field, mend.

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
pub(super) fn cut(text: &str) -> String {
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

/// Where the lines of a text start, to find the place of a byte.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        Self {
            text,
            starts: std::iter::once(0).chain(ends.map(|(i, _)| i + 1)).collect(),
        }
    }

    /// Line and character of a byte, both from 1.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&s| s <= byte).max(1);
        let start = self.starts[line - 1];
        (line, character(&self.text[start..], byte - start))
    }
}

/// The character of `line` that starts at or holds `byte`, from 1.
pub(super) fn character(line: &str, byte: usize) -> usize {
    line.char_indices().take_while(|(i, _)| *i < byte).count() + 1
}
