//! CSV: a header, then records by RFC 4180, read so that every field knows its line and every quote is accounted for.

use std::collections::BTreeSet;

use super::fault::{Fault, cut};
use super::raw::{Cell, Kind, Raw, Rows, canonical};

/// One field.
struct Field {
    text: String,
    line: usize,
}

/// One record: its fields, the line it starts at, and the first fault of its quotes with the field's index.
struct Record {
    line: usize,
    fields: Vec<Field>,
    fault: Option<(usize, String)>,
}

/// Splits a text into records. Lines of blanks only are left out.
struct Records<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl Records<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over one line end (`\n`, `\r\n` or `\r`), if it is at one.
    fn line_end(&mut self) -> bool {
        let step = match self.text.as_bytes()[self.at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.at += step;
        self.line += 1;
        true
    }

    /// The text up to the next comma or line end.
    fn bare(&mut self) -> String {
        let rest = &self.text[self.at..];
        let length = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
        self.at += length;
        rest[..length].trim().to_owned()
    }

    /// The rest of a field whose opening quote was just read; on a fault also its words.
    fn quoted(&mut self) -> (String, Option<String>) {
        let opened = self.line;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.find('"') else {
                self.at = self.text.len();
                return (
                    text,
                    Some(format!(
                        "the quote that opens on line {opened} is never closed, and the rest of the file was read as this field; close it, or double quotes that belong to the text (\"\")"
                    )),
                );
            };
            text += &rest[..length];
            let inside = &rest.as_bytes()[..length];
            let ends = (0..length).filter(|&i| match inside[i] {
                b'\n' => true,
                b'\r' => rest.as_bytes().get(i + 1) != Some(&b'\n'),
                _ => false,
            });
            self.line += ends.count();
            self.at += length + 1;
            if self.peek() != Some(b'"') {
                break;
            }
            text.push('"');
            self.at += 1;
        }
        let closed = self.line;
        self.blanks();
        if matches!(self.peek(), None | Some(b',' | b'\r' | b'\n')) {
            return (text, None);
        }
        let after = self.bare();
        let words = format!(
            "'{}' follows the quote that closes on line {closed} (it opens on line {opened}); double quotes that belong to the text (\"\"), or close the quote where it should end",
            cut(&after)
        );
        (text + &after, Some(words))
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            let start = self.at;
            self.blanks();
            self.peek()?;
            if !self.line_end() {
                self.at = start;
                break;
            }
        }
        let mut record = Record {
            line: self.line,
            fields: Vec::new(),
            fault: None,
        };
        loop {
            let (start, line) = (self.at, self.line);
            self.blanks();
            let text = if self.peek() == Some(b'"') {
                self.at += 1;
                let (text, fault) = self.quoted();
                let index = record.fields.len();
                record.fault = record.fault.or(fault.map(|words| (index, words)));
                text
            } else {
                self.at = start;
                self.bare()
            };
            record.fields.push(Field { text, line });
            if self.peek() != Some(b',') {
                self.line_end();
                return Some(record);
            }
            self.at += 1;
        }
    }
}

/// Reads `text`.
pub(super) fn read(text: &str) -> Rows {
    let mut out = Rows::default();
    let mut records = Records {
        text,
        at: 0,
        line: 1,
    };
    let Some(header) = records.next() else {
        return out;
    };
    let names: Vec<String> = header.fields.iter().map(|f| canonical(&f.text)).collect();
    if let Some(fault) = header_fault(&header, &names) {
        out.faults.push(fault);
        return out;
    }
    let mut seen = BTreeSet::new();
    let mut columns = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let twice = !name.is_empty() && !seen.insert(name);
        columns.push(Column { name, twice });
        if twice {
            out.faults.push(Fault {
                line: header.fields[i].line,
                column: Some(i + 1),
                field: name.clone(),
                message: format!("the header names '{}' twice; drop one", cut(name)),
            });
        }
    }
    for record in records {
        match row(record, &columns) {
            Ok(row) => out.rows.push(row),
            Err(fault) => out.faults.push(fault),
        }
    }
    out
}

/// What makes a header useless.
fn header_fault(header: &Record, names: &[String]) -> Option<Fault> {
    if let Some((index, words)) = &header.fault {
        return Some(Fault {
            line: header.line,
            column: Some(index + 1),
            field: String::new(),
            message: words.clone(),
        });
    }
    if names.iter().any(|n| n == "prompt" || n == "video") {
        return None;
    }
    let near = names
        .iter()
        .filter(|n| n.len() < 20)
        .find(|n| strsim::damerau_levenshtein(&n.to_lowercase(), "prompt") <= 2);
    let hint = match (near, names) {
        (Some(near), _) => format!("; did you mean '{near}'?"),
        (None, [only]) if only.contains([';', '\t']) => {
            "; this header has no commas: separate the fields by commas".to_owned()
        }
        _ => String::new(),
    };
    Some(Fault::line(
        header.line,
        format!("the header has no `prompt` (or `video`) column; name it in the first line{hint}"),
    ))
}

/// A column of the header.
struct Column<'h> {
    name: &'h str,
    /// An earlier column has its name, and is the one that counts.
    twice: bool,
}

fn row(record: Record, columns: &[Column<'_>]) -> Result<Raw, Fault> {
    let field = |index: usize| columns.get(index).map_or("", |c| c.name).to_owned();
    if let Some((index, message)) = record.fault {
        return Err(Fault {
            line: record.fields[index].line,
            column: Some(index + 1),
            field: field(index),
            message,
        });
    }
    let (found, wanted) = (record.fields.len(), columns.len());
    let spare = record.fields.iter().skip(wanted);
    if found < wanted || spare.into_iter().any(|f| !f.text.is_empty()) {
        return Err(Fault::line(
            record.line,
            format!("{found} fields where the header has {wanted}; quote fields that hold commas"),
        ));
    }
    let mut cells = Vec::with_capacity(wanted);
    for (index, (found, column)) in record.fields.into_iter().zip(columns).enumerate() {
        if column.twice {
            continue;
        }
        if !column.name.is_empty() {
            cells.push(Cell {
                name: column.name.to_owned(),
                line: found.line,
                column: Some(index + 1),
                text: found.text,
                kind: Kind::Text,
            });
        } else if !found.text.is_empty() {
            return Err(Fault {
                line: found.line,
                column: Some(index + 1),
                field: String::new(),
                message: format!(
                    "'{}' stands in a column without a name; name it in the header, or empty it",
                    cut(&found.text)
                ),
            });
        }
    }
    Ok(Raw {
        line: record.line,
        cells,
    })
}
