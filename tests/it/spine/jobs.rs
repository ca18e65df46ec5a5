use std::path::Path;
use std::time::Duration;

use sora_director::generate::job::{self, JobOptions, JobRecord, RecordedState};
use sora_director::generate::{Delivered, FailureClass, GenerateError, TakeRequest};
use sora_director::monitor::{Monitor, Silent};
use sora_director::record::RowResult;
use sora_director::store::read_json;

use super::fake::{Answer, Desk, Service, failure};

fn request() -> TakeRequest {
    TakeRequest {
        prompt: "a room".into(),
        model: None,
        seed: 7,
        seconds: 4.0,
        size: [640, 360],
        fps: 24.0,
        video: None,
        reference_image: None,
    }
}

fn options(folder: &Path) -> JobOptions {
    JobOptions {
        key: "the-key".into(),
        record: folder.join("job.json"),
        deadline: Duration::from_secs(60),
        poll: [Duration::from_millis(5), Duration::from_millis(20)],
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("runtime")
        .block_on(future)
}

fn make(
    service: &Service,
    options: &JobOptions,
    monitor: &dyn Monitor,
) -> Result<Delivered, GenerateError> {
    let folder = tempfile::tempdir().expect("tempdir");
    block(job::make(
        service,
        &request(),
        options,
        folder.path(),
        monitor,
    ))
}

fn state(options: &JobOptions) -> RecordedState {
    read_json::<JobRecord>(&options.record)
        .expect("record")
        .state
}

#[test]
fn a_crash_while_a_job_runs_buys_nothing_twice() {
    let home = tempfile::tempdir().expect("tempdir");
    let (service, options) = (Service::new(40), options(home.path()));
    let folder = tempfile::tempdir().expect("tempdir");
    // The future is dropped in the middle, as a kill would end it.
    let request = request();
    let cut = block(async {
        let made = job::make(&service, &request, &options, folder.path(), &Silent);
        tokio::time::timeout(Duration::from_millis(100), made).await
    });
    assert!(cut.is_err(), "it was still running");
    assert!(matches!(state(&options), RecordedState::Submitted(_)));
    make(&service, &options, &Silent).expect("goes on");
    assert_eq!(service.books().billed, ["the-key"]);
    assert!(matches!(state(&options), RecordedState::Fetched { usd: Some(u), .. } if u == 0.5));
    // The fetched files did not become durable: they are fetched again, not bought again.
    make(&service, &options, &Silent).expect("again");
    assert_eq!(service.books().billed, ["the-key"]);
}

#[test]
fn a_submission_whose_answer_is_lost_is_never_sent_again_by_itself() {
    let home = tempfile::tempdir().expect("tempdir");
    let options = options(home.path());
    let service = Service {
        answer: Answer::TakesAndDrops,
        ..Service::new(1)
    };
    for _ in 0..2 {
        let error = make(&service, &options, &Silent).expect_err("ambiguous");
        assert!(matches!(error, GenerateError::Ambiguous { .. }), "{error}");
        assert!(error.to_string().contains("job.json"), "{error}");
        assert_eq!(service.books().billed.len(), 1);
    }
    // A service that can look the key up finds the job.
    let service = Service {
        reconciles: true,
        answer: Answer::Accepts,
        ..service
    };
    make(&service, &options, &Silent).expect("found");
    assert_eq!(service.books().billed.len(), 1);
}

#[test]
fn a_kill_between_intent_and_submission_is_looked_up() {
    let home = tempfile::tempdir().expect("tempdir");
    let options = options(home.path());
    let service = Service {
        reconciles: true,
        ..Service::new(2)
    };
    // As a kill would leave it: the intent is there, and the service never heard of it.
    make(&service, &options, &Silent).expect("made");
    let mut record: JobRecord = read_json(&options.record).expect("record");
    record.state = RecordedState::Intent;
    // The deadline counts from the submission, not from the intent of a day ago.
    record.since -= jiff::SignedDuration::from_hours(24);
    record.key = "the-other".into();
    let options = JobOptions {
        key: "the-other".into(),
        ..options
    };
    sora_director::store::write_json(&options.record, &record).expect("write");
    make(&service, &options, &Silent).expect("surely absent: sent");
    assert_eq!(service.books().billed, ["the-key", "the-other"]);
}

#[test]
fn a_busy_service_is_asked_again_and_its_wish_is_kept() {
    let home = tempfile::tempdir().expect("tempdir");
    let service = Service {
        throttle: 3,
        ..Service::new(2)
    };
    make(&service, &options(home.path()), &Silent).expect("made");
    let books = service.books();
    assert_eq!((books.throttled, books.billed.len()), (3, 1));
}

#[test]
fn failures_are_tried_again_only_where_that_is_free_and_may_help() {
    let cases = [
        (FailureClass::Transient, false, 3),
        (FailureClass::Transient, true, 1),
        (FailureClass::Moderation, false, 1),
        (FailureClass::Input, false, 1),
        (FailureClass::Expired, false, 1),
    ];
    for (class, billed, submissions) in cases {
        let home = tempfile::tempdir().expect("tempdir");
        let options = options(home.path());
        let service = Service {
            fails: Some(("room", failure(class, billed))),
            ..Service::new(0)
        };
        let error = make(&service, &options, &Silent).expect_err("fails");
        let moderation = matches!(error, GenerateError::Moderation(_));
        assert_eq!(moderation, class == FailureClass::Moderation, "{error}");
        assert_eq!(
            service.books().billed.len(),
            submissions,
            "{class:?} {billed}"
        );
        assert_eq!(
            options.record.exists(),
            billed,
            "a record stays where money went"
        );
        if billed {
            let error = make(&service, &options, &Silent).expect_err("lost");
            assert!(matches!(error, GenerateError::Lost { .. }), "{error}");
            assert!(error.to_string().contains("job.json"), "{error}");
            assert_eq!(service.books().billed.len(), submissions);
        }
    }
}

#[test]
fn a_video_that_was_fetched_and_is_gone_since_is_not_bought_again() {
    let home = tempfile::tempdir().expect("tempdir");
    let options = options(home.path());
    let service = Service::new(0);
    make(&service, &options, &Silent).expect("made");
    let forgets = Service {
        fails: Some(("room", failure(FailureClass::Gone, false))),
        ..service.clone()
    };
    for _ in 0..2 {
        make(&forgets, &options, &Silent).expect_err("gone");
        assert!(matches!(state(&options), RecordedState::Lost(_)));
    }
    assert_eq!(service.books().billed.len(), 1);
}

#[test]
fn the_deadline_ends_a_job_that_is_stuck_and_a_later_start_asks_once_more() {
    let home = tempfile::tempdir().expect("tempdir");
    let options = JobOptions {
        deadline: Duration::from_millis(80),
        ..options(home.path())
    };
    let service = Service::new(u32::MAX);
    let error = make(&service, &options, &Silent).expect_err("stuck");
    assert!(matches!(error, GenerateError::Deadline { .. }), "{error}");
    assert!(
        error.to_string().contains("providers.service.deadline"),
        "{error}"
    );
    let polls = service.books().polls;
    make(&service, &options, &Silent).expect_err("still stuck");
    assert_eq!(service.books().polls, polls + 1);
    assert_eq!(service.books().billed.len(), 1);
}

#[test]
fn two_rows_of_one_prompt_and_seed_are_two_jobs() {
    let desk = Desk::new("id,prompt,seed\na,a room,7\nb,a room,7\n");
    let service = Service::new(1);
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.limit, result.failed), (2, 0));
    let billed = service.books().billed.clone();
    assert_eq!(billed.len(), 2);
    assert_ne!(billed[0], billed[1], "their keys name them to the service");
    assert_eq!(service.books().seeds, [7, 7]);
}

#[test]
fn a_services_words_about_its_own_disk_fail_their_row_only() {
    let desk = Desk::new("id,prompt\na,a broken room\nb,a room\n");
    let mut full = failure(FailureClass::Input, false);
    full.message = "No space left on device".into();
    let service = Service {
        fails: Some(("broken", full)),
        ..Service::new(1)
    };
    let result = desk.batch(&service, |_| {}).expect("the batch goes on");
    assert_eq!((result.failed, result.limit, result.left), (1, 1, 0));
    let row = RowResult::load(&desk.root(), "a").expect("row");
    assert!(row.summary.contains("No space left"), "{}", row.summary);
}

#[test]
fn a_prompt_that_moderation_refuses_goes_to_the_reviser() {
    let mut desk = Desk::new("id,prompt\na,a room of doom\n");
    desk.config.max_iterations = 2;
    let service = Service {
        fails: Some(("doom", failure(FailureClass::Moderation, false))),
        ..Service::new(1)
    };
    let result = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!((result.refused, result.failed), (1, 0));
    let row = RowResult::load(&desk.root(), "a").expect("row");
    // The word is still in the second round's prompt, which only has a phrase more.
    assert_eq!(row.iterations.len(), 2);
    assert!(
        row.iterations[1]
            .prompt
            .starts_with("a room of doom, suitable for all audiences")
    );
    let refusal = row.iterations[0].refusal.as_deref().expect("refusal");
    assert!(refusal.contains("moderation"), "{refusal}");
    let again = desk.batch(&service, |_| {}).expect("batch");
    assert_eq!(again.refused, 1);
    let row = RowResult::load(&desk.root(), "a").expect("row");
    assert_eq!(row.iterations.len(), 2);
}
