//! The ids of a manifest's rows: one row each.

use std::collections::BTreeMap;

use super::Fault;
use super::row::Row;
use super::told::Told;

/// The ids so far.
#[derive(Default)]
pub(super) struct Ids {
    /// By the id in lower case: the first row's line and its id as written.
    lines: BTreeMap<String, (usize, String)>,
    written: usize,
    /// Those that end in `.0`, and what to tell of the first.
    floats: usize,
    first: Option<Fault>,
}

impl Ids {
    /// Takes the id of a row at `line`; a fault if another row has it.
    pub(super) fn take(&mut self, id: &str, row: &Row, line: usize) -> Option<Fault> {
        self.written += usize::from(row.named);
        if row.named && whole_float(id) {
            self.floats += 1;
            self.first.get_or_insert_with(|| Fault {
                line,
                column: row.column,
                field: "id".to_owned(),
                message: format!(
                    "'{id}' is kept as it is; write {} if that is meant: pandas makes floats of whole numbers where a column has gaps",
                    id.trim_end_matches(".0")
                ),
            });
        }
        let lower = id.to_ascii_lowercase();
        let Some((first, other)) = self.lines.get(&lower) else {
            self.lines.insert(lower, (line, id.to_owned()));
            return None;
        };
        let message = if !row.named {
            format!(
                "has the prompt and settings of line {first}; drop one, or give one of them an `id` or another `seed`"
            )
        } else if other == id {
            format!("'{id}' is already the id of line {first}; give each row its own, or drop one")
        } else {
            format!(
                "'{id}' differs from '{other}' of line {first} only in case, which some file systems cannot tell apart; give each row its own"
            )
        };
        Some(Fault {
            line,
            column: row.column.filter(|_| row.named),
            field: if row.named { "id" } else { "" }.to_owned(),
            message,
        })
    }

    /// Tells of ids that all are whole numbers with a fraction of zero.
    pub(super) fn tell(self, told: &mut Told) {
        if let Some(first) = self.first
            && self.floats == self.written
        {
            told.tell("floats", first);
        }
    }
}

/// A whole number as a float is written: `12.0`.
fn whole_float(id: &str) -> bool {
    let whole = id.strip_suffix(".0");
    whole.is_some_and(|whole| !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()))
}
