//! JSON Lines: one object a line.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::fault::{Fault, character};
use super::raw::{Cell, Kind, Raw, Rows, canonical};

/// The entries of an object in their order, names that come twice included.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Reads `text`; lines of blanks only are left out.
pub(super) fn read(text: &str) -> Rows {
    let mut out = Rows::default();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Entries>(content) {
            Ok(Entries(entries)) => out.rows.push(row(line, content, entries)),
            Err(error) => {
                let words = error.to_string();
                // The parser sees one line; its own idea of lines and columns says nothing here.
                let words = words.split(" at line ").next().unwrap_or_default();
                out.faults.push(Fault {
                    line,
                    column: Some(character(content, error.column().saturating_sub(1))),
                    field: String::new(),
                    message: format!("not a JSON object ({words}); write one object a line"),
                });
            }
        }
    }
    out
}

fn row(line: usize, content: &str, entries: Vec<(String, Value)>) -> Raw {
    let mut cells = Vec::with_capacity(entries.len());
    for ((name, value), place) in entries.into_iter().zip(places(content)) {
        let written = &content[place.clone()];
        let (text, kind) = match value {
            Value::Null => continue,
            Value::String(text) => (text, Kind::Text),
            Value::Number(_) => (written.to_owned(), Kind::Text),
            Value::Bool(_) => (written.to_owned(), Kind::Other("true or false")),
            Value::Object(_) => (written.to_owned(), Kind::Other("an object")),
            Value::Array(list) => {
                let texts: Option<Vec<String>> = list.iter().map(scalar).collect();
                let kind = texts.map_or(Kind::Other("a list of more than texts"), Kind::List);
                (written.to_owned(), kind)
            }
        };
        cells.push(Cell {
            name: canonical(&name),
            line,
            column: Some(character(content, place.start)),
            text,
            kind,
        });
    }
    Raw { line, cells }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Where the values of an object lie in its text, which is known to be JSON.
fn places(text: &str) -> Vec<Range<usize>> {
    let (mut places, mut depth, mut start) = (Vec::new(), 0usize, 0);
    let mut end = |start: usize, end: usize| {
        let value = text[start..end].trim_end();
        let blanks = value.len() - value.trim_start().len();
        places.push(start + blanks..start + value.len());
    };
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                while let Some((_, inside)) = bytes.next() {
                    match inside {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b':' if depth == 1 => start = at + 1,
            b',' if depth == 1 => end(start, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && start > 0 {
                    end(start, at);
                }
            }
            _ => {}
        }
    }
    places
}
