//! A row as its file has it, before it is understood: what every format is read into.

use std::path::Path;

use super::Fault;
use super::told::Told;

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
    /// The same with tabs between the fields.
    Tsv,
    /// JSON objects, one a line or however they are laid out, or one array of them.
    JsonLines,
    /// One `[[prompt]]` table a row.
    Toml,
}

impl Format {
    /// By the file's ending: `.jsonl`, `.ndjson` and `.json`, `.toml`, `.tsv` and `.tab`; everything else is CSV.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Self::JsonLines,
            "toml" => Self::Toml,
            "tsv" | "tab" => Self::Tsv,
            _ => Self::Csv,
        }
    }

    /// The usual ending, without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
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
    pub told: Told,
}

/// Whether a character shows nothing: blanks of all kinds, and the marks that web pages and editors leave in texts.
pub(super) fn unseen(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A column's name as this program spells it: known ones in lower case, with an underscore for blanks and hyphens,
/// and without quotes around them; others as they are.
pub(super) fn canonical(name: &str) -> String {
    let name = name.trim();
    // Most names are spelled as they are known: JSON has them in every row.
    if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return name.to_owned();
    }
    let quote = |c: char| unseen(c) || "\"'\u{201c}\u{201d}\u{201e}\u{2018}\u{2019}".contains(c);
    let words = name.trim_matches(quote);
    // No known name is longer, and a long one would be copied for nothing.
    if words.len() < 64 {
        let parts = words.split(|c: char| unseen(c) || c == '-' || c == '_');
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        let spelled = parts.join("_").to_ascii_lowercase();
        if COLUMNS.contains(&spelled.as_str()) {
            return spelled;
        }
    }
    name.to_owned()
}

/// Words for settings that have another name here.
const SYNONYMS: [(&str, &str); 8] = [
    ("take", "takes"),
    ("seeds", "seed"),
    ("second", "seconds"),
    ("duration", "seconds"),
    ("resolution", "size"),
    ("framerate", "fps"),
    ("rate", "fps"),
    ("iteration", "iterations"),
];

/// Settings that another name probably means, where one of its words is theirs.
const SETTINGS: [&str; 6] = ["takes", "seconds", "size", "fps", "seed", "iterations"];

/// The known column that an unknown name is one slip away from, or that one of its words means and that is not
/// `present`.
pub(super) fn near_miss(name: &str, present: impl Fn(&str) -> bool) -> Option<&'static str> {
    let lower = name.to_lowercase();
    // A name that is not close in length is not close, and measuring a long one is slow.
    let length = lower.chars().count();
    if length <= 3 || length > 20 {
        return None;
    }
    let slip = COLUMNS
        .into_iter()
        .find(|known| strsim::damerau_levenshtein(known, &lower) == 1);
    slip.or_else(|| {
        let words = lower.split(|c: char| !c.is_alphanumeric());
        let mut known = words.filter_map(|word| {
            let synonym = SYNONYMS.iter().find(|(other, _)| *other == word);
            let same = || SETTINGS.into_iter().find(|known| *known == word);
            synonym.map(|(_, known)| *known).or_else(same)
        });
        known.find(|known| !present(known))
    })
}
