//! False alarms: violations that count and are wrong, by what they say and who says it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::matching::{Judged, Truth};
use super::record::Line;

/// A count of false alarms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// What was said.
    pub what: String,
    /// By which scenario.
    pub scenario: String,
    /// Where nothing is planted.
    pub nothing: usize,
    /// At a fault that has another name.
    pub misnamed: usize,
    /// A second time of the same fault.
    pub duplicates: usize,
    /// Of them in clean takes.
    pub in_clean: usize,
}

/// A violation that counts and is wrong; a second one on the same fault only where that is asked.
pub(super) fn wrong(judged: &Judged, strict: bool) -> bool {
    judged.told
        && match judged.truth {
            Truth::False | Truth::Misnamed => true,
            Truth::Duplicate => strict,
            Truth::Found | Truth::Unseen => false,
        }
}

/// All of them, the most first.
pub(super) fn alarms(lines: &[&Line]) -> Vec<Alarm> {
    let mut by: BTreeMap<(String, String), Alarm> = BTreeMap::new();
    for line in lines {
        for j in line.violations.iter().filter(|j| wrong(j, true)) {
            let what = format!("{:?}", j.what);
            let alarm = by
                .entry((what.clone(), j.scenario.clone()))
                .or_insert(Alarm {
                    what,
                    scenario: j.scenario.clone(),
                    nothing: 0,
                    misnamed: 0,
                    duplicates: 0,
                    in_clean: 0,
                });
            match j.truth {
                Truth::Misnamed => alarm.misnamed += 1,
                Truth::Duplicate => alarm.duplicates += 1,
                _ => alarm.nothing += 1,
            }
            alarm.in_clean += usize::from(line.clean());
        }
    }
    let mut alarms: Vec<Alarm> = by.into_values().collect();
    alarms.sort_by_key(|a| std::cmp::Reverse(a.nothing + a.misnamed + a.duplicates));
    alarms
}
