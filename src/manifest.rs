//! Manifest rows from CSV and JSON Lines, with every fault of a file named at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One row: a prompt and what it asks for. Unset settings come from the command line or its preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A video that exists, or a folder of images; relative paths start at the manifest's folder.
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

/// One fault of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, 1-based.
    pub line: usize,
    /// Column name; empty when the whole line is meant.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
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

/// Rows without fault, and the faults of the others.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Rows without fault, in file order.
    pub rows: Vec<Prompt>,
    /// Faults in line order.
    pub faults: Vec<Fault>,
}

const COLUMNS: &[&str] = &[
    "prompt", "id", "takes", "seed", "seconds", "size", "fps", "video",
];

/// Reads a manifest: `.jsonl`/`.ndjson` as JSON Lines, everything else as CSV with a header.
///
/// # Errors
/// [`ManifestError::Read`] when the file as a whole cannot be taken; row faults are in [`Manifest::faults`].
pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
    let fail = |reason: String| ManifestError::Read {
        path: path.to_owned(),
        reason,
    };
    if path.is_dir() {
        return Err(fail("is a folder; give a .csv or .jsonl file".into()));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(format!("{e}; check the path")))?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = bytes[..error.valid_up_to()]
                .iter()
                .filter(|&&b| b == b'\n')
                .count()
                + 1;
            return Err(fail(format!(
                "line {line} is not UTF-8; save the file as UTF-8"
            )));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let jsonl = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| ["jsonl", "ndjson"].contains(&e));
    let base = path.parent().unwrap_or(Path::new("."));
    let mut manifest = Manifest::default();
    let cells = if jsonl {
        json_lines(text, &mut manifest.faults)
    } else {
        csv_rows(text, &mut manifest.faults)
    };
    let mut ids = BTreeMap::new();
    for (line, cells) in cells {
        if let Some(row) = row(line, cells, base, &mut manifest.faults) {
            if let Some(first) = ids.insert(row.id.clone(), line) {
                manifest.faults.push(Fault {
                    line,
                    field: "id".into(),
                    message: format!("'{}' is already the id of line {first}; give each row its own, or drop one", row.id),
                });
            } else {
                manifest.rows.push(row);
            }
        }
    }
    manifest.faults.sort_by_key(|f| f.line);
    if manifest.rows.is_empty() && manifest.faults.is_empty() {
        return Err(fail(
            "has no rows; add a header with `prompt` and one line a prompt".into(),
        ));
    }
    Ok(manifest)
}

type Cells = Vec<(usize, BTreeMap<String, String>)>;

fn csv_rows(text: &str, faults: &mut Vec<Fault>) -> Cells {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(str::to_lowercase).collect(),
        Err(error) => {
            faults.push(Fault {
                line: 1,
                field: String::new(),
                message: error.to_string(),
            });
            return Vec::new();
        }
    };
    let mut fault = |line: usize, message: String| {
        faults.push(Fault {
            line,
            field: String::new(),
            message,
        })
    };
    let mut seen = BTreeSet::new();
    for header in &headers {
        if !seen.insert(header) {
            fault(1, format!("the header names '{header}' twice; drop one"));
        }
    }
    if text.trim().is_empty() {
        return Vec::new();
    }
    if !headers.iter().any(|h| h == "prompt" || h == "video") {
        let near = headers
            .iter()
            .find(|h| strsim::damerau_levenshtein(h, "prompt") <= 2);
        let hint = near
            .map(|h| format!("; did you mean '{h}'?"))
            .unwrap_or_default();
        fault(
            1,
            format!(
                "the header has no `prompt` (or `video`) column; name it in the first line{hint}"
            ),
        );
        return Vec::new();
    }
    let mut rows = Vec::new();
    // The reader's own line count is off by one after CRLF, so lines are counted from byte offsets.
    let (mut counted, mut lines) = (0, 1);
    let mut line_at = |byte: u64| {
        let mut byte = (byte as usize).min(text.len());
        byte += text[byte..]
            .bytes()
            .take_while(|b| b"\r\n".contains(b))
            .count();
        if byte >= counted {
            lines += text[counted..byte].bytes().filter(|&b| b == b'\n').count();
            counted = byte;
        }
        lines
    };
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = line_at(record.position().map_or(0, csv::Position::byte));
                if record.len() != headers.len() {
                    fault(
                        line,
                        format!(
                            "{} fields where the header has {}; quote fields that hold commas",
                            record.len(),
                            headers.len()
                        ),
                    );
                    continue;
                }
                rows.push((
                    line,
                    headers
                        .iter()
                        .cloned()
                        .zip(record.iter().map(str::to_owned))
                        .collect(),
                ));
            }
            Err(error) => {
                let line = line_at(error.position().map_or(0, csv::Position::byte));
                fault(line, error.to_string());
            }
        }
    }
    rows
}

fn json_lines(text: &str, faults: &mut Vec<Fault>) -> Cells {
    let mut rows = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(content) {
            Ok(object) => {
                let cells = object
                    .into_iter()
                    .filter_map(|(k, v)| match v {
                        serde_json::Value::Null => None,
                        serde_json::Value::String(text) => Some((k, text)),
                        other => Some((k, other.to_string())),
                    })
                    .collect();
                rows.push((line, cells));
            }
            Err(error) => faults.push(Fault {
                line,
                field: String::new(),
                message: format!("not a JSON object ({error}); write one object a line"),
            }),
        }
    }
    rows
}

fn row(
    line: usize,
    mut cells: BTreeMap<String, String>,
    base: &Path,
    faults: &mut Vec<Fault>,
) -> Option<Prompt> {
    let before = faults.len();
    let mut fault = |field: &str, message: String| {
        faults.push(Fault {
            line,
            field: field.into(),
            message,
        })
    };
    let mut take = |name: &str| {
        cells
            .remove(name)
            .map(|v| v.trim().to_owned())
            .filter(|v| !v.is_empty())
    };
    let [prompt, id, takes, seed, seconds, size, fps, video] =
        [0, 1, 2, 3, 4, 5, 6, 7].map(|i: usize| take(COLUMNS[i]));
    let prompt = prompt.unwrap_or_default();
    if prompt.is_empty() && video.is_none() {
        fault(
            "prompt",
            "is empty; write what the video should show, or name a `video`".into(),
        );
    }
    if prompt.chars().count() > 32_000 {
        fault(
            "prompt",
            "is longer than 32,000 characters; shorten it".into(),
        );
    }
    if prompt.contains('\0') {
        fault("prompt", "holds a NUL byte; remove it".into());
    }
    fn number<T: std::str::FromStr + PartialOrd>(
        value: Option<String>,
        low: T,
        high: T,
        want: &str,
        mut fault: impl FnMut(String),
    ) -> Option<T> {
        let text = value?;
        match text.parse::<T>() {
            Ok(n) if n >= low && n <= high => Some(n),
            _ => {
                fault(format!("'{text}' is not {want}"));
                None
            }
        }
    }
    let takes = number(takes, 1u32, 100, "a whole number from 1 to 100", |m| {
        fault("takes", m)
    });
    let seed = number(
        seed,
        0u64,
        u64::MAX,
        "a whole number from 0 to 2^64-1",
        |m| fault("seed", m),
    );
    let seconds = number(
        seconds,
        0.1f64,
        600.0,
        "a number of seconds from 0.1 to 600",
        |m| fault("seconds", m),
    );
    let fps = number(fps, 1.0f64, 240.0, "a frame rate from 1 to 240", |m| {
        fault("fps", m)
    });
    let size = size.and_then(|text| match parse_size(&text) {
        Ok(size) => Some(size),
        Err(message) => {
            fault("size", message);
            None
        }
    });
    let id = id.unwrap_or_else(|| {
        let settings =
            format!("{prompt}\0{takes:?}\0{seed:?}\0{seconds:?}\0{size:?}\0{fps:?}\0{video:?}");
        hex(&Sha256::digest(settings.as_bytes()))[..12].to_owned()
    });
    let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if id.len() > 64 || id.starts_with('.') || !id.chars().all(safe) {
        fault(
            "id",
            format!(
                "'{id}' cannot name a folder; use up to 64 letters, digits, '.', '_' and '-', not starting with '.'"
            ),
        );
    }
    if faults.len() > before {
        return None;
    }
    let video = video.map(|v| {
        let path = PathBuf::from(v);
        if path.is_absolute() {
            path
        } else {
            base.join(path)
        }
    });
    Some(Prompt {
        id,
        prompt,
        takes,
        seed,
        seconds,
        size,
        fps,
        video,
        provider: None,
        model: None,
        reference_image: None,
        iterations: None,
        priority: 0,
        tags: Vec::new(),
        extra: cells,
        line,
    })
}

/// Parses `WIDTHxHEIGHT` with even sides from 16 to 8192.
///
/// # Errors
/// The fault and its mend in words.
pub fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let wrong = || {
        format!("'{text}' is not WIDTHxHEIGHT with even sides from 16 to 8192, such as 1280x720")
    };
    let (w, h) = text.split_once(['x', 'X', '*']).ok_or_else(wrong)?;
    let side = |s: &str| {
        s.trim()
            .parse::<u32>()
            .ok()
            .filter(|n| (16..=8192).contains(n) && n % 2 == 0)
            .ok_or_else(wrong)
    };
    Ok([side(w)?, side(h)?])
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
