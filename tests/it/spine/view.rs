//! The view that is folded from a journal, and journals that this program does not understand.

use std::path::Path;

use serde_json::json;
use sora_director::monitor::Silent;
use sora_director::record::{Entry, Event, Outcome, RowResult, RunView};
use sora_director::store::{At, FORMAT, StoreError};

use super::cli::{Folder, code, run, stderr};
use super::fake::{Desk, Service, journal};

fn write(root: &Path, events: &[serde_json::Value]) {
    let text = format!("format = {FORMAT}\n");
    std::fs::write(root.join("run.toml"), text).expect("write");
    let line = |(number, event): (usize, &serde_json::Value)| {
        let mut line = json!({"number": number, "time": format!("2026-11-28T00:00:{number:02}Z")});
        let fields = event.as_object().expect("object").clone();
        line.as_object_mut().expect("object").extend(fields);
        format!("{line}\n")
    };
    let lines: String = (1..).zip(events).map(line).collect();
    std::fs::write(root.join("journal.jsonl"), lines).expect("write");
}

fn started(rows: &[&str]) -> serde_json::Value {
    json!({"event": "run_started", "rows": rows, "folder": "/m", "version": "0.1.0", "format": FORMAT})
}

fn step(event: &str, id: &str, step: &str) -> serde_json::Value {
    json!({"event": event, "id": id, "iteration": 1, "step": step, "skipped": false, "seconds": 1.5, "summary": ""})
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let mut desk = Desk::new("id,prompt\na,a room\n");
    (desk.config.takes, desk.config.max_iterations) = (2, 2);
    let mut service = Service::new(1);
    // A take that fails gives its round a map whose keys are numbers.
    let fault = super::fake::failure(sora_director::generate::FailureClass::Input, false);
    service.fails_seed = Some((desk.config.seed, fault));
    desk.listened(&service, |_| {}, &desk.told).expect("batch");
    let told = desk.told.0.lock().expect("told");
    let mut kept = Vec::new();
    for line in told.iter() {
        let entry: Entry = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(&serde_json::to_string(&entry).expect("json"), line);
        kept.extend(entry.number);
        let is_kept = !matches!(entry.event, Event::Progress { .. });
        assert_eq!(entry.number.is_some(), is_kept, "{line}");
    }
    assert_eq!(kept, (1..=kept.len() as u64).collect::<Vec<_>>());
    assert_eq!(journal(&desk.root()).len(), kept.len());
    let row = RowResult::load(&desk.root(), "a").expect("row");
    assert_eq!(row.iterations[0].failed_takes.len(), 1);
    assert!(row.iterations[0].failed_takes[&1].contains("as it was told to"));
}

#[test]
fn a_second_start_adds_no_more_than_its_beginning_and_end() {
    let desk = Desk::new("id,prompt\na,a room\nb,a hall\n");
    desk.batch(&Service::new(0), |_| {}).expect("batch");
    let before = journal(&desk.root()).len();
    let numbers = |lines: &[serde_json::Map<String, serde_json::Value>]| -> Vec<u64> {
        lines
            .iter()
            .map(|l| l["number"].as_u64().expect("number"))
            .collect()
    };
    desk.batch(&Service::new(0), |_| {}).expect("batch");
    let after = journal(&desk.root());
    let added: Vec<_> = after[before..].iter().map(|line| &line["event"]).collect();
    assert_eq!(added, ["run_started", "run_done"]);
    assert_eq!(
        numbers(&after),
        (1..=after.len() as u64).collect::<Vec<_>>()
    );
    let view = RunView::load(&desk.root()).expect("view");
    assert_eq!(
        (view.starts, view.rows().len(), view.is_open()),
        (2, 2, false)
    );
    assert!(
        view.row("a")
            .is_some_and(|a| a.result().is_some() && a.done.is_some())
    );
}

#[test]
fn rows_whose_journal_was_lost_are_told_again() {
    let desk = Desk::new("id,prompt\na,a room\n");
    let service = Service::new(0);
    desk.batch(&service, |_| {}).expect("batch");
    let before = RowResult::load(&desk.root(), "a").expect("row");
    std::fs::remove_file(desk.root().join("journal.jsonl")).expect("remove");
    let view = RunView::load(&desk.root()).expect("view");
    assert_eq!((view.rows().len(), view.starts), (0, 0));
    let result = desk.listened(&service, |_| {}, &Silent).expect("batch");
    assert_eq!((result.resumed, service.books().billed.len()), (1, 1));
    assert_eq!(RowResult::load(&desk.root(), "a").expect("row"), before);
}

#[test]
fn what_a_start_that_was_cut_short_left_open_is_seen() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    write(
        root,
        &[
            started(&["a", "b", "c"]),
            step("step_started", "a", "take-1"),
            step("step_done", "a", "take-1"),
            step("step_started", "a", "splats"),
            json!({"event": "row_started", "id": "b", "index": 1}),
        ],
    );
    let view = RunView::load(root).expect("view");
    let a = view.row("a").expect("row");
    assert_eq!((a.doing[0].step.as_str(), a.iteration), ("splats", Some(1)));
    assert!(view.is_open() && view.row("b").is_some_and(|b| b.done.is_none()));
    assert_eq!(
        (view.steps["take"].count, view.steps["take"].seconds),
        (1, 1.5)
    );
    assert_eq!(view.folder.as_deref(), Some("/m".as_ref()));
    // The next start has other rows, and nothing is under way any more.
    let mut next = vec![started(&["a", "b"]), step("step_started", "a", "splats")];
    next.push(started(&["b"]));
    next.push(json!({"event": "run_done", "left": 1, "failed": 0}));
    write(root, &next);
    let view = RunView::load(root).expect("view");
    let ids: Vec<_> = view.rows().iter().map(|row| row.id.as_str()).collect();
    assert_eq!((ids, view.starts, view.is_open()), (vec!["b"], 2, false));
}

#[test]
fn a_journal_from_the_future_is_refused_by_name_and_left_as_it_is() {
    let folder = Folder::new();
    let manifest = folder.text("m.csv", "id,prompt\na,a room\n");
    let out = folder.out("run");
    std::fs::create_dir_all(&out).expect("folder");
    let root = Path::new(&out);
    let tomorrow = json!({"event": "world_walked", "id": "a"});
    write(root, &[started(&["a"]), tomorrow]);
    let error = RunView::load(root).expect_err("refused");
    assert!(
        matches!(error, StoreError::Future { entry: 2, .. }),
        "{error}"
    );
    let mut newer = started(&["a"]);
    newer["format"] = json!(FORMAT + 1);
    for (events, words) in [
        (
            vec![started(&["a"]), json!({"event": "world_walked"})],
            "entry 2 is a 'world_walked'",
        ),
        (vec![newer], "use a newer director"),
    ] {
        write(root, &events);
        let before = std::fs::read(root.join("journal.jsonl")).expect("read");
        for args in [
            vec!["run", &manifest, "--out", &out],
            vec!["status", &out],
            vec!["results", &out],
        ] {
            let output = run(&args);
            assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
            assert!(
                stderr(&output).contains(words),
                "{args:?}: {}",
                stderr(&output)
            );
        }
        assert_eq!(
            std::fs::read(root.join("journal.jsonl")).expect("read"),
            before
        );
        assert!(!root.join("prompts").exists());
    }
}

#[test]
fn a_row_that_is_being_made_again_is_not_done_until_it_is() {
    let desk = Desk::new("id,prompt\na,a room\nb,a hall\n");
    let service = Service::new(0);
    desk.batch(&service, |_| {}).expect("batch");
    let path = desk.root().join("journal.jsonl");
    let whole = std::fs::read_to_string(&path).expect("read");
    let number = whole.lines().count() + 1;
    let mut line = json!({"number": number, "time": "2026-11-28T00:00:00Z"});
    let fields = step("step_started", "a", "splats");
    line.as_object_mut()
        .expect("object")
        .extend(fields.as_object().expect("object").clone());
    std::fs::write(&path, format!("{whole}{line}\n")).expect("write");
    let view = RunView::load(&desk.root()).expect("view");
    let ids: Vec<_> = view.results().map(|result| result.row.id).collect();
    assert_eq!((ids, view.is_done("a")), (vec!["b".to_owned()], false));
    assert!(
        view.row("a")
            .is_some_and(|a| a.again && a.result().is_some())
    );
    // The next start finds nothing to do, and says so.
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.resumed, service.books().billed.len()), (2, 2));
    let view = RunView::load(&desk.root()).expect("view");
    assert_eq!(view.results().count(), 2);
}

#[test]
fn a_take_that_fails_at_every_start_leaves_its_row_done() {
    let mut desk = Desk::new("id,prompt\na,a room\n");
    desk.config.takes = 2;
    let mut service = Service::new(0);
    let fault = super::fake::failure(sora_director::generate::FailureClass::Input, false);
    service.fails_seed = Some((desk.config.seed, fault));
    for start in 1..=4 {
        desk.batch(&service, |_| {}).expect("batch");
        let view = RunView::load(&desk.root()).expect("view");
        assert_eq!(
            (view.results().count(), view.is_done("a")),
            (1, true),
            "{start}"
        );
        assert!(
            view.row("a")
                .is_some_and(|a| !a.again && a.doing.is_empty())
        );
    }
}

#[test]
fn an_entry_that_was_altered_is_left_out_and_its_number_stays_used() {
    let folder = tempfile::tempdir().expect("tempdir");
    write(
        folder.path(),
        &[
            started(&["a"]),
            json!({"event": "row_done", "id": "a", "outcome": "splendid"}),
        ],
    );
    let view = RunView::load(folder.path()).expect("view");
    assert_eq!((view.last, view.is_done("a")), (2, false));
}

#[test]
fn events_name_their_step_in_words() {
    assert_eq!(At::new("hall", 2, "splats").to_string(), "hall 2 splats");
    assert_eq!(Outcome::Undecided.name(), "undecided");
}
