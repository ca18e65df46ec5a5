//! TOML: one `[[prompt]]` table a row.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Lines};
use super::raw::{Cell, Kind, Raw, Rows, canonical};

/// Reads `text`. A text that is no TOML has no rows: what its parts were meant to be cannot be known.
pub(super) fn read(text: &str) -> Rows {
    let lines = Lines::new(text);
    let mut out = Rows::default();
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let (line, column) = lines.place(error.span().map_or(0, |s| s.start));
        out.faults.push(Fault {
            line,
            column: Some(column),
            field: String::new(),
            message: format!(
                "not TOML ({}); mend it there: texts stand in quotes, each row under its own [[prompt]]",
                error.message().replace('\n', " ")
            ),
        });
    }
    if !out.faults.is_empty() {
        return out;
    }
    for (key, value) in document.get_ref() {
        let (line, column) = lines.place(key.span().start);
        let mut fault = |message: &str| {
            out.faults.push(Fault {
                line,
                column: Some(column),
                field: key.get_ref().to_string(),
                message: message.to_owned(),
            });
        };
        match value.get_ref() {
            DeValue::Array(rows) if key.get_ref() == "prompt" => {
                for table in rows {
                    let (line, column) = lines.place(table.span().start);
                    match table.get_ref() {
                        DeValue::Table(cells) => out.rows.push(row(line, cells, &lines)),
                        _ => out.faults.push(Fault {
                            line,
                            column: Some(column),
                            field: "prompt".to_owned(),
                            message: "is no table; write each row as a [[prompt]] table".to_owned(),
                        }),
                    }
                }
            }
            DeValue::Table(_) if key.get_ref() == "prompt" => {
                fault("is one table; write [[prompt]], with two brackets, for each row");
            }
            _ => fault(
                "belongs to no row; write each row as a [[prompt]] table with its columns under it",
            ),
        }
    }
    out
}

fn row(line: usize, table: &DeTable<'_>, lines: &Lines<'_>) -> Raw {
    let mut cells: Vec<Cell> = table
        .iter()
        .map(|(key, value)| {
            // A sub-table's span is its header; the key stands in it.
            let start = match value.get_ref() {
                DeValue::Table(_) => key.span().start,
                _ => value.span().start,
            };
            let (line, column) = lines.place(start);
            let (text, kind) = cell(value.get_ref());
            Cell {
                name: canonical(key.get_ref()),
                line,
                column: Some(column),
                text,
                kind,
            }
        })
        .collect();
    cells.sort_by_key(|c| (c.line, c.column));
    Raw { line, cells }
}

fn cell(value: &DeValue<'_>) -> (String, Kind) {
    match value {
        DeValue::String(text) => (text.clone().into_owned(), Kind::Text),
        DeValue::Integer(_) => (json(value).to_string(), Kind::Text),
        DeValue::Float(x) => (x.as_str().to_owned(), Kind::Text),
        DeValue::Boolean(b) => (b.to_string(), Kind::Other("true or false")),
        DeValue::Datetime(time) => (time.to_string(), Kind::Other("a date or time")),
        DeValue::Table(_) => (json(value).to_string(), Kind::Other("a table")),
        DeValue::Array(list) => {
            let texts = list.iter().map(|v| match cell(v.get_ref()) {
                (text, Kind::Text) => Some(text),
                _ => None,
            });
            let texts: Option<Vec<String>> = texts.collect();
            let kind = texts.map_or(Kind::Other("a list of more than texts"), Kind::List);
            (json(value).to_string(), kind)
        }
    }
}

/// The value as JSON, as which unknown columns travel; numbers that JSON cannot hold become texts.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(n) => i128::from_str_radix(n.as_str(), n.radix())
            .ok()
            .and_then(serde_json::Number::from_i128)
            .map_or_else(|| Value::String(n.to_string()), Value::Number),
        DeValue::Float(x) => (x.as_str().parse().ok())
            .and_then(serde_json::Number::from_f64)
            .map_or_else(|| Value::String(x.as_str().to_owned()), Value::Number),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(list) => Value::Array(list.iter().map(|v| json(v.get_ref())).collect()),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(k, v)| (k.get_ref().to_string(), json(v.get_ref())))
                .collect::<Map<_, _>>(),
        ),
    }
}
