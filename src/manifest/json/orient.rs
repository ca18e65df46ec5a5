//! Objects that are no row but a table, in the ways that pandas and people write one.

use super::entry::{Entries, Slot};
use crate::manifest::raw::{COLUMNS, canonical};

/// What to do with an object that holds a table, if it does.
pub(super) fn mend(Entries(entries): &Entries) -> Option<String> {
    let by_rows = |what: &str| {
        Some(format!(
            "{what}, not a row; write one object a row (pandas: to_json(path, orient=\"records\"))"
        ))
    };
    let list = |slot: &Slot| matches!(slot, Slot::List(_) | Slot::Other { .. });
    let has = |name: &str, kind: &dyn Fn(&Slot) -> bool| {
        entries.iter().any(|(n, slot)| n == name && kind(slot))
    };
    let object = |slot: &Slot| matches!(slot, Slot::Object { .. });
    if has("data", &list) && (has("columns", &list) || has("schema", &object)) {
        return by_rows("is a table with its columns apart");
    }
    let all =
        |kind: &dyn Fn(&Slot) -> bool| !entries.is_empty() && entries.iter().all(|(_, s)| kind(s));
    if all(&|slot| *slot == Slot::Object { numbered: true }) {
        return by_rows("is a table by columns");
    }
    let lengths = entries.iter().map(|(_, slot)| match slot {
        Slot::List(texts) => texts.len(),
        Slot::Other { length, .. } => *length,
        _ => 0,
    });
    let lengths: Vec<usize> = lengths.collect();
    if lengths.len() > 1 && lengths[0] > 1 && lengths.iter().all(|&l| l == lengths[0]) {
        return by_rows("is a table by columns");
    }
    let known = |name: &str| COLUMNS.contains(&canonical(name).as_str());
    if all(&object) && !entries.iter().any(|(name, _)| known(name)) {
        return by_rows("is a table by its index");
    }
    if entries
        .iter()
        .any(|(name, _)| matches!(canonical(name).as_str(), "prompt" | "video"))
    {
        return None;
    }
    let (name, _) = entries.iter().find(|(name, slot)| {
        let rows = matches!(slot, Slot::Other { objects: true, .. });
        rows || list(slot) && name.to_lowercase().contains("prompt")
    })?;
    Some(format!(
        "is no row: its rows stand under '{}'; write that list alone, [...], or one object a line",
        crate::manifest::fault::cut(name)
    ))
}
