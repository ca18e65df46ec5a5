//! Manifest rows from CSV, JSON and TOML, with every fault of a file named at once.
//!
//! A row needs a `prompt` (or a `video`); the other columns are optional, in any order, their names in any case:
//!
//! | column | what it takes |
//! |---|---|
//! | `id` | up to 64 letters, digits, `.`, `_`, `-`; two ids may not differ only in case. Without one: a hash of the prompt and its settings (not of tags, priority and unknown columns; paths as written) |
//! | `takes`, `iterations` | 1 to 100, 1 to 50 |
//! | `seconds`, `fps` | 0.1 to 600, 1 to 240 |
//! | `size` | `WIDTHxHEIGHT`; in JSON and TOML also `[width, height]` |
//! | `seed` | 0 to 2^64-1 |
//! | `provider`, `model` | the name of a provider; the provider's own name of a model |
//! | `video` | a video, a folder of images, or a pattern (`clips/*.mp4`) |
//! | `reference_image` | a picture |
//! | `priority` | a whole number; higher goes first, 0 by default |
//! | `tags` | separated by `;` or `,`; in JSON and TOML also a list |
//!
//! Files are taken as spreadsheets, pandas and R write them. Rows of separators only are blank; the separator is that
//! of the ending (`.csv`, `.tsv`), of a first line such as `sep=;`, or the one that the header shows; a whole number
//! may be written `4.0` or `1e3`; `nan`, `NA`, `None` and the like are empty cells, but no prompt; a first column
//! without a name that counts the rows is left out; a row may lack its last cells. JSON may be an object a line,
//! objects over several lines, or one array. What is read otherwise than it is written is a warning, once a column.
//!
//! Paths start at the manifest's folder. Unknown columns travel through to the results. A TOML manifest has one
//! table a row:
//!
//! ```toml
//! [[prompt]]
//! prompt = "A robot walks through a room"
//! takes = 4
//! tags = ["night", "robot"]
//! ```

mod csv;
mod fault;
mod file;
mod ids;
mod json;
mod raw;
mod row;
mod told;
mod toml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use fault::cut;
pub use fault::{Fault, ManifestError, Place};
use ids::Ids;
pub use raw::{COLUMNS, Format};
use row::Home;

/// One row: a prompt and what it asks for. Unset settings come from the command line or its preset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Stable name, also the folder under `prompts/`.
    pub id: String,
    /// What the video should show; may be empty when `video` is given.
    pub prompt: String,
    /// Number of takes.
    pub takes: Option<u32>,
    /// Seed of the first take.
    pub seed: Option<u64>,
    /// Seconds of video.
    pub seconds: Option<f64>,
    /// Width and height in pixels.
    pub size: Option<[u32; 2]>,
    /// Frames per second.
    pub fps: Option<f64>,
    /// A video that exists, a folder of images, or a pattern of either; relative paths start at the manifest's folder.
    pub video: Option<PathBuf>,
    /// Provider of this row's takes, where it is not the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A picture that the video should start from or look like; relative paths start at the manifest's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_image: Option<PathBuf>,
    /// Most rounds of this row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u32>,
    /// Rows of a higher priority go first; 0 where the row does not say.
    #[serde(default)]
    pub priority: i32,
    /// Words to select rows by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Columns that this program does not know; they travel through to the results.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// Line of the manifest, 1-based.
    pub line: usize,
}

/// Rows without fault, and the faults of the others.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Rows without fault, in file order.
    pub rows: Vec<Prompt>,
    /// Faults in line order.
    pub faults: Vec<Fault>,
    /// Each provider that a row names, faulty rows included, and where.
    pub providers: BTreeMap<String, Vec<Place>>,
    /// What stops nothing, in line order: unknown columns that look like known ones, and what is read otherwise than
    /// it is written.
    pub warnings: Vec<Fault>,
}

/// Reads a manifest in the [`Format`] of its ending.
///
/// # Errors
/// [`ManifestError::Read`] when the file as a whole cannot be taken; row faults are in [`Manifest::faults`].
pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
    take(path, path.parent().unwrap_or(Path::new("")), true)
}

/// Reads the copy of a manifest that lay in `folder`: what its rows name is below that, and is not looked for.
///
/// # Errors
/// As [`read`].
pub fn read_copy(path: &Path, folder: &Path) -> Result<Manifest, ManifestError> {
    take(path, folder, false)
}

/// Reads the bytes of a manifest in a format that is known otherwise; what its rows name is below `folder`, and is
/// not looked for.
///
/// # Errors
/// In words, with the mend, when the bytes as a whole cannot be taken; row faults are in [`Manifest::faults`].
pub fn from_bytes(bytes: Vec<u8>, format: Format, folder: &Path) -> Result<Manifest, String> {
    let look = false;
    parse(&file::decode(bytes)?, format, Home { folder, look })
}

fn take(path: &Path, folder: &Path, look: bool) -> Result<Manifest, ManifestError> {
    let format = Format::of(path);
    let text = file::text(path);
    let found = text.and_then(|text| parse(&text, format, Home { folder, look }));
    found.map_err(|reason| ManifestError::Read {
        path: path.to_owned(),
        reason,
    })
}

fn parse(text: &str, format: Format, home: Home<'_>) -> Result<Manifest, String> {
    let raw::Rows {
        rows,
        faults,
        mut told,
    } = match format {
        Format::Csv => csv::read(text, b','),
        Format::Tsv => csv::read(text, b'\t'),
        Format::JsonLines => json::read(text),
        Format::Toml => toml::read(text),
    };
    let mut manifest = Manifest {
        faults,
        ..Manifest::default()
    };
    let mut unknown = BTreeSet::new();
    let mut ids = Ids::default();
    for raw in rows {
        let line = raw.line;
        for cell in &raw.cells {
            let present = |known: &str| raw.cells.iter().any(|c| c.name == known);
            if !COLUMNS.contains(&cell.name.as_str())
                && unknown.insert(cell.name.clone())
                && let Some(known) = raw::near_miss(&cell.name, present)
            {
                manifest.warnings.push(cell.fault(format!(
                    "is no column of this program and only travels through; did you mean '{known}'?"
                )));
            }
        }
        let mut row = row::read(raw, home, &mut manifest.faults, &mut told);
        if let Some((name, place)) = row.provider.take() {
            manifest.providers.entry(name).or_default().push(place);
        }
        let Some(id) = &row.id else {
            continue;
        };
        match ids.take(id, &row, line) {
            Some(fault) => manifest.faults.push(fault),
            None => manifest.rows.extend(row.prompt),
        }
    }
    ids.tell(&mut told);
    manifest.warnings.extend(told.warnings());
    manifest.warnings.sort_by_key(|f| (f.line, f.column));
    manifest.faults.sort_by_key(|f| (f.line, f.column));
    if manifest.rows.is_empty() && manifest.faults.is_empty() {
        let mend = match format {
            Format::Csv | Format::Tsv => "add a header with `prompt` and one line a prompt",
            Format::JsonLines => "add one object with a `prompt` a line",
            Format::Toml => "add one [[prompt]] table with a `prompt` a row",
        };
        return Err(format!("has no rows; {mend}"));
    }
    Ok(manifest)
}

/// Parses `WIDTHxHEIGHT` with even sides from 16 to 8192.
///
/// # Errors
/// The fault and its mend in words.
pub fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let wrong = || {
        format!(
            "'{}' is not WIDTHxHEIGHT with even sides from 16 to 8192, such as 1280x720",
            fault::cut(text)
        )
    };
    let sides = text.split_once(['x', 'X', '*', '\u{d7}']);
    let (w, h) = sides.ok_or_else(wrong)?;
    let side = |s: &str| {
        let side = row::number::whole::<u32>(s.trim()).ok();
        side.filter(|n| n.told.is_none())
            .map(|n| n.value)
            .filter(|n| (16..=8192).contains(n) && n % 2 == 0)
            .ok_or_else(wrong)
    };
    Ok([side(w)?, side(h)?])
}
