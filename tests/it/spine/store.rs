use std::cell::Cell;
use std::path::Path;

use serde_json::json;
use sora_director::store::{
    At, Clean, Recipe, Run, Standing, StepRecord, StoreError, Verify, altered, clean, record_of,
};

use super::fake::journal;

fn key(text: &str) -> Recipe {
    Recipe::new("step").input("text", text)
}

fn at() -> At {
    At::new("row", 1, "step")
}

fn recorded(root: &Path) -> StepRecord {
    match record_of(root, &at()) {
        Ok(Standing::Done(record)) => *record,
        other => panic!("{other:?}"),
    }
}

fn step(run: &Run, key_text: &str, content: &str, ran: &Cell<u32>) -> bool {
    run.once(&at(), &key(key_text), |scratch| {
        ran.set(ran.get() + 1);
        std::fs::write(scratch.path("a/deep/file.txt")?, content).expect("write");
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
fn a_kill_before_the_record_leaves_the_step_undone() {
    let folder = tempfile::tempdir().expect("tempdir");
    let ran = Cell::new(0);
    {
        let run = Run::open(folder.path()).expect("open");
        step(&run, "k", "one", &ran);
    }
    // As a kill would leave it: the files of another make are in place, half of a third one lies in its scratch.
    std::fs::write(artifact(folder.path()), "two").expect("write");
    std::fs::create_dir_all(folder.path().join("tmp/unfinished-work/a")).expect("scratch");
    let run = Run::open(folder.path()).expect("reopen");
    let tmp = std::fs::read_dir(folder.path().join("tmp")).expect("tmp");
    assert_eq!(tmp.count(), 0, "unfinished work is swept");
    assert!(
        !step(&run, "k", "one", &ran),
        "the record knows another file"
    );
    std::fs::remove_file(folder.path().join("prompts/row/1/steps/step.json")).expect("remove");
    assert!(!step(&run, "k", "one", &ran), "no record knows the file");
    assert_eq!(ran.get(), 3);
}

#[test]
fn a_folder_where_a_file_goes_is_told_with_its_mend() {
    let folder = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir_all(artifact(folder.path()).join("inside")).expect("folder");
    std::fs::write(folder.path().join("run.toml"), "").expect("run");
    let run = Run::open(folder.path()).expect("open");
    let error = run.once(&at(), &key("k"), |scratch| {
        std::fs::write(scratch.path("a/deep/file.txt")?, "x").expect("write");
        Ok::<_, StoreError>(())
    });
    let error = error.expect_err("refused").to_string();
    assert!(
        error.contains("file.txt") && error.contains("move it away"),
        "{error}"
    );
}

#[test]
fn a_failed_step_leaves_nothing_and_runs_again() {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = Run::open(folder.path()).expect("open");
    let failed = run.once(&at(), &key("k"), |scratch| {
        std::fs::write(scratch.path("half")?, "half").expect("write");
        Err(StoreError::Missing("x".into()))
    });
    assert!(failed.is_err());
    assert!(!folder.path().join("prompts/row/1/half").exists());
    assert!(!step(&run, "k", "whole", &Cell::new(0)));
}

#[test]
fn a_torn_journal_line_is_ignored_and_the_next_starts_on_its_own() {
    let folder = tempfile::tempdir().expect("tempdir");
    let append = |event: &str| {
        let run = Run::open(folder.path()).expect("open");
        let line = run.journal(0).append(&json!({ "event": event }), true);
        line.expect("append");
    };
    append("one");
    let path = folder.path().join("journal.jsonl");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes.extend_from_slice(b"{\"event\":\"to");
    std::fs::write(&path, bytes).expect("tear");
    append("two");
    let events: Vec<_> = journal(folder.path())
        .iter()
        .map(|e| e["event"].clone())
        .collect();
    assert_eq!(events, [json!("one"), json!("two")]);
}

#[test]
fn a_number_at_its_end_does_not_overflow() {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = Run::open(folder.path()).expect("open");
    let journal = run.journal(u64::MAX);
    let line = journal.append(&json!({"event": "stopping"}), true);
    assert_eq!(line.expect("append").number, u64::MAX);
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
    let text = std::fs::read_to_string(&path).expect("read").replace(
        &format!("\"format\": {}", sora_director::store::FORMAT),
        "\"format\": 99",
    );
    std::fs::write(&path, text).expect("write");
    let again = run.once(&at(), &key("k"), |_| Ok::<_, StoreError>(()));
    assert!(
        matches!(again, Err(StoreError::Newer { found: 99, .. })),
        "{again:?}"
    );
}

#[test]
fn recipes_tell_parts_apart_and_say_in_words_what_differs() {
    let base = || {
        Recipe::new("s")
            .version("splat", 1)
            .option("fit", &json!({"steps": 20, "lr": {"first": 0.1}}))
            .kernel("splat/project", "aa")
            .input("world.ply", "1234")
    };
    let said = |other: Recipe, words: &str| {
        assert_ne!(other.key(), base().key(), "{words}");
        assert_eq!(other.differences(&base()), [words]);
    };
    assert_eq!(base().key(), base().key());
    assert!(base().differences(&base()).is_empty());
    said(
        base().version("splat", 2),
        "the program's splat is of version 2, was 1",
    );
    said(base().option("fit.steps", &40), "fit.steps is 40, was 20");
    said(
        base().option("fit.lr.first", &0.2),
        "fit.lr.first is 0.2, was 0.1",
    );
    said(base().option("fps", &24), "fps is 24, was not set");
    said(
        base().kernel("splat/project", "bb"),
        "the kernel splat/project has changed",
    );
    said(
        base().kernel("splat/raster", "bb"),
        "the kernel splat/raster is new",
    );
    said(
        base().input("world.ply", "5678"),
        "world.ply has another content",
    );
    said(
        base().input("depth.npy", "5678"),
        "depth.npy is read, and was not",
    );
    let split = Recipe::new("s").input("a", "bc").key();
    assert_ne!(split, Recipe::new("s").input("ab", "c").key());
}

#[test]
fn files_outside_a_run_count_by_content_and_are_read_once() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("write");
    };
    let recipe = |known: &[_]| {
        Recipe::new("take")
            .outside("files", &[root.join("in")], known)
            .expect("recipe")
    };
    write("in/a.png", "one");
    write("in/deep/b.png", "two");
    write("in/.hidden", "no");
    write("in/run/run.toml", "a run inside is no input");
    for (to, link) in [("nowhere", "in/dangling.png"), ("..", "in/deep/loop")] {
        std::os::unix::fs::symlink(to, root.join(link)).expect("link");
    }
    let pipe = std::process::Command::new("mkfifo")
        .arg(root.join("in/pipe.png"))
        .status();
    assert!(pipe.expect("mkfifo").success());
    let first = recipe(&[]);
    let names: Vec<_> = first.outside.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["a.png", "deep/b.png"]);
    // Touched, but the same.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let touch = |name: &str| {
        let file = std::fs::File::options().write(true).open(root.join(name));
        file.expect("open").set_modified(later).expect("time");
    };
    touch("in/a.png");
    assert_eq!(recipe(&first.outside).key(), first.key());
    // The same size and time as known: not read again.
    let known = recipe(&[]).outside;
    write("in/a.png", "eno");
    touch("in/a.png");
    assert_eq!(recipe(&known).key(), first.key(), "the stamp is trusted");
    assert_ne!(recipe(&[]).key(), first.key(), "the content is another");
    // A name inside the folder is a part of it; where the folder lies is not.
    write("in/a.png", "one");
    std::fs::rename(root.join("in"), root.join("moved")).expect("move");
    let moved = Recipe::new("take").outside("files", &[root.join("moved")], &[]);
    assert_eq!(moved.expect("recipe").key(), first.key());
    std::fs::rename(root.join("moved/a.png"), root.join("moved/c.png")).expect("rename");
    let renamed = Recipe::new("take").outside("files", &[root.join("moved")], &[]);
    assert_ne!(renamed.expect("recipe").key(), first.key());
    let gone = Recipe::new("take").outside("files", &[root.join("gone.mp4")], &[]);
    assert!(matches!(gone, Err(StoreError::Io { .. })), "{gone:?}");
}

#[test]
fn a_run_of_an_earlier_format_is_refused_by_name_and_left_alone() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path().join("run");
    std::fs::create_dir_all(root.join("prompts/a/1/takes/1")).expect("folder");
    std::fs::create_dir_all(root.join("tmp/half")).expect("folder");
    std::fs::write(root.join("run.toml"), "format = 1\n").expect("write");
    std::fs::write(root.join("prompts/a/1/takes/1/take.mp4"), "paid").expect("write");
    let error = Run::open(&root).expect_err("older");
    assert!(
        matches!(error, StoreError::Older { found: 1, .. }),
        "{error}"
    );
    for word in ["earlier director", "--out", "--provider files"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(root.join("prompts/a/1/takes/1/take.mp4").exists());
    assert!(root.join("tmp/half").exists(), "nothing is swept");
    assert!(!root.join(".lock").exists(), "nothing is written");
}

#[test]
fn records_and_alterations_are_told_without_opening_a_run() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    let run = Run::open(root).expect("open");
    step(&run, "k", "good", &Cell::new(0));
    // The run is locked by this process; who only looks needs no lock.
    let record = recorded(root);
    assert_eq!(record.key, key("k").key());
    assert_eq!(record.recipe, key("k"));
    assert_eq!(altered(root, &at(), &record), None);
    std::fs::write(artifact(root), "evil").expect("alter");
    let found = altered(root, &at(), &record);
    assert_eq!(found.as_deref(), Some("a/deep/file.txt"));
    let other = At::new("row", 1, "other");
    assert_eq!(record_of(root, &other).expect("looked"), Standing::NotYet);
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
    run.forget(&at()).expect("forget");
    assert!(!step(&run, "k", "0123456789", &ran));
    assert_eq!(ran.get(), 2);
}

#[test]
fn files_that_a_step_no_longer_makes_go_with_its_old_record() {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = Run::open(folder.path()).expect("open");
    for (name, other) in [("old.txt", "new.txt"), ("new.txt", "old.txt")] {
        run.once(&at(), &key(name), |scratch| {
            std::fs::write(scratch.path(name)?, "x").expect("write");
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
