//! What is read otherwise than it is written: told once a column, with how often it came.

use std::collections::BTreeMap;

use super::Fault;

/// Warnings, the first of each kind.
#[derive(Debug, Default)]
pub(super) struct Told {
    first: BTreeMap<(&'static str, String), (Fault, usize)>,
}

impl Told {
    /// Tells of `fault`, unless the same `kind` of it was told of its field.
    pub(super) fn tell(&mut self, kind: &'static str, fault: Fault) {
        let key = (kind, fault.field.clone());
        self.first.entry(key).or_insert((fault, 0)).1 += 1;
    }

    /// All of them, each with how many more there were.
    pub(super) fn warnings(self) -> impl Iterator<Item = Fault> {
        self.first.into_values().map(|(mut fault, count)| {
            if count > 1 {
                fault.message += &format!(" ({} more of this kind)", count - 1);
            }
            fault
        })
    }
}
