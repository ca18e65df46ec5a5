//! Journals that are written, torn anywhere, and gone on with.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sora_director::store::Run;

use super::fake::journal;

fn append(root: &Path, events: &[(String, Value)]) {
    let run = Run::open(root).expect("open");
    let written = run.journal(0);
    for (event, value) in events {
        let document = json!({ "event": event, "value": value });
        written.append(&document, false).expect("append");
    }
}

fn told(events: &[Map<String, Value>]) -> Vec<(String, Value)> {
    let told = |e: &Map<String, Value>| {
        (
            e["event"].as_str().expect("event").to_owned(),
            e["value"].clone(),
        )
    };
    events.iter().map(told).collect()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        vec(any::<String>(), 0..3).prop_map(Value::from),
        "[{}\\[\\]\",\n]{0,6}".prop_map(|t| json!({ t: {"deep": [null, 1.5]} })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_journal_that_is_cut_anywhere_keeps_its_whole_lines_and_goes_on(
        events in vec((any::<String>(), value()), 0..6),
        next in (any::<String>(), value()),
        cut: prop::sample::Index,
    ) {
        let folder = tempfile::tempdir().expect("tempdir");
        append(folder.path(), &events);
        let path = folder.path().join("journal.jsonl");
        let bytes = std::fs::read(&path).expect("read");
        prop_assert_eq!(told(&journal(folder.path())), events.clone());
        let cut = cut.index(bytes.len() + 1);
        std::fs::write(&path, &bytes[..cut]).expect("cut");
        // A line is whole up to its closing brace; its line end adds nothing.
        let ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
        let whole = ends.filter(|(end, _)| *end <= cut).count();
        let mut want = events[..whole].to_vec();
        prop_assert_eq!(told(&journal(folder.path())), want.clone());
        append(folder.path(), std::slice::from_ref(&next));
        want.push(next);
        prop_assert_eq!(told(&journal(folder.path())), want);
    }

    #[test]
    fn a_journal_of_any_bytes_is_read_and_goes_on(bytes in vec(any::<u8>(), 0..300), next in value()) {
        let folder = tempfile::tempdir().expect("tempdir");
        append(folder.path(), &[]);
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, &bytes).expect("write");
        let before = journal(folder.path()).len();
        append(folder.path(), &[("next".to_owned(), next.clone())]);
        let after = journal(folder.path());
        prop_assert_eq!(after.len(), before + 1);
        prop_assert_eq!(told(&after[before..]), [("next".to_owned(), next)]);
    }
}
