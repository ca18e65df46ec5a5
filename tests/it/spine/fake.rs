//! A service that queues, polls and bills, and stages that do next to nothing, so that the spine can be tried alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use sora_director::generate::{
    Caps, Delivered, DependsOn, FailureClass, GenerateError, JobFailure, JobHandle, JobState,
    Polled, Providers, Quote, Reconciled, Submission, TakeRequest, VideoProvider,
};
use sora_director::lane::Recover;
use sora_director::manifest::{self, Prompt};
use sora_director::monitor::Monitor;
use sora_director::pipeline::{Config, Context, Preset, Round, Scored, Stages, StepError, Take};
use sora_director::record::{Entry, Events, IterationResult, Listener, TakeResult, Work};
use sora_director::revise::Revision;
use sora_director::run::{Batch, BatchResult};
use sora_director::score::Scores;
use sora_director::store::{Lines, Recipe, Run, Store};

/// The lines of a run's journal.
pub fn journal(root: &Path) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let lines = Lines::of(root)
        .expect("journal")
        .map(|line| line.expect("line"));
    lines
        .filter_map(|line| serde_json::from_slice(&line).ok())
        .collect()
}

/// What the service knows; it outlives the director's process, as a real one does.
#[derive(Debug, Default)]
pub struct Books {
    /// Polls left of each job.
    jobs: BTreeMap<String, u32>,
    /// Keys in the order of their submissions: each one is a bill.
    pub billed: Vec<String>,
    /// Seeds in the same order.
    pub seeds: Vec<u64>,
    /// Jobs that were submitted and not fetched, now and at most.
    pub open: [usize; 2],
    /// Submissions that were turned away.
    pub throttled: u32,
    pub polls: u32,
}

/// How a submission is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    #[default]
    Accepts,
    /// The job is taken, and the connection drops before the answer.
    TakesAndDrops,
    NoCredit,
}

#[derive(Clone, Debug, Default)]
pub struct Service {
    pub books: Arc<Mutex<Books>>,
    pub polls: u32,
    pub throttle: u32,
    pub answer: Answer,
    pub reconciles: bool,
    /// Jobs with this in their prompt fail like this.
    pub fails: Option<(&'static str, JobFailure)>,
    /// The job of this seed fails like this.
    pub fails_seed: Option<(u64, JobFailure)>,
}

impl Service {
    pub fn new(polls: u32) -> Self {
        Self {
            polls,
            ..Self::default()
        }
    }
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("books")
    }
}

pub fn failure(class: FailureClass, billed: bool) -> JobFailure {
    JobFailure {
        class,
        billed,
        message: "as it was told to".into(),
    }
}

#[async_trait]
impl VideoProvider for Service {
    fn name(&self) -> &str {
        "service"
    }
    fn caps(&self, _model: Option<&str>) -> Caps {
        Caps {
            paid: true,
            generates: true,
        }
    }
    fn depends_on(&self, _request: &TakeRequest) -> DependsOn {
        DependsOn::default()
    }
    fn check(&self, _request: &TakeRequest) -> Result<(), GenerateError> {
        Ok(())
    }
    fn quote(&self, _request: &TakeRequest) -> Quote {
        Quote::Unknown
    }
    async fn submit(&self, request: &TakeRequest, key: &str) -> Submission {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut books = self.books();
        if self.answer == Answer::NoCredit {
            return Submission::OutOfCredit("0.00 USD".into());
        }
        if books.throttled < self.throttle {
            books.throttled += 1;
            return Submission::Throttled {
                after: Some(Duration::from_millis(5)),
            };
        }
        books.jobs.insert(key.to_owned(), self.polls);
        books.billed.push(key.to_owned());
        books.seeds.push(request.seed);
        books.open[0] += 1;
        books.open[1] = books.open[1].max(books.open[0]);
        if self.answer == Answer::TakesAndDrops {
            return Submission::Ambiguous("the connection was closed".into());
        }
        Submission::Accepted(handle(request, key))
    }
    async fn poll(&self, handle: &JobHandle) -> Result<Polled, GenerateError> {
        let mut books = self.books();
        books.polls += 1;
        let prompt = handle.data["prompt"].as_str().unwrap_or_default();
        let seed = handle.data["seed"].as_u64();
        let by_word = self.fails.iter().find(|f| prompt.contains(f.0));
        let by_seed = self.fails_seed.iter().find(|f| seed == Some(f.0));
        if let Some(failure) = by_word.map(|f| &f.1).or(by_seed.map(|f| &f.1)) {
            books.open[0] = books.open[0].saturating_sub(1);
            return Ok(JobState::Failed(failure.clone()).into());
        }
        let left = books.jobs.get_mut(&handle.id);
        let state = match left {
            None => JobState::Failed(failure(FailureClass::Gone, false)),
            Some(0) => JobState::Done { usd: Some(0.5) },
            Some(left) => {
                *left -= 1;
                JobState::Running {
                    percent: Some(50.0),
                }
            }
        };
        Ok(Polled {
            state,
            again_after: Some(Duration::from_millis(5)),
        })
    }
    async fn fetch(
        &self,
        handle: &JobHandle,
        folder: &Path,
        _monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError> {
        let video = folder.join("take.mp4");
        std::fs::write(&video, &handle.id).expect("write");
        // A job may be fetched again.
        let mut books = self.books();
        books.open[0] = books.open[0].saturating_sub(1);
        Ok(Delivered {
            video,
            notes: Vec::new(),
        })
    }
    async fn cancel(&self, _handle: &JobHandle) -> Result<(), GenerateError> {
        Ok(())
    }
    async fn reconcile(&self, key: &str) -> Result<Reconciled, GenerateError> {
        if !self.reconciles {
            return Ok(Reconciled::Unknown);
        }
        Ok(match self.books().jobs.contains_key(key) {
            true => Reconciled::Found(JobHandle {
                id: key.to_owned(),
                urls: BTreeMap::new(),
                data: serde_json::Value::Null,
            }),
            false => Reconciled::Absent,
        })
    }
}

/// The same service under another name.
pub struct Named(pub &'static str, pub Service);

#[async_trait]
impl VideoProvider for Named {
    fn name(&self) -> &str {
        self.0
    }
    fn caps(&self, model: Option<&str>) -> Caps {
        self.1.caps(model)
    }
    fn depends_on(&self, request: &TakeRequest) -> DependsOn {
        self.1.depends_on(request)
    }
    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError> {
        self.1.check(request)
    }
    fn quote(&self, request: &TakeRequest) -> Quote {
        Quote::Known {
            usd: 0.1 * request.seconds,
            as_of: "2026-11-01".into(),
        }
    }
    async fn submit(&self, request: &TakeRequest, key: &str) -> Submission {
        self.1.submit(request, key).await
    }
    async fn poll(&self, handle: &JobHandle) -> Result<Polled, GenerateError> {
        self.1.poll(handle).await
    }
    async fn fetch(
        &self,
        handle: &JobHandle,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError> {
        self.1.fetch(handle, folder, monitor).await
    }
    async fn cancel(&self, handle: &JobHandle) -> Result<(), GenerateError> {
        self.1.cancel(handle).await
    }
}

fn handle(request: &TakeRequest, key: &str) -> JobHandle {
    JobHandle {
        id: key.to_owned(),
        urls: BTreeMap::new(),
        data: serde_json::json!({"prompt": request.prompt, "seed": request.seed}),
    }
}

/// Where lanes meet: how many were in it at once, and those that come first wait for the others.
pub struct Meet {
    wanted: usize,
    /// Those in it now, and the most so far.
    seen: Mutex<(usize, usize)>,
    came: Condvar,
}

impl Meet {
    pub fn of(wanted: usize) -> Self {
        Self {
            wanted,
            seen: Mutex::default(),
            came: Condvar::new(),
        }
    }

    pub fn most(&self) -> usize {
        self.seen.lock().expect("seen").1
    }

    fn during(&self, work: impl FnOnce()) {
        let mut seen = self.seen.lock().expect("seen");
        seen.0 += 1;
        seen.1 = seen.1.max(seen.0);
        self.came.notify_all();
        let alone = |seen: &mut (usize, usize)| seen.1 < self.wanted;
        let waited = self
            .came
            .wait_timeout_while(seen, Duration::from_secs(10), alone);
        drop(waited.expect("seen"));
        work();
        self.seen.lock().expect("seen").0 -= 1;
    }
}

/// Stages whose steps go through the store and whose work is one small file each.
pub struct Null<'e> {
    context: Context<'e>,
    /// Milliseconds that scoring takes.
    pub pause: u64,
    /// Where scoring meets that of other lanes.
    pub meet: Option<Arc<Meet>>,
    /// Rows with this in their prompt make the stage panic.
    pub panics: Option<&'static str>,
}

impl<'e> Null<'e> {
    pub fn new(context: Context<'e>) -> Self {
        Self {
            context,
            pause: 0,
            meet: None,
            panics: None,
        }
    }

    fn step(
        &self,
        round: &Round<'_>,
        step: &str,
        reads: &str,
        work: &mut Work,
    ) -> Result<String, StepError> {
        let recipe = Recipe::new(step).input("before", reads);
        let at = round.at(step);
        let record = self
            .context
            .once(&at, &recipe, work, |scratch, _| {
                scratch.write_json(&format!("{step}.json"), &BTreeMap::from([(step, 1)]))?;
                Ok(String::new())
            })
            .map_err(|e| StepError::new(step, e))?;
        Ok(record.artifacts[0].sha256.clone())
    }
}

impl Recover for Null<'_> {
    fn recover(&mut self) {}
}

impl Stages for Null<'_> {
    fn score(&mut self, round: &Round<'_>, mut take: Take) -> Result<Scored, StepError> {
        let pause = || std::thread::sleep(Duration::from_millis(self.pause));
        match &self.meet {
            Some(meet) => meet.during(pause),
            None => pause(),
        }
        if self.panics.is_some_and(|word| round.prompt.contains(word)) {
            panic!("as it was told to");
        }
        let step = format!("scores-{}", take.number);
        let video = format!("takes/{}/video", take.number);
        let video = take.made.get(&video).expect("video").sha256.clone();
        self.step(round, &step, &video, &mut take.work)?;
        Ok(Scored {
            take,
            scores: Scores::default(),
        })
    }

    fn rebuild(
        &mut self,
        round: &Round<'_>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError> {
        let mut result = IterationResult {
            iteration: round.iteration,
            prompt: round.prompt.clone(),
            violations: Some(0),
            best: takes.first().map(|t| t.take.number),
            accepted: round.iteration >= 2,
            ..IterationResult::default()
        };
        let mut before = "the scores".to_owned();
        for Scored { take, scores } in takes {
            result.takes.push(TakeResult {
                take: take.number,
                seed: take.seed,
                video: take.video,
                scores,
                rank: take.number,
                reconstructability: None,
                final_rank: None,
            });
            result.work.merge(take.work);
        }
        for step in [
            "depth-1",
            "cameras-1",
            "splats",
            "world",
            "agent",
            "revision",
        ] {
            before = self.step(round, step, &before, &mut result.work)?;
        }
        let revision: Revision = serde_json::from_value(serde_json::json!({
            "accepted": result.accepted, "verdict": if result.accepted { "accepted" } else { "rejected" }, "reasons": [], "prompt": round.prompt,
            "revised_prompt": format!("{}, better", round.prompt),
            "changes": if result.accepted { serde_json::json!([]) } else { change() },
            "explanation": "", "iteration": round.iteration, "parent": "", "child": "", "success": true,
        }))
        .expect("revision");
        Ok((result, revision))
    }
}

fn change() -> serde_json::Value {
    serde_json::json!([{"rule": "z", "added": "better", "because": "y", "evidence": "x"}])
}

/// Keeps what was told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<String>>);

impl Listener for Told {
    fn on(&self, entry: &Entry) {
        let line = serde_json::to_string(entry).expect("json");
        self.0.lock().expect("told").push(line);
    }
}

/// A manifest and a run folder.
pub struct Desk {
    pub folder: tempfile::TempDir,
    pub rows: Vec<Prompt>,
    pub config: Config,
    pub stop: AtomicBool,
    pub told: Told,
}

impl Desk {
    pub fn new(csv: &str) -> Self {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("m.csv");
        std::fs::write(&path, csv).expect("write");
        let found = manifest::read(&path).expect("manifest");
        assert_eq!(found.faults, []);
        let mut config = Config::preset(Preset::Draft);
        config.provider = "service".into();
        config.takes = 1;
        config.max_iterations = 1;
        config.lanes = 1;
        let limits = sora_director::pipeline::ProviderLimits {
            at_once: 4,
            ..Default::default()
        };
        config.providers.insert("service".into(), limits);
        Self {
            folder,
            rows: found.rows,
            config,
            stop: AtomicBool::new(false),
            told: Told::default(),
        }
    }

    pub fn limits(&mut self) -> &mut sora_director::pipeline::ProviderLimits {
        self.config.providers.get_mut("service").expect("limits")
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub fn batch(
        &self,
        service: &Service,
        stages: impl Fn(&mut Null<'_>) + Sync,
    ) -> anyhow::Result<BatchResult> {
        self.listened(service, stages, &self.told)
    }

    pub fn listened(
        &self,
        service: &Service,
        stages: impl Fn(&mut Null<'_>) + Sync,
        listener: &dyn Listener,
    ) -> anyhow::Result<BatchResult> {
        let mut providers = Providers::default();
        providers.add(Arc::new(service.clone()));
        self.with(&providers, stages, listener)
    }

    pub fn with(
        &self,
        providers: &Providers,
        stages: impl Fn(&mut Null<'_>) + Sync,
        listener: &dyn Listener,
    ) -> anyhow::Result<BatchResult> {
        self.stored(Run::open(&self.root())?, providers, stages, listener)
    }

    /// In any store.
    pub fn in_store(
        &self,
        store: Box<dyn Store>,
        service: &Service,
        listener: &dyn Listener,
    ) -> anyhow::Result<BatchResult> {
        let mut providers = Providers::default();
        providers.add(Arc::new(service.clone()));
        self.stored(Run::on(store), &providers, |_| {}, listener)
    }

    fn stored(
        &self,
        run: Run,
        providers: &Providers,
        stages: impl Fn(&mut Null<'_>) + Sync,
        listener: &dyn Listener,
    ) -> anyhow::Result<BatchResult> {
        self.stop.store(false, Ordering::Relaxed);
        let events = Events::open(&run, listener, &self.stop)?;
        let batch = Batch {
            run: &run,
            manifest: &self.folder.path().join("m.csv"),
            rows: &self.rows,
            config: &self.config,
            providers,
            events: &events,
        };
        batch.run_with(&["null".to_owned()], |_, context| {
            let mut null = Null::new(context);
            stages(&mut null);
            Ok(null)
        })
    }
}
