//! What every store must fulfil, held against the folder and against a bucket of objects.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sora_director::monitor::Silent;
use sora_director::store::{At, Begun, Folder, Recipe, Run, Store, StoreError, Verify};

use super::bucket::Bucket;
use super::fake::{Desk, Service};

/// Somewhere that stores can be opened, one process after the other.
trait Place {
    fn open(&self) -> Box<dyn Store>;
    /// Another process takes over all that the open one had claimed.
    fn take_over(&self);
}

struct OnDisk(tempfile::TempDir);

impl Place for OnDisk {
    fn open(&self) -> Box<dyn Store> {
        Box::new(Folder::open(self.0.path()).expect("open"))
    }
    fn take_over(&self) {
        std::fs::remove_file(self.0.path().join(".lock")).expect("lock");
        std::fs::write(self.0.path().join(".lock"), "another").expect("lock");
    }
}

#[derive(Default)]
struct InBucket(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Place for InBucket {
    fn open(&self) -> Box<dyn Store> {
        Box::new(Bucket::over(&self.0))
    }
    fn take_over(&self) {
        let mut objects = self.0.lock().expect("objects");
        let claims = objects
            .iter_mut()
            .filter(|(key, _)| key.starts_with("claims/"));
        claims.for_each(|(_, holder)| *holder = b"another".to_vec());
    }
}

fn everywhere(test: impl Fn(&dyn Place)) {
    test(&OnDisk(tempfile::tempdir().expect("tempdir")));
    test(&InBucket::default());
}

fn at(step: &str) -> At {
    At::new("row", 1, step)
}

/// Does a step that writes these files.
fn make(run: &Run, step: &str, key: &str, files: &[(&str, &str)]) -> Result<bool, StoreError> {
    let recipe = Recipe::new(step).option("key", &key);
    let done = run.once(&at(step), &recipe, |scratch| {
        for (path, text) in files {
            std::fs::write(scratch.path(path)?, text).expect("write");
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(!done.skipped)
}

fn text(run: &Run, path: &str) -> Option<String> {
    let file = run.get("row", 1, path).ok()?;
    Some(std::fs::read_to_string(file).expect("what get answers can be read"))
}

#[test]
fn a_step_that_is_done_is_done_for_every_later_process() {
    everywhere(|place| {
        let run = Run::on(place.open());
        assert!(make(&run, "one", "k", &[("a/b.txt", "first")]).expect("made"));
        assert!(!make(&run, "one", "k", &[("a/b.txt", "never")]).expect("skipped"));
        drop(run);
        let run = Run::on(place.open());
        assert!(!make(&run, "one", "k", &[("a/b.txt", "never")]).expect("skipped"));
        assert_eq!(text(&run, "a/b.txt").as_deref(), Some("first"));
        // Another key makes it again; what it has no more is gone.
        assert!(make(&run, "one", "other", &[("c.txt", "second")]).expect("made"));
        assert_eq!(text(&run, "c.txt").as_deref(), Some("second"));
        assert_eq!(text(&run, "a/b.txt"), None);
    });
}

#[test]
fn work_that_fails_or_is_given_up_leaves_nothing() {
    everywhere(|place| {
        let run = Run::on(place.open());
        let recipe = Recipe::new("one");
        let failed = run.once(&at("one"), &recipe, |scratch| {
            std::fs::write(scratch.path("half.txt")?, "half").expect("write");
            Err(StoreError::Missing("gave up".into()))
        });
        assert!(failed.is_err());
        let Ok(Begun::Work(pending)) = run.begin(&at("one"), &recipe) else {
            panic!("it is not done");
        };
        std::fs::write(pending.scratch().path("half.txt").expect("path"), "half").expect("write");
        let scratch = pending.scratch().root().to_owned();
        drop(pending);
        assert!(!scratch.exists());
        assert_eq!(text(&run, "half.txt"), None);
        assert_eq!(run.record(&at("one")).expect("read"), None);
        assert_eq!(run.store().list("row").expect("list"), []);
    });
}

#[test]
fn steps_are_listed_in_the_order_of_rounds_and_names() {
    everywhere(|place| {
        let run = Run::on(place.open());
        for (iteration, step) in [(2, "b"), (10, "a"), (2, "a"), (1, "z")] {
            let at = At::new("row", iteration, step);
            let done = run.once(&at, &Recipe::new(step), |_| Ok::<_, StoreError>(()));
            done.expect("made");
        }
        make(&run, "z", "k", &[]).expect("made again");
        let listed = run.store().list("row").expect("list");
        let listed: Vec<_> = listed.iter().map(|at| (at.iteration, &*at.step)).collect();
        assert_eq!(listed, [(1, "z"), (2, "a"), (2, "b"), (10, "a")]);
        assert_eq!(run.store().list("other").expect("list"), []);
    });
}

#[test]
fn one_row_is_worked_on_once() {
    everywhere(|place| {
        let run = Run::on(place.open());
        let claim = run.claim("row").expect("free");
        let other = run.claim("another row").expect("free");
        assert!(matches!(run.claim("row"), Err(StoreError::Claimed { .. })));
        drop((claim, other));
        run.claim("row").expect("free again");
    });
}

#[test]
fn who_lost_its_claim_while_it_worked_publishes_nothing() {
    everywhere(|place| {
        let run = Run::on(place.open());
        make(&run, "one", "k", &[("a.txt", "before")]).expect("made");
        let _claim = run.claim("row").expect("free");
        let Ok(Begun::Work(pending)) = run.begin(&at("one"), &Recipe::new("other")) else {
            panic!("another key");
        };
        std::fs::write(pending.scratch().path("a.txt").expect("path"), "mine").expect("write");
        place.take_over();
        let error = pending.finish().expect_err("the claim is lost");
        assert!(matches!(error, StoreError::ClaimLost { .. }), "{error}");
        assert!(error.is_fatal() && error.to_string().contains("no other director"));
        assert_eq!(text(&run, "a.txt").as_deref(), Some("before"));
        let record = run.record(&at("one")).expect("read").expect("the first");
        assert_eq!(record.recipe, Recipe::new("one").option("key", &"k"));
    });
}

#[test]
fn what_was_forgotten_or_dropped_is_told_apart() {
    everywhere(|place| {
        let run = Run::on(place.open());
        make(&run, "one", "k", &[("a.txt", "a"), ("b.txt", "b")]).expect("made");
        let mut record = run.record(&at("one")).expect("read").expect("done");
        record.artifacts[0].dropped = true;
        let gone = ["a.txt".to_owned()];
        run.store()
            .drop_files(&at("one"), &record, &gone)
            .expect("drop");
        assert_eq!(
            (text(&run, "a.txt"), text(&run, "b.txt").as_deref()),
            (None, Some("b"))
        );
        assert!(!make(&run, "one", "k", &[]).expect("it still counts as done"));
        run.forget(&at("one")).expect("forget");
        assert!(make(&run, "one", "k", &[("a.txt", "a")]).expect("made again"));
        let record = run.record(&at("one")).expect("read").expect("done");
        assert_eq!(
            run.store()
                .altered(&at("one"), &record, Verify::Full)
                .expect("looked"),
            None
        );
    });
}

#[test]
fn the_journal_keeps_whole_lines_in_their_order() {
    everywhere(|place| {
        let run = Run::on(place.open());
        let journal = run.journal(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let journal = &journal;
                scope.spawn(move || {
                    for k in 0..25 {
                        let document = serde_json::json!({"thread": thread, "k": k});
                        journal.append(&document, k % 10 == 0).expect("append");
                    }
                });
            }
        });
        let lines = run.lines().expect("lines").map(|line| line.expect("line"));
        let numbers: Vec<_> = lines
            .map(|line| serde_json::from_slice::<serde_json::Value>(&line).expect("whole"))
            .map(|line| line["number"].as_u64().expect("number"))
            .collect();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    });
}

#[test]
fn a_process_that_dies_at_any_put_leaves_a_step_done_or_not_done() {
    for lives in 0..4 {
        let place = InBucket::default();
        let bucket = Bucket::over(&place.0);
        bucket.lives.store(lives, Ordering::Relaxed);
        let files = [("a.txt", "a"), ("b.txt", "b")];
        let made = make(&Run::on(Box::new(bucket)), "one", "k", &files);
        assert_eq!(made.is_ok(), lives == 3);
        let run = Run::on(place.open());
        let ran = make(&run, "one", "k", &files).expect("made or there");
        assert_eq!(ran, lives < 3, "{lives}");
        assert_eq!(text(&run, "b.txt").as_deref(), Some("b"));
    }
}

#[test]
fn a_batch_runs_and_resumes_in_a_bucket() {
    let mut desk = Desk::new("id,prompt\na,a room\nb,a hall\n");
    (desk.config.takes, desk.config.max_iterations) = (2, 2);
    let (place, service) = (InBucket::default(), Service::new(0));
    let start = || {
        desk.in_store(place.open(), &service, &Silent)
            .expect("batch")
    };
    let result = start();
    assert_eq!((result.accepted, result.failed), (2, 0));
    assert_eq!(service.books().billed.len(), 8);
    let result = start();
    assert_eq!(
        (result.accepted, result.resumed),
        (2, 2),
        "nothing is made twice"
    );
    assert_eq!(service.books().billed.len(), 8);
}

#[test]
fn a_lock_that_was_taken_away_stops_the_batch_in_words() {
    struct Steal<'p>(&'p Path, AtomicBool);
    impl sora_director::record::Listener for Steal<'_> {
        fn on(&self, entry: &sora_director::record::Entry) {
            use sora_director::record::Event::StepStarted;
            let begun = matches!(&entry.event, StepStarted { at } if at.step == "splats");
            if begun && !self.1.swap(true, Ordering::Relaxed) {
                std::fs::remove_file(self.0.join(".lock")).expect("steal");
            }
        }
    }
    let desk = Desk::new("id,prompt\na,a room\n");
    let root = desk.root();
    let steal = Steal(&root, AtomicBool::new(false));
    let service = Service::new(0);
    let error = desk.listened(&service, |_| {}, &steal).expect_err("stops");
    assert!(
        format!("{error:#}").contains("its lock was taken away"),
        "{error:#}"
    );
    assert!(!root.join("prompts/a/1/splats.json").exists());
    let result = desk.batch(&service, |_| {}).expect("goes on");
    assert_eq!((result.limit, service.books().billed.len()), (1, 1));
}
