use std::cell::Cell;
use std::path::Path;

use serde_json::json;
use sora_director::store::{KeyBuilder, Run, StoreError, read_journal};

fn key(text: &str) -> sora_director::store::Key {
    KeyBuilder::new("step", 1).bytes(text.as_bytes()).finish()
}

fn step(run: &Run, key_text: &str, content: &str, ran: &Cell<u32>) -> bool {
    run.once("row", 1, "step", &key(key_text), |stage| {
        ran.set(ran.get() + 1);
        std::fs::write(stage.path("a/deep/file.txt")?, content).expect("write");
        Ok::<_, StoreError>(())
    })
    .expect("once")
    .skipped
}

fn artifact(root: &Path) -> std::path::PathBuf {
    root.join("prompts/row/1/a/deep/file.txt")
}

#[test]
fn a_step_runs_once_under_a_key_and_again_when_it_changes() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    {
        let run = Run::open(folder.path()).expect("open");
        assert!(!step(&run, "k", "one", &ran));
        assert!(step(&run, "k", "one", &ran));
    }
    let run = Run::open(folder.path()).expect("reopen");
    assert!(step(&run, "k", "one", &ran), "a later process skips it too");
    assert!(!step(&run, "other", "two", &ran));
    assert_eq!(ran.get(), 2);
    assert_eq!(
        std::fs::read_to_string(artifact(folder.path())).expect("read"),
        "two"
    );
    assert_eq!(
        std::fs::read_dir(folder.path().join("tmp"))
            .expect("tmp")
            .count(),
        0,
        "no stage is left"
    );
}

#[test]
fn an_altered_or_missing_artifact_is_made_again() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    let run = Run::open(folder.path()).expect("open");
    step(&run, "k", "good", &ran);
    std::fs::write(artifact(folder.path()), "evil").expect("alter");
    assert!(!step(&run, "k", "good", &ran));
    std::fs::remove_file(artifact(folder.path())).expect("remove");
    assert!(!step(&run, "k", "good", &ran));
    assert_eq!(
        (
            ran.get(),
            std::fs::read_to_string(artifact(folder.path())).expect("read")
        ),
        (3, "good".to_owned())
    );
}

#[test]
fn a_kill_between_record_and_rename_loses_nothing() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    {
        let run = Run::open(folder.path()).expect("open");
        step(&run, "k", "paid for", &ran);
    }
    // As a kill would leave it: the record is written, the file still lies in its stage.
    let record: serde_json::Value = serde_json::from_slice(
        &std::fs::read(folder.path().join("prompts/row/1/steps/step.json")).expect("record"),
    )
    .expect("json");
    let stage = folder
        .path()
        .join("tmp")
        .join(record["stage"].as_str().expect("stage"));
    std::fs::create_dir_all(stage.join("a/deep")).expect("stage");
    std::fs::rename(artifact(folder.path()), stage.join("a/deep/file.txt")).expect("back");
    std::fs::create_dir_all(folder.path().join("tmp/unfinished-work")).expect("other stage");
    let run = Run::open(folder.path()).expect("reopen");
    assert!(
        !folder.path().join("tmp/unfinished-work").exists(),
        "unfinished work is swept"
    );
    assert!(step(&run, "k", "never made twice", &ran));
    assert_eq!(
        (
            ran.get(),
            std::fs::read_to_string(artifact(folder.path())).expect("read")
        ),
        (1, "paid for".to_owned())
    );
}

#[test]
fn a_failed_step_leaves_nothing_and_runs_again() {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = Run::open(folder.path()).expect("open");
    let failed = run.once("row", 1, "step", &key("k"), |stage| {
        std::fs::write(stage.path("half")?, "half").expect("write");
        Err(StoreError::Missing("x".into()))
    });
    assert!(failed.is_err());
    assert!(!folder.path().join("prompts/row/1/half").exists());
    assert!(!step(&run, "k", "whole", &Cell::new(0)));
}

#[test]
fn a_torn_journal_line_is_ignored_and_the_next_starts_on_its_own() {
    let folder = tempfile::tempdir().expect("tempdir");
    Run::open(folder.path())
        .expect("open")
        .journal()
        .append("one", json!({"n": 1}))
        .expect("append");
    let path = folder.path().join("journal.jsonl");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes.extend_from_slice(b"{\"event\":\"to");
    std::fs::write(&path, bytes).expect("tear");
    Run::open(folder.path())
        .expect("open")
        .journal()
        .append("two", json!({}))
        .expect("append");
    let events: Vec<_> = read_journal(&path)
        .iter()
        .map(|e| e["event"].clone())
        .collect();
    assert_eq!(events, [json!("one"), json!("two")]);
}

#[test]
fn losing_the_journal_loses_no_artifact() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    step(&Run::open(folder.path()).expect("open"), "k", "x", &ran);
    std::fs::remove_file(folder.path().join("journal.jsonl")).expect("remove");
    assert!(step(
        &Run::open(folder.path()).expect("open"),
        "k",
        "x",
        &ran
    ));
}

#[test]
fn two_processes_and_foreign_folders_are_refused() {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = Run::open(folder.path()).expect("open");
    assert!(matches!(
        Run::open(folder.path()),
        Err(StoreError::Locked { .. })
    ));
    drop(run);
    Run::open(folder.path()).expect("free again");
    let other = tempfile::tempdir().expect("tempdir");
    std::fs::write(other.path().join("thesis.txt"), "mine").expect("write");
    assert!(matches!(
        Run::open(other.path()),
        Err(StoreError::Foreign(_))
    ));
}

#[test]
fn a_record_of_a_newer_version_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    let run = Run::open(folder.path()).expect("open");
    step(&run, "k", "x", &ran);
    let path = folder.path().join("prompts/row/1/steps/step.json");
    let text = std::fs::read_to_string(&path)
        .expect("read")
        .replace("\"format\": 1", "\"format\": 99");
    std::fs::write(&path, text).expect("write");
    let again = run.once("row", 1, "step", &key("k"), |_| Ok::<_, StoreError>(()));
    assert!(
        matches!(again, Err(StoreError::Newer { found: 99, .. })),
        "{again:?}"
    );
}

#[test]
fn keys_tell_parts_apart() {
    let a = KeyBuilder::new("s", 1).bytes(b"ab").bytes(b"c").finish();
    let b = KeyBuilder::new("s", 1).bytes(b"a").bytes(b"bc").finish();
    let c = KeyBuilder::new("s", 2).bytes(b"ab").bytes(b"c").finish();
    assert!(a != b && a != c && b != c);
}
