//! CSV: a header, then a record a row, as people and spreadsheets write them.

mod header;
mod records;

use std::collections::BTreeSet;

use super::fault::{Fault, cut};
use super::raw::{Cell, Kind, Raw, Rows};
use header::Header;
use records::{Record, Records};

/// A column of the header.
struct Column<'h> {
    name: &'h str,
    /// An earlier column has its name, and is the one that counts.
    twice: bool,
}

/// The columns, and how their fields are written.
struct Table<'h> {
    header: &'h Record,
    columns: Vec<Column<'h>>,
    /// Columns up to the last that has a name: what stands after it may be missing.
    named: usize,
    /// The first column has no name and counts the rows, as pandas and R write it.
    counted: bool,
    separator: u8,
}

/// Reads `text`, whose fields are separated by `usual` if its first lines do not show otherwise.
pub(super) fn read(text: &str, usual: u8) -> Rows {
    let mut out = Rows::default();
    let Some(header) = header::find(text, usual, &mut out) else {
        return out;
    };
    let table = Table::new(&header, &mut out);
    let mut records = header.records.clone().peekable();
    while let Some(mut record) = records.next() {
        if table.passed_over(&record, &mut out) {
            continue;
        }
        let broken = records.next_if(|next| table.broken(&record, next));
        let row = match broken {
            Some(next) => Err(Fault::line(
                record.line,
                format!(
                    "looks like one row with line {}; if a line end stands inside a text, quote that text (\"...\"), else write both rows whole",
                    next.line
                ),
            )),
            None => table.row(&mut record, &mut out),
        };
        match row {
            Ok(row) => out.rows.push(row),
            Err(fault) => out.faults.push(fault),
        }
    }
    out
}

/// Whether `text` begins with a header of more than one column.
pub(super) fn begins(text: &str) -> bool {
    let mut none = Rows::default();
    let found = header::find(text, b',', &mut none);
    found.is_some_and(|header| header.names.len() > 1)
}

impl<'h> Table<'h> {
    fn new(header: &'h Header<'_>, out: &mut Rows) -> Self {
        let mut seen = BTreeSet::new();
        let mut columns = Vec::with_capacity(header.names.len());
        for (i, name) in header.names.iter().enumerate() {
            let twice = !name.is_empty() && !seen.insert(name);
            columns.push(Column { name, twice });
            if twice {
                out.faults.push(Fault {
                    line: header.record.fields[i].line,
                    column: Some(i + 1),
                    field: name.clone(),
                    message: format!("the header names '{}' twice; drop one", cut(name)),
                });
            }
        }
        let last = columns.iter().rposition(|c| !c.name.is_empty());
        let counted = columns[0].name.is_empty() && count(header.records.clone());
        if counted {
            out.told.tell(
                "counted",
                Fault {
                    line: header.record.line,
                    column: Some(1),
                    field: String::new(),
                    message: "has no name and counts the rows, and is left out; write the table without it (pandas: index=False, R: row.names=FALSE), or name it".to_owned(),
                },
            );
        }
        Self {
            header: &header.record,
            columns,
            named: last.map_or(0, |last| last + 1),
            counted,
            separator: header.separator,
        }
    }

    /// A known column's text in a record; empty where it has none.
    fn text<'r>(&self, record: &'r Record, name: &str) -> &'r str {
        let index = self.columns.iter().position(|c| c.name == name);
        let field = index.and_then(|index| record.fields.get(index));
        field.map_or("", |f| f.text.as_str())
    }

    /// A record without a row: the header again, as tables that were put together have it, or nothing but its number.
    fn passed_over(&self, record: &Record, out: &mut Rows) -> bool {
        let fields = &record.fields;
        if record.fault.is_some() {
            return false;
        }
        let rest = || fields.iter().skip(1).all(|f| f.text.trim().is_empty());
        if self.counted && rest() {
            return true;
        }
        let mut pairs = fields.iter().zip(&self.header.fields);
        let again = fields.len() == self.columns.len() && pairs.all(|(a, b)| a.text == b.text);
        if again {
            let words = "is the header again, and is left out; delete the line";
            out.told.tell("again", Fault::line(record.line, words));
        }
        again
    }

    /// Whether `next` is the rest of `record`, which a line end in a text without quotes broke: their fields make up
    /// one row, and by itself the rest has no prompt where the prompt should be.
    fn broken(&self, record: &Record, next: &Record) -> bool {
        let whole = record.fields.len() + next.fields.len() - 1;
        if record.fields.len() >= self.named
            || !(self.named..=self.columns.len()).contains(&whole)
            || next.line != record.last + 1
            || record.fault.is_some()
            || next.fault.is_some()
        {
            return false;
        }
        let prompt = self.text(next, "prompt");
        (prompt.is_empty() || prompt.parse::<f64>().is_ok()) && self.text(next, "video").is_empty()
    }

    fn row(&self, record: &mut Record, out: &mut Rows) -> Result<Raw, Fault> {
        if let Some((index, message)) = record.fault.take() {
            return Err(Fault {
                line: record.fields[index].line,
                column: Some(index + 1),
                field: (self.columns.get(index).map_or("", |c| c.name)).to_owned(),
                message,
            });
        }
        self.widths(record, out)?;
        let last = record.last;
        let mut fields = std::mem::take(&mut record.fields).into_iter();
        let mut cells = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let (text, line) = fields
                .next()
                .map_or((String::new(), last), |f| (f.text, f.line));
            if column.twice || (index == 0 && self.counted) {
                continue;
            }
            if !column.name.is_empty() {
                cells.push(Cell {
                    name: column.name.to_owned(),
                    line,
                    column: Some(index + 1),
                    text,
                    kind: Kind::Text,
                });
            } else if !text.trim().is_empty() {
                let pandas = match index == 0 && text.parse::<f64>().is_ok() {
                    true => " (pandas: index=False leaves its index out)",
                    false => "",
                };
                return Err(Fault {
                    line,
                    column: Some(index + 1),
                    field: String::new(),
                    message: format!(
                        "'{}' stands in a column without a name; name it in the header, or empty it{pandas}",
                        cut(&text)
                    ),
                });
            }
        }
        Ok(Raw {
            line: record.line,
            cells,
        })
    }

    /// Sees that a record has as many fields as the header. Fewer are told: Excel leaves out the separators after a
    /// row's last cell.
    fn widths(&self, record: &Record, out: &mut Rows) -> Result<(), Fault> {
        let (found, wanted) = (record.fields.len(), self.columns.len());
        let fields = match found {
            1 => "1 field".to_owned(),
            _ => format!("{found} fields"),
        };
        let mut spare = record.fields.iter().skip(wanted);
        if spare.any(|f| !f.text.trim().is_empty()) {
            let quoted = |c| "\u{201c}\u{201d}\u{201e}\u{ab}\u{2018}'".contains(c);
            let mut starts = record.fields.iter().map(|f| f.text.starts_with(quoted));
            let hint = match starts.any(|other| other) {
                true => ", with straight double quotes (\")",
                false => "",
            };
            let between = header::words(self.separator);
            return Err(Fault::line(
                record.line,
                format!(
                    "{fields} where the header has {wanted}; quote fields that hold {between}{hint}"
                ),
            ));
        }
        if found >= self.named {
            return Ok(());
        }
        let named = self.named;
        if self.text(record, "prompt").is_empty() && self.text(record, "video").is_empty() {
            return Err(Fault::line(
                record.line,
                format!(
                    "{fields} where the header has {named}, and no prompt among them; write the row whole, or, if it belongs to the row above, quote that row's text (\"...\")"
                ),
            ));
        }
        out.told.tell(
            "short",
            Fault::line(
                record.line,
                format!(
                    "{fields} where the header has {named}, and those that are missing are read as empty; write the row whole if they should not be"
                ),
            ),
        );
        Ok(())
    }
}

/// Whether the first fields count by one from 0 or 1.
fn count(records: Records<'_>) -> bool {
    let mut next = None;
    for record in records {
        match (record.fields[0].text.parse::<u64>(), next) {
            (Ok(n), None) if n <= 1 => next = Some(n + 1),
            (Ok(n), Some(expected)) if n == expected => next = Some(n + 1),
            _ => return false,
        }
    }
    next.is_some()
}
