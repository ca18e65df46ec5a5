//! A row as its file has it, before it is understood: what every format is read into.

use std::path::Path;

use super::Fault;

/// The columns that this program knows.
pub const COLUMNS: [&str; 14] = [
    "prompt",
    "id",
    "takes",
    "seconds",
    "size",
    "fps",
    "seed",
    "provider",
    "model",
    "video",
    "reference_image",
    "iterations",
    "priority",
    "tags",
];

/// How a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header, then one record a row; fields in quotes may hold commas, quotes (doubled) and line ends.
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// One `[[prompt]]` table a row.
    Toml,
}

impl Format {
    /// By the file's ending: `.jsonl` and `.ndjson`, `.toml`; everything else is CSV.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Self::JsonLines,
            "toml" => Self::Toml,
            _ => Self::Csv,
        }
    }

    /// The usual ending, without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Toml => "toml",
        }
    }
}

/// What a value is.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// Text, or a number as it is written.
    Text,
    /// Texts and numbers.
    List(Vec<String>),
    /// Something that no known column takes, in words.
    Other(&'static str),
}

/// One value of a row.
#[derive(Debug)]
pub(super) struct Cell {
    pub name: String,
    pub line: usize,
    pub column: Option<usize>,
    /// The value as text, whatever its kind.
    pub text: String,
    pub kind: Kind,
}

impl Cell {
    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            line: self.line,
            column: self.column,
            field: self.name.clone(),
            message: message.into(),
        }
    }
}

/// One row.
#[derive(Debug)]
pub(super) struct Raw {
    pub line: usize,
    pub cells: Vec<Cell>,
}

/// A file's rows and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub rows: Vec<Raw>,
    pub faults: Vec<Fault>,
}

/// A column's name as this program spells it: known ones in lower case, others as they are.
pub(super) fn canonical(name: &str) -> String {
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    if COLUMNS.contains(&lower.as_str()) {
        lower
    } else {
        name.to_owned()
    }
}

/// The known column that an unknown name is one slip away from.
pub(super) fn near_miss(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    // A name that is not close in length is not close, and measuring a long one is slow.
    let length = lower.chars().count();
    if length <= 3 || length > 20 {
        return None;
    }
    COLUMNS
        .into_iter()
        .find(|known| strsim::damerau_levenshtein(known, &lower) == 1)
}
