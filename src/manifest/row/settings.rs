//! The settings that are more than a text or a number.

use super::Home;
use super::cells::Reader;
use super::path::below;
use super::spreadsheet::{is_date, is_gap};
use crate::manifest::fault::cut;
use crate::manifest::parse_size;
use crate::manifest::raw::{Cell, Kind};

impl Reader<'_> {
    pub(super) fn size(&mut self) -> Option<[u32; 2]> {
        let cell = self.cell("size")?;
        let text = match &cell.kind {
            Kind::List(sides) => sides.join("x"),
            _ => (self.list(&cell)).map_or_else(|| cell.text.clone(), |sides| sides.join("x")),
        };
        parse_size(&text)
            .map_err(|message| self.faults.push(cell.fault(message)))
            .ok()
    }

    pub(super) fn tags(&mut self) -> Vec<String> {
        let Some(cell) = self.cell("tags") else {
            return Vec::new();
        };
        let texts = match cell.kind {
            Kind::List(texts) => texts,
            _ => self.list(&cell).unwrap_or_else(|| vec![cell.text]),
        };
        let tags = texts.iter().flat_map(|text| text.split([';', ',']));
        let tags = tags.map(|tag| tag.trim().to_owned());
        tags.filter(|tag| !tag.is_empty()).collect()
    }

    pub(super) fn reference_image(&mut self, home: Home<'_>) -> Option<Cell> {
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
    pub(super) fn id(&mut self) -> Option<Cell> {
        let cell = self.text("id")?;
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let id = &cell.text;
        let mend = match id {
            id if is_date(id) => {
                "; a spreadsheet may have made a date of it: format the column as text and write it again"
            }
            id if id.contains('+') && id.parse::<f64>().is_ok() => {
                "; a spreadsheet may have cut its digits: format the column as text and write it again"
            }
            _ => "",
        };
        if id.len() > 64 || id.starts_with('.') || id.ends_with('.') || !id.chars().all(safe) {
            self.faults.push(cell.fault(format!(
                "'{}' cannot name a folder; use up to 64 letters, digits, '.', '_' and '-', with no '.' first or last{mend}",
                cut(id)
            )));
            return None;
        }
        if !mend.is_empty() {
            let message = format!("'{}' is kept as it is{mend}", cut(id));
            self.told.tell("date", cell.fault(message));
        }
        Some(cell)
    }

    /// The prompt, if it says something; a `video` needs none.
    pub(super) fn shown(&mut self, prompt: Option<Cell>, video: bool) -> Option<Cell> {
        let cell = prompt?;
        if is_gap(&cell.text) {
            if video {
                self.gap(&cell);
            } else {
                self.faults.push(cell.fault(format!(
                    "'{}' is how table programs write an empty cell; write what the video should show, in more words if that is meant",
                    cell.text
                )));
            }
            return None;
        }
        if !video && cell.text.parse::<f64>().is_ok() {
            let message = format!(
                "'{}' is only a number; see that the fields stand under their columns",
                cut(&cell.text)
            );
            self.told.tell("number", cell.fault(message));
        }
        Some(cell)
    }
}
