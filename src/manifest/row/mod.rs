//! A row as its file has it -> [`Prompt`], with every fault of its cells.

mod cells;
pub(super) mod number;
mod path;
mod settings;
mod spreadsheet;

use std::collections::BTreeMap;
use std::path::Path;

use super::fault::cut;
use super::raw::{Cell, Raw};
use super::told::Told;
use super::{Fault, Place, Prompt};
use crate::hash::sha256_hex;
use cells::Reader;
use path::below;

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
    /// The provider that is written, and where.
    pub provider: Option<(String, Place)>,
    /// The row, if it has no fault.
    pub prompt: Option<Prompt>,
}

/// Reads one row; its faults are added to `faults`, and what is read otherwise than it is written to `told`.
pub(super) fn read(raw: Raw, home: Home<'_>, faults: &mut Vec<Fault>, told: &mut Told) -> Row {
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
        told,
    };
    let column =
        |cells: &BTreeMap<String, Cell>, name| cells.get(name).and_then(|c: &Cell| c.column);
    let prompt_column = column(&reader.cells, "prompt");
    let id_column = column(&reader.cells, "id");
    let prompt = reader.text("prompt");
    let video = reader.text("video");
    let prompt = reader.shown(prompt, video.is_some());
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
    let provider = reader.text("provider");
    let place = |cell: &Cell| Place {
        line: cell.line,
        column: cell.column,
    };
    let provider_place = provider.as_ref().map(|c| (c.text.clone(), place(c)));
    let text = |cell: Option<Cell>| cell.map(|c| c.text);
    let path = |cell: &Option<Cell>| cell.as_ref().map(|c| below(home.folder, &c.text));
    let mut row = Prompt {
        id: String::new(),
        takes: reader.number(
            "takes",
            1..=100,
            "a whole number from 1 to 100",
            number::whole,
        ),
        seed: reader.number(
            "seed",
            0..=u64::MAX,
            "a whole number from 0 to 2^64-1",
            number::whole,
        ),
        seconds: reader.number(
            "seconds",
            0.1..=600.0,
            "a number of seconds from 0.1 to 600",
            number::real,
        ),
        size: reader.size(),
        fps: reader.number(
            "fps",
            1.0..=240.0,
            "a frame rate from 1 to 240",
            number::real,
        ),
        video: path(&video),
        provider: text(provider),
        model: text(reader.text("model")),
        reference_image: path(&reference_image),
        iterations: reader.number(
            "iterations",
            1..=50,
            "a whole number from 1 to 50",
            number::whole,
        ),
        priority: reader
            .number(
                "priority",
                i32::MIN..=i32::MAX,
                "a whole number (higher goes first)",
                number::whole,
            )
            .unwrap_or(0),
        tags: reader.tags(),
        prompt: text(prompt).unwrap_or_default(),
        extra: BTreeMap::new(),
        line: reader.line,
    };
    let faultless = reader.faults.len();
    let id = text(reader.id());
    let id_written = id.is_some() || reader.faults.len() > faultless;
    row.extra = reader.extra();
    let whole = reader.faults.len() == before;
    if id.is_none() && (id_written || !whole) {
        return Row {
            id: None,
            named: id_written,
            column: id_column,
            provider: provider_place,
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
        provider: provider_place,
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
