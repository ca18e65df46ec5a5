//! A row as its file has it -> [`Prompt`], with every fault of its cells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::fault::cut;
use super::raw::{Cell, Kind, Raw};
use super::{Fault, Prompt, parse_size};
use crate::hash::sha256_hex;
use crate::video::pattern::{WILD, is_pattern};

/// Longest prompt in characters.
const PROMPT: usize = 32_000;
/// Longest other cell in bytes.
const CELL: usize = 64 << 10;

/// Where a row's relative paths start, and whether what they name is looked for.
#[derive(Clone, Copy)]
pub(super) struct Home<'p> {
    pub folder: &'p Path,
    pub look: bool,
}

/// A row that was read.
pub(super) struct Row {
    /// Its id, where it has one; by default a hash.
    pub id: Option<String>,
    /// The id was written, not made.
    pub named: bool,
    /// The place of the written id.
    pub column: Option<usize>,
    /// The row, if it has no fault.
    pub prompt: Option<Prompt>,
}

/// The cells of a row that were not asked for yet, and the faults so far.
struct Reader<'f> {
    line: usize,
    cells: BTreeMap<String, Cell>,
    faults: &'f mut Vec<Fault>,
}

impl Reader<'_> {
    /// A known column's cell with something in it that it can be read from.
    fn cell(&mut self, name: &str) -> Option<Cell> {
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
        (!cell.text.is_empty()).then_some(cell)
    }

    /// A known column's text.
    fn text(&mut self, name: &str) -> Option<Cell> {
        let cell = self.cell(name)?;
        if matches!(cell.kind, Kind::List(_)) {
            let message = format!("'{}' is a list; write one text", cut(&cell.text));
            self.faults.push(cell.fault(message));
            return None;
        }
        Some(cell)
    }

    /// A known column's number from `low` to `high`.
    fn number<T: FromStr + PartialOrd>(
        &mut self,
        name: &str,
        low: T,
        high: T,
        want: &str,
    ) -> Option<T> {
        let cell = self.text(name)?;
        match cell.text.parse::<T>() {
            Ok(n) if n >= low && n <= high => Some(n),
            _ => {
                self.faults.push(cell.fault(format!(
                    "'{}' is not {want}; write one, or leave it out for the run's own",
                    cut(&cell.text)
                )));
                None
            }
        }
    }

    fn size(&mut self) -> Option<[u32; 2]> {
        let cell = self.cell("size")?;
        let text = match &cell.kind {
            Kind::List(sides) => sides.join("x"),
            _ => cell.text.clone(),
        };
        parse_size(&text)
            .map_err(|message| self.faults.push(cell.fault(message)))
            .ok()
    }

    fn tags(&mut self) -> Vec<String> {
        let Some(cell) = self.cell("tags") else {
            return Vec::new();
        };
        let texts = match cell.kind {
            Kind::List(texts) => texts,
            _ => vec![cell.text],
        };
        let tags = texts.iter().flat_map(|text| text.split([';', ',']));
        let tags = tags.map(|tag| tag.trim().to_owned());
        tags.filter(|tag| !tag.is_empty()).collect()
    }

    fn provider(&mut self) -> Option<String> {
        let cell = self.text("provider")?;
        let known = crate::generate::NAMES;
        if known.contains(&cell.text.as_str()) {
            return Some(cell.text);
        }
        let lower = cell
            .text
            .chars()
            .take(40)
            .collect::<String>()
            .to_lowercase();
        let near = known
            .iter()
            .find(|name| strsim::damerau_levenshtein(name, &lower) <= 2);
        let hint = near.map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
        self.faults.push(cell.fault(format!(
            "'{}' is no provider; use one of {}{hint}",
            cut(&cell.text),
            known.join(", ")
        )));
        None
    }

    fn reference_image(&mut self, home: Home<'_>) -> Option<Cell> {
        let cell = self.text("reference_image")?;
        let path = below(home.folder, &cell.text);
        if home.look && !path.is_file() {
            let what = if path.is_dir() {
                "is a folder"
            } else {
                "is not there"
            };
            self.faults.push(cell.fault(format!(
                "'{}' {what}; name a picture, by its path from the manifest's folder",
                cut(&cell.text)
            )));
            return None;
        }
        Some(cell)
    }

    /// The written id, if it can name a folder.
    fn id(&mut self) -> Option<Cell> {
        let cell = self.text("id")?;
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let id = &cell.text;
        if id.len() > 64 || id.starts_with('.') || id.ends_with('.') || !id.chars().all(safe) {
            self.faults.push(cell.fault(format!(
                "'{}' cannot name a folder; use up to 64 letters, digits, '.', '_' and '-', with no '.' first or last",
                cut(id)
            )));
            return None;
        }
        Some(cell)
    }

    /// What is left: columns that this program does not know.
    fn extra(&mut self) -> BTreeMap<String, String> {
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

/// Reads one row; its faults are added to `faults`.
pub(super) fn read(raw: Raw, home: Home<'_>, faults: &mut Vec<Fault>) -> Row {
    let before = faults.len();
    let mut cells = BTreeMap::new();
    for cell in raw.cells {
        if cells.contains_key(&cell.name) {
            let message = format!("'{}' comes twice; drop one", cut(&cell.name));
            faults.push(cell.fault(message));
        } else {
            cells.insert(cell.name.clone(), cell);
        }
    }
    let mut reader = Reader {
        line: raw.line,
        cells,
        faults,
    };
    let column =
        |cells: &BTreeMap<String, Cell>, name| cells.get(name).and_then(|c: &Cell| c.column);
    let prompt_column = column(&reader.cells, "prompt");
    let id_column = column(&reader.cells, "id");
    let id_written = reader
        .cells
        .get("id")
        .is_some_and(|c| !c.text.trim().is_empty());
    let prompt = reader.text("prompt");
    let video = reader.text("video");
    if reader.faults.len() == before && prompt.is_none() && video.is_none() {
        let near = reader.cells.keys().find(|name| {
            name.len() < 20 && strsim::damerau_levenshtein(&name.to_lowercase(), "prompt") <= 2
        });
        let hint = near.map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
        reader.faults.push(Fault {
            line: reader.line,
            column: prompt_column,
            field: "prompt".to_owned(),
            message: format!("is empty; write what the video should show, or name a `video`{hint}"),
        });
    }
    let reference_image = reader.reference_image(home);
    let text = |cell: Option<Cell>| cell.map(|c| c.text);
    let path = |cell: &Option<Cell>| cell.as_ref().map(|c| below(home.folder, &c.text));
    let mut row = Prompt {
        id: String::new(),
        takes: reader.number("takes", 1, 100, "a whole number from 1 to 100"),
        seed: reader.number("seed", 0, u64::MAX, "a whole number from 0 to 2^64-1"),
        seconds: reader.number("seconds", 0.1, 600.0, "a number of seconds from 0.1 to 600"),
        size: reader.size(),
        fps: reader.number("fps", 1.0, 240.0, "a frame rate from 1 to 240"),
        video: path(&video),
        provider: reader.provider(),
        model: text(reader.text("model")),
        reference_image: path(&reference_image),
        iterations: reader.number("iterations", 1, 50, "a whole number from 1 to 50"),
        priority: reader
            .number(
                "priority",
                i32::MIN,
                i32::MAX,
                "a whole number (higher goes first)",
            )
            .unwrap_or(0),
        tags: reader.tags(),
        prompt: text(prompt).unwrap_or_default(),
        extra: BTreeMap::new(),
        line: reader.line,
    };
    let id = text(reader.id());
    row.extra = reader.extra();
    let whole = reader.faults.len() == before;
    if id.is_none() && (id_written || !whole) {
        return Row {
            id: None,
            named: id_written,
            column: id_column,
            prompt: None,
        };
    }
    row.id = id.unwrap_or_else(|| {
        default_id(
            &row,
            text(video).as_deref(),
            text(reference_image).as_deref(),
        )
    });
    Row {
        id: Some(row.id.clone()),
        named: id_written,
        column: id_column,
        prompt: whole.then_some(row),
    }
}

/// A hash of the prompt and all its settings; paths as they are written. Tags, priority and unknown columns do not
/// change what is made, and are left out. Only settings that the row has count, so that a setting which a later
/// version adds changes no id.
fn default_id(row: &Prompt, video: Option<&str>, reference_image: Option<&str>) -> String {
    // In alphabetical order, which is serde_json's own, so that the order of its maps does not matter.
    let mut settings = serde_json::json!({
        "fps": row.fps,
        "iterations": row.iterations,
        "model": row.model,
        "prompt": row.prompt,
        "provider": row.provider,
        "reference_image": reference_image,
        "seconds": row.seconds,
        "seed": row.seed,
        "size": row.size,
        "takes": row.takes,
        "video": video,
    });
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|_, value| !value.is_null());
    }
    sha256_hex(settings.to_string().as_bytes())[..12].to_owned()
}

/// A path as it is written, from `folder` if it is relative. Where it is a pattern, `folder` stays literal.
fn below(folder: &Path, written: &str) -> PathBuf {
    let path = Path::new(written);
    let plain = folder.join(path);
    match folder.to_str() {
        Some(text)
            if path.is_relative()
                && text.contains(WILD)
                && written.contains(WILD)
                && is_pattern(&plain) =>
        {
            Path::new(&glob::Pattern::escape(text)).join(path)
        }
        _ => plain,
    }
}
