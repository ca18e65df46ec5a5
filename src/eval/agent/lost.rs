//! Where faults are lost: the first mode, from the true geometry to the video alone, that misses each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::FaultKind;
use super::modes::Mode;
use super::record::Line;

/// Faults of one kind that are to be seen, by what becomes of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lost {
    /// The kind.
    pub kind: FaultKind,
    /// To be seen in every mode that has them.
    pub visible: usize,
    /// Found in every mode.
    pub kept: usize,
    /// Missed first in this mode.
    pub first_missed: BTreeMap<Mode, usize>,
    /// Missed in some mode and found in a later one: found by chance, or missed by a scenario that asks for too much.
    pub found_again: usize,
}

/// By kind, over takes with cameras that travel. Needs the lines of more than one mode to say anything.
pub fn lost(lines: &[Line]) -> Vec<Lost> {
    let mut all: BTreeMap<(&str, FaultKind), BTreeMap<Mode, bool>> = BTreeMap::new();
    let fine = lines
        .iter()
        .filter(|l| l.error.is_none() && !l.case.still());
    for line in fine {
        for (fault, found) in line.faults.iter().zip(&line.found) {
            if fault.visible {
                let by = all.entry((&line.case.name, fault.kind)).or_default();
                by.insert(line.mode, *found);
            }
        }
    }
    let mut rows: BTreeMap<FaultKind, Lost> = BTreeMap::new();
    for ((_, kind), by) in all {
        let row = rows.entry(kind).or_insert(Lost {
            kind,
            visible: 0,
            kept: 0,
            first_missed: BTreeMap::new(),
            found_again: 0,
        });
        row.visible += 1;
        match by.iter().find(|(_, found)| !**found) {
            None => row.kept += 1,
            Some((&mode, _)) => {
                *row.first_missed.entry(mode).or_default() += 1;
                let later = by.iter().any(|(m, found)| *m > mode && *found);
                row.found_again += usize::from(later);
            }
        }
    }
    rows.into_values().collect()
}
