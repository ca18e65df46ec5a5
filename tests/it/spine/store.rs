use std::cell::Cell;
use std::path::Path;

use serde_json::json;
use sora_director::store::{Clean, KeyBuilder, Run, StoreError, Verify, clean, read_journal};

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

#[test]
fn an_alteration_that_keeps_size_and_time_is_seen_when_contents_are_verified() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    let run = Run::open(folder.path()).expect("open");
    step(&run, "k", "good", &ran);
    let path = artifact(folder.path());
    let time = path.metadata().and_then(|m| m.modified()).expect("time");
    std::fs::write(&path, "evil").expect("alter");
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("open");
    file.set_modified(time).expect("time");
    drop(file);
    assert!(
        step(&run, "k", "good", &ran),
        "quick: size and time are the same"
    );
    let run = run.verifying(Verify::Full);
    assert!(!step(&run, "k", "good", &ran));
    assert_eq!(std::fs::read_to_string(path).expect("read"), "good");
}

#[test]
fn a_copied_run_is_still_done_though_its_times_differ() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    step(&Run::open(folder.path()).expect("open"), "k", "x", &ran);
    let path = artifact(folder.path());
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("open");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .expect("time");
    assert!(step(
        &Run::open(folder.path()).expect("open"),
        "k",
        "x",
        &ran
    ));
}

#[test]
fn what_clean_drops_counts_as_done_until_it_is_forgotten() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    let run = Run::open(folder.path()).expect("open");
    step(&run, "k", "0123456789", &ran);
    let rows = ["row".to_owned()];
    let what = |dry_run, keep_under, drops: &dyn Fn(&str) -> bool| {
        let what = Clean {
            rows: &rows,
            drops,
            keep_under,
            dry_run,
        };
        clean(&run, &what).expect("clean")
    };
    let all = |path: &str| path.starts_with("a/");
    assert_eq!(what(false, None, &|_| false).files, 0);
    assert_eq!(
        what(false, Some(u64::MAX), &all).files,
        0,
        "small enough already"
    );
    let would = what(true, None, &all);
    assert_eq!((would.rows, would.files, would.bytes), (1, 1, 10));
    assert!(artifact(folder.path()).exists(), "a dry run drops nothing");
    assert_eq!(what(false, None, &all).files, 1);
    assert!(!artifact(folder.path()).exists());
    assert!(step(&run, "k", "0123456789", &ran), "it is still done");
    run.forget_dropped("row", 1).expect("forget");
    assert!(!step(&run, "k", "0123456789", &ran));
    assert_eq!(ran.get(), 2);
}

#[test]
fn files_that_a_step_no_longer_makes_go_with_its_old_record() {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = Run::open(folder.path()).expect("open");
    for (name, other) in [("old.txt", "new.txt"), ("new.txt", "old.txt")] {
        run.once("row", 1, "step", &key(name), |stage| {
            std::fs::write(stage.path(name)?, "x").expect("write");
            Ok::<_, StoreError>(())
        })
        .expect("once");
        assert!(folder.path().join("prompts/row/1").join(name).exists());
        assert!(!folder.path().join("prompts/row/1").join(other).exists());
    }
}

#[test]
fn stored_json_and_runs_of_a_newer_version_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = folder.path().join("scores.json");
    std::fs::write(&file, r#"{"format": 7, "x": 1}"#).expect("write");
    let read = sora_director::store::read_json::<serde_json::Value>(&file);
    assert!(
        matches!(read, Err(StoreError::Newer { found: 7, .. })),
        "{read:?}"
    );
    let root = folder.path().join("run");
    std::fs::create_dir(&root).expect("folder");
    std::fs::write(root.join("run.toml"), "format = 9\n").expect("write");
    let opened = Run::open(&root).expect_err("newer");
    assert!(
        matches!(opened, StoreError::Newer { found: 9, .. }),
        "{opened}"
    );
    assert!(sora_director::run::rows(&root).is_err());
}
