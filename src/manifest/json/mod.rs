//! JSON: objects one after another, usually one a line, or one array of them.

mod entry;
mod orient;
mod syntax;

use std::borrow::Cow;
use std::ops::Range;

use super::fault::{Fault, Lines};
use super::raw::{Cell, Kind, Raw, Rows, canonical};
use entry::{Entries, Slot};
use syntax::Broken;

/// Reads `text`.
pub(super) fn read(text: &str) -> Rows {
    if let Some(fault) = other_format(text) {
        return Rows {
            faults: vec![fault],
            ..Rows::default()
        };
    }
    let written = text;
    let text = syntax::without_nan(text);
    let mut reader = Reader {
        text: &text,
        lines: Lines::new(&text),
        out: Rows::default(),
        strays: None,
    };
    reader.read();
    let mut out = reader.out;
    if let Some((mut fault, count)) = reader.strays {
        if count > 1 {
            fault.message += &format!(" ({} more of this kind)", count - 1);
        }
        out.faults.push(fault);
    }
    if let Cow::Owned(text) = &text {
        tell_nan(written, text, &mut out);
    }
    out
}

/// A text that is whole in another format.
fn other_format(text: &str) -> Option<Fault> {
    let start = text.len() - text.trim_start().len();
    let what = match &text[start..] {
        rest if rest.starts_with("[[prompt]]") => "TOML, not JSON; name the file .toml",
        rest if rest.starts_with(['{', '[']) => return None,
        rest if super::csv::begins(rest) => "CSV, not JSON; name the file .csv",
        _ => return None,
    };
    let (line, _) = Lines::new(&text[..start]).place(start);
    Some(Fault::line(line, format!("this is {what}")))
}

/// Tells where the first NaN was.
fn tell_nan(written: &str, read: &str, out: &mut Rows) {
    let same = written.bytes().zip(read.bytes());
    if let Some(first) = same.into_iter().position(|(a, b)| a != b) {
        let (line, column) = Lines::new(written).place(first);
        out.told.tell(
            "nan",
            Fault {
                line,
                column: Some(column),
                field: String::new(),
                message: "NaN, which is no JSON, is read as empty here and wherever it stands; write null".to_owned(),
            },
        );
    }
}

struct Reader<'t> {
    text: &'t str,
    lines: Lines<'t>,
    out: Rows,
    /// The first value that is no object, and how many there are.
    strays: Option<(Fault, usize)>,
}

impl<'t> Reader<'t> {
    fn fault(&mut self, byte: usize, message: impl Into<String>) {
        let fault = self.place(byte, message.into());
        self.out.faults.push(fault);
    }

    fn place(&self, byte: usize, message: String) -> Fault {
        let (line, column) = self.lines.place(byte);
        Fault {
            line,
            column: Some(column),
            field: String::new(),
            message,
        }
    }

    /// Where the line of `byte` ends, its line end included.
    fn line_end(&self, byte: usize) -> usize {
        let end = self.text[byte..].find('\n');
        end.map_or(self.text.len(), |length| byte + length + 1)
    }

    /// The first byte from `at` on that is no blank, nor a comma between values.
    fn skip(&self, at: usize) -> usize {
        let between = |c: char| c.is_whitespace() || c == ',';
        self.text.len() - self.text[at..].trim_start_matches(between).len()
    }

    fn read(&mut self) {
        let mut at = self.skip(0);
        let array = self.text[at..].starts_with('[').then_some(at);
        at += usize::from(array.is_some());
        loop {
            at = self.skip(at);
            if at == self.text.len() {
                break;
            }
            if array.is_some() && self.text[at..].starts_with(']') {
                at = self.skip(at + 1);
                if at < self.text.len() {
                    self.fault(at, "stands after the end of the array; put all rows into one array, or write one object a line");
                }
                return;
            }
            if let Some((end, entries)) = syntax::entries(self.text, at) {
                self.object(at..end, entries);
                at = end;
                continue;
            }
            at = match syntax::value(self.text, at) {
                Ok(end) => {
                    self.value(at..end);
                    end
                }
                Err(broken) => self.broken(at, &broken),
            };
        }
        if let (Some(start), []) = (array, self.out.faults.as_slice()) {
            let (line, _) = self.lines.place(start);
            let end = self.text.trim_end().len();
            self.fault(end.saturating_sub(1), format!("the array that begins on line {line} is never closed; close it with ], or fetch the file again if it was cut short"));
        }
    }

    /// One value, which is known to be JSON but for its numbers and depth.
    fn value(&mut self, at: Range<usize>) {
        let content = &self.text[at.clone()];
        if !content.starts_with('{') {
            let words = format!(
                "'{}' is not a JSON object; write one object a row, such as {{\"prompt\": \"...\"}}",
                super::fault::cut(content)
            );
            let fault = self.place(at.start, words);
            self.strays.get_or_insert((fault, 0)).1 += 1;
            return;
        }
        match serde_json::from_str(content) {
            Ok(entries) => self.object(at, entries),
            Err(error) => {
                let broken = Broken::new(content, &error);
                let mend = broken.mend(content, 0);
                self.fault(
                    at.start + broken.at,
                    format!("not a JSON object ({}); {mend}", broken.words),
                );
            }
        }
    }

    /// The object at `at`.
    fn object(&mut self, at: Range<usize>, entries: Entries) {
        if let Some(message) = orient::mend(&entries) {
            self.fault(at.start, message);
            return;
        }
        let row = self.row(at.start, &self.text[at], entries);
        self.out.rows.push(row);
    }

    /// Tells of what is no JSON from byte `at` on; answers where to go on.
    fn broken(&mut self, at: usize, broken: &Broken) -> usize {
        let first = self.line_end(at);
        let mend = |broken: &Broken, text| {
            format!(
                "not a JSON object ({}); {}",
                broken.words,
                broken.mend(text, at)
            )
        };
        if broken.at < first && !broken.cut {
            let unread = match self.text[broken.at..first].contains('{') {
                true => "; nothing after it on this line was read",
                false => "",
            };
            self.fault(broken.at, mend(broken, self.text) + unread);
            return first;
        }
        // Where a row begins at the place of the fault, the one before it was cut short.
        let fault_line = match broken.cut {
            true => self.text.len(),
            false => self.text[..broken.at].rfind('\n').map_or(0, |i| i + 1),
        };
        let cut = broken.cut || self.text[fault_line..].trim_start().starts_with('{');
        match syntax::value(self.text[..first].trim_end(), at) {
            Err(own) if cut => self.fault(own.at, mend(&own, self.text)),
            _ => self.fault(broken.at, mend(broken, self.text)),
        }
        // Rows that stand whole on a line of their own between here and there are none of it.
        let mut line = first;
        while line < fault_line {
            let end = self.line_end(line);
            let start =
                line + (self.text[line..end].len() - self.text[line..end].trim_start().len());
            if self.text[start..end].starts_with('{')
                && let Ok(value) = syntax::value(&self.text[..end], start)
                && self.skip(value) >= end
            {
                self.value(start..value);
            }
            line = end;
        }
        match cut {
            true => fault_line,
            false => self.line_end(broken.at),
        }
    }

    fn row(&self, start: usize, content: &str, Entries(entries): Entries) -> Raw {
        let mut cells = Vec::with_capacity(entries.len());
        for ((name, slot), place) in entries.into_iter().zip(syntax::places(content)) {
            let written = &content[place.clone()];
            let (text, kind) = match slot {
                Slot::Null => continue,
                Slot::Text(text) => (text, Kind::Text),
                Slot::Number => (written.to_owned(), Kind::Text),
                Slot::Bool => (written.to_owned(), Kind::Other("true or false")),
                Slot::Object { .. } => (written.to_owned(), Kind::Other("an object")),
                Slot::List(texts) => (written.to_owned(), Kind::List(texts)),
                Slot::Other { .. } => {
                    (written.to_owned(), Kind::Other("a list of more than texts"))
                }
            };
            let (line, column) = self.lines.place(start + place.start);
            cells.push(Cell {
                name: canonical(&name),
                line,
                column: Some(column),
                text,
                kind,
            });
        }
        Raw {
            line: self.lines.place(start).0,
            cells,
        }
    }
}
