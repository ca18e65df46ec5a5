use std::sync::Arc;
use std::sync::atomic::Ordering;

use sora_director::generate::files::Files;
use sora_director::generate::job::open_jobs;
use sora_director::generate::local::Local;
use sora_director::generate::{FailureClass, Providers};
use sora_director::record::{Entry, Event, Listener, Outcome, RowResult};

use super::fake::{Answer, Desk, Meet, Named, Service, failure, journal};

fn rows(n: usize) -> String {
    let rows: String = (0..n).map(|i| format!("r{i},a room {i}\n")).collect();
    format!("id,prompt\n{rows}")
}

fn steps(desk: &Desk) -> usize {
    let journal = journal(&desk.root());
    journal.iter().filter(|e| e["event"] == "step_done").count()
}

#[test]
fn rows_wait_for_their_takes_at_once_within_the_limit_of_the_provider() {
    let mut desk = Desk::new(&rows(9));
    desk.limits().at_once = 3;
    desk.config.takes_ahead = 9;
    let service = Service::new(4);
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.limit, result.failed, result.exit_code()), (9, 0, 0));
    assert_eq!(service.books().open[1], 3);
    assert_eq!(service.books().billed.len(), 9);
}

#[test]
fn takes_do_not_pile_up_before_a_busy_lane() {
    /// Takes that are there and not scored: now, and at most.
    #[derive(Default)]
    struct Waiting(std::sync::Mutex<[usize; 2]>);
    impl Listener for Waiting {
        fn on(&self, entry: &Entry) {
            let mut n = self.0.lock().expect("waiting");
            match &entry.event {
                Event::StepDone { at, .. } if at.step.starts_with("take") => n[0] += 1,
                Event::RowDone { .. } => n[0] -= 1,
                _ => {}
            }
            n[1] = n[1].max(n[0]);
        }
    }
    let mut desk = Desk::new(&rows(12));
    desk.config.rows_at_once = 12;
    // What waits, what is on the lane, and what was under way when enough waited.
    for (ahead, at_once, least, most) in [(2, 1, 2, 4), (2, 3, 2, 6), (12, 12, 12, 12)] {
        desk.config.takes_ahead = ahead;
        desk.limits().at_once = at_once;
        let waiting = Waiting::default();
        desk.listened(&Service::new(0), |s| s.pause = 30, &waiting)
            .expect("batch");
        let seen = waiting.0.lock().expect("waiting")[1];
        assert!((least..=most).contains(&seen), "{ahead} {at_once}: {seen}");
        std::fs::remove_dir_all(desk.root()).expect("again");
    }
}

#[test]
fn rounds_go_on_until_a_world_is_accepted_and_a_second_start_does_nothing() {
    let mut desk = Desk::new(&rows(3));
    desk.config.max_iterations = 3;
    let service = Service::new(1);
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.accepted, result.resumed), (3, 0));
    assert_eq!(steps(&desk), 3 * 2 * 8);
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.accepted, result.resumed), (3, 3));
    assert_eq!(steps(&desk), 3 * 2 * 8, "no step is done twice");
    assert_eq!(service.books().billed.len(), 6);
}

#[test]
fn rows_of_a_higher_priority_go_first() {
    let mut desk =
        Desk::new("id,prompt,priority\na,a room,\nb,a room b,5\nc,a room c,-1\nd,a room d,5\n");
    desk.config.rows_at_once = 1;
    desk.batch(&Service::new(0), |_| {}).expect("batch");
    let told = desk.told.0.lock().expect("told");
    let order: Vec<_> = told
        .iter()
        .filter_map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).expect("json");
            (event["event"] == "row_started").then(|| event["id"].as_str().map(str::to_owned))?
        })
        .collect();
    assert_eq!(order, ["b", "d", "a", "c"]);
}

#[test]
fn a_stage_that_panics_fails_its_row_only() {
    let desk = Desk::new("id,prompt\na,a room\nb,a cursed room\nc,a hall\n");
    let result = desk
        .batch(&Service::new(0), |s| s.panics = Some("cursed"))
        .expect("batch");
    assert_eq!((result.limit, result.failed, result.exit_code()), (2, 1, 1));
    let failure = RowResult::load(&desk.root(), "b").expect("row").failure;
    let failure = failure.expect("failure");
    assert_eq!(failure.step, "scores-1");
    assert!(failure.error.contains("as it was told to"), "{failure:?}");
    // Mended, the row goes on with the take that it has.
    let service = Service::new(0);
    assert_eq!(desk.batch(&service, |_| {}).expect("batch").failed, 0);
    assert_eq!(service.books().billed.len(), 0, "nothing is bought again");
}

#[test]
fn a_round_goes_on_without_the_takes_that_fail() {
    let mut desk = Desk::new("id,prompt\na,a forbidden room\nb,a room\n");
    desk.config.takes = 2;
    let service = Service {
        fails: Some(("forbidden", failure(FailureClass::Input, false))),
        ..Service::new(0)
    };
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!(
        (result.limit, result.failed),
        (1, 1),
        "all takes of a failed"
    );
    let row = RowResult::load(&desk.root(), "a").expect("row");
    assert!(row.summary.contains("as it was told"), "{}", row.summary);
}

fn left_out(desk: &Desk, round: usize) -> Vec<u32> {
    let row = RowResult::load(&desk.root(), "a").expect("row");
    row.iterations[round].failed_takes.keys().copied().collect()
}

#[test]
fn a_take_that_failed_is_asked_again_until_the_next_round_was_begun_without_it() {
    let mut desk = Desk::new("id,prompt,seed\na,a room,10\n");
    desk.config.takes = 2;
    let sick = |seed, billed| Service {
        fails_seed: Some((seed, failure(FailureClass::Expired, billed))),
        ..Service::new(0)
    };
    let service = sick(11, false);
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.limit, result.failed), (1, 0));
    assert_eq!(left_out(&desk, 0), [2]);
    // It was the last round, so the take is asked for again, and comes.
    let service = Service::new(0);
    desk.batch(&service, |_| {}).expect("batch");
    assert_eq!(service.books().seeds, [11]);
    assert_eq!(left_out(&desk, 0), [0; 0]);

    let mut desk = Desk::new("id,prompt,seed\na,a room,10\n");
    desk.config.takes = 2;
    desk.config.max_iterations = 2;
    let service = sick(11, false);
    assert_eq!(desk.batch(&service, |_| {}).expect("batch").accepted, 1);
    assert_eq!(service.books().seeds, [10, 11, 12, 13]);
    // Now it stays out: with it the second round, which is paid for, might be another.
    let service = Service::new(0);
    assert_eq!(desk.batch(&service, |_| {}).expect("batch").accepted, 1);
    assert_eq!(service.books().seeds, [0; 0]);
    assert_eq!(left_out(&desk, 0), [2]);

    let mut desk = Desk::new("id,prompt,seed\na,a room,10\n");
    desk.config.takes = 2;
    let service = sick(11, true);
    for _ in 0..3 {
        assert_eq!(desk.batch(&service, |_| {}).expect("batch").limit, 1);
        assert_eq!(left_out(&desk, 0), [2]);
    }
    assert_eq!(
        service.books().seeds,
        [10, 11],
        "billed and lost is not bought again"
    );
}

#[test]
fn a_take_that_was_paid_for_is_moved_aside_not_written_over() {
    let mut desk = Desk::new("id,prompt\na,a room\n");
    let service = Service::new(0);
    desk.batch(&service, |_| {}).expect("batch");
    let takes = desk.root().join("prompts/a/1/takes");
    let first = std::fs::read(takes.join("1/take.mp4")).expect("take");
    desk.rows[0].prompt = "another room".into();
    desk.batch(&service, |_| {}).expect("batch");
    assert_ne!(
        std::fs::read(takes.join("1/take.mp4")).expect("take"),
        first
    );
    let aside = takes.join(format!("1-{}", &String::from_utf8_lossy(&first)[..8]));
    assert_eq!(std::fs::read(aside.join("take.mp4")).expect("aside"), first);
}

#[test]
fn a_lane_that_breaks_while_it_opens_is_told_in_words() {
    let desk = Desk::new(&rows(1));
    let error = desk
        .batch(&Service::new(0), |_| panic!("as it was told to"))
        .expect_err("no lane");
    assert!(format!("{error:#}").contains("a lane broke"), "{error:#}");
}

#[test]
fn a_finished_rows_rounds_stay_though_a_later_start_fails_before_them() {
    let mut desk = Desk::new(&rows(1));
    desk.batch(&Service::new(0), |_| {}).expect("batch");
    desk.rows[0].provider = Some("nowhere".into());
    assert_eq!(
        desk.batch(&Service::new(0), |_| {}).expect("batch").failed,
        1
    );
    let row = RowResult::load(&desk.root(), "r0").expect("row");
    assert_eq!((row.outcome, row.iterations.len()), (Outcome::Failed, 1));
}

#[test]
fn a_signal_parks_what_is_paid_for_and_the_next_start_goes_on() {
    struct StopAt<'d>(&'d Desk, std::sync::Mutex<u32>);
    impl Listener for StopAt<'_> {
        fn on(&self, entry: &Entry) {
            if matches!(entry.event, Event::Progress { .. }) {
                let mut seen = self.1.lock().expect("seen");
                *seen += 1;
                if *seen == 5 {
                    self.0.stop.store(true, Ordering::Relaxed);
                }
            }
        }
    }
    let desk = Desk::new(&rows(8));
    let service = Service::new(20);
    let stop = StopAt(&desk, std::sync::Mutex::new(0));
    let result = desk.listened(&service, |_| {}, &stop).expect("batch");
    assert!(result.interrupted);
    assert_eq!((result.exit_code(), result.left), (130, 8));
    let bought = service.books().billed.len();
    assert!((1..=4).contains(&bought), "{bought} jobs are under way");
    assert_eq!(open_jobs(&desk.root()).expect("jobs").len(), bought);
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.limit, result.interrupted), (8, false));
    let mut billed = service.books().billed.clone();
    billed.sort();
    billed.dedup();
    assert_eq!(
        (billed.len(), service.books().billed.len()),
        (8, 8),
        "no take is bought twice"
    );
    assert_eq!(open_jobs(&desk.root()).expect("jobs"), []);
}

#[test]
fn no_credit_is_a_failure_with_its_mend() {
    let desk = Desk::new(&rows(2));
    let service = Service {
        answer: Answer::NoCredit,
        ..Service::new(0)
    };
    assert_eq!(desk.batch(&service, |_| {}).expect("batch").failed, 2);
    let row = RowResult::load(&desk.root(), "r0").expect("row");
    assert_eq!(row.outcome, Outcome::Failed);
    assert!(row.summary.contains("top it up"), "{}", row.summary);
    assert!(
        !desk
            .root()
            .join("prompts/r0/1/jobs")
            .read_dir()
            .is_ok_and(|d| d.count() > 0)
    );
}

#[test]
fn an_unknown_provider_is_a_failure_of_its_row() {
    let mut desk = Desk::new(&rows(2));
    desk.rows[1].provider = Some("nowhere".into());
    let result = desk.batch(&Service::new(0), |_| {}).expect("batch");
    assert_eq!((result.limit, result.failed), (1, 1));
    let row = RowResult::load(&desk.root(), "r1").expect("row");
    assert!(
        row.summary.contains("there is no provider 'nowhere'"),
        "{}",
        row.summary
    );
}

#[test]
fn rounds_that_were_done_before_a_failure_stay_in_the_results() {
    let mut desk = Desk::new("id,prompt\na,a room\n");
    desk.config.max_iterations = 2;
    let service = Service {
        fails: Some(("better", failure(FailureClass::Input, false))),
        ..Service::new(0)
    };
    assert_eq!(desk.batch(&service, |_| {}).expect("batch").failed, 1);
    let row = RowResult::load(&desk.root(), "a").expect("row");
    assert_eq!((row.outcome, row.iterations.len()), (Outcome::Failed, 1));
    assert_eq!(row.iterations[0].takes.len(), 1);
    assert_eq!(row.failure.expect("failure").step, "take-1");
}

#[test]
fn a_slow_provider_does_not_hold_up_another_one() {
    let mut desk = Desk::new("id,prompt,provider\na,a,\nb,b,\nc,c,\nd,d,\ne,e,\n");
    desk.config.takes_ahead = 2;
    desk.limits().at_once = 1;
    desk.rows[4].provider = Some("other".into());
    desk.config
        .providers
        .insert("other".into(), desk.config.providers["service"].clone());
    let slow = Service::new(60);
    let quick = Service::new(0);
    let mut providers = Providers::default();
    providers.add(Arc::new(slow.clone()));
    providers.add(Arc::new(Named("other", quick.clone())));
    desk.with(&providers, |_| {}, &desk.told).expect("batch");
    let told = desk.told.0.lock().expect("told");
    let done = |id: &str| {
        told.iter().position(|line| {
            let event: serde_json::Value = serde_json::from_str(line).expect("json");
            event["event"] == "row_done" && event["id"] == id
        })
    };
    assert!(done("e").is_some() && done("b").is_some());
    assert!(
        done("e") < done("b"),
        "e waited for the places of another provider"
    );
}

#[test]
fn an_input_that_moved_is_read_where_it_lies_now_and_not_made_again() {
    let mut desk = Desk::new("id,prompt\na,a room\n");
    let [old, new] = ["old.png", "new.png"].map(|name| desk.folder.path().join(name));
    image::RgbImage::new(32, 16).save(&old).expect("picture");
    let mut providers = Providers::default();
    providers.add(Arc::new(Local(Files)));
    desk.rows[0].provider = Some("files".into());
    for path in [&old, &new] {
        if path == &new {
            std::fs::rename(&old, &new).expect("rename");
        }
        desk.rows[0].video = Some(path.clone());
        assert_eq!(
            desk.with(&providers, |_| {}, &desk.told)
                .expect("batch")
                .limit,
            1
        );
        let row = RowResult::load(&desk.root(), "a").expect("row");
        assert_eq!(&row.iterations[0].takes[0].video, path);
    }
    assert_eq!(steps(&desk), 8, "no step was done again");
}

#[test]
fn two_lanes_on_an_adapter_work_at_once_and_its_idle_share_is_told() {
    /// What the end of a run tells of its adapters.
    struct Told(std::sync::Mutex<Vec<(String, f64, f64)>>);
    impl Listener for Told {
        fn on(&self, entry: &Entry) {
            if let Event::RunDone { adapters, .. } = &entry.event {
                let mut seen = self.0.lock().expect("seen");
                seen.extend(adapters.iter().map(|a| (a.adapter.clone(), a.busy, a.idle)));
            }
        }
    }
    use std::sync::atomic::AtomicUsize;
    for lanes in [1, 2] {
        let mut desk = Desk::new(&rows(6));
        desk.config.lanes = lanes;
        let opened = AtomicUsize::new(0);
        let meet = Arc::new(Meet::of(lanes as usize));
        let seen = Told(Default::default());
        let result = desk
            .listened(
                &Service::new(0),
                |s| {
                    s.pause = 30;
                    s.meet = Some(meet.clone());
                    opened.fetch_add(1, Ordering::Relaxed);
                },
                &seen,
            )
            .expect("batch");
        assert_eq!((result.limit, result.failed), (6, 0));
        assert_eq!(opened.load(Ordering::Relaxed), lanes as usize);
        assert_eq!(meet.most(), lanes as usize, "lanes at work at once");
        let seen = seen.0.into_inner().expect("seen");
        let [(name, busy, idle)] = seen.as_slice() else {
            panic!("{seen:?}")
        };
        assert_eq!(name, "null");
        // Six pauses of 30 ms, one after the other or two at once.
        assert!(*busy >= 0.18 / f64::from(lanes), "{busy}");
        assert!((0.0..1.0).contains(idle), "{idle}");
    }
}
