//! One take as a job: written down, submitted, polled until its deadline, fetched.
//!
//! What is paid for is never lost and never paid for twice: the intent is durable before the submission, the handle
//! after it; a start that finds a handle goes on polling, and one that finds an intent without a handle asks the
//! provider what became of it, and otherwise leaves it to a person, as it leaves a job that was billed and lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Delivered, FailureClass, GenerateError, JobFailure, JobHandle, JobState, Polled, Reconciled,
    Submission, TakeRequest, VideoProvider,
};
use crate::monitor::Monitor;
use crate::store::{StoreError, read_json, write_json};

/// A job's durable state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The provider.
    pub provider: String,
    /// Key of the take's step; the provider is told it too.
    pub key: String,
    /// What was asked.
    pub request: TakeRequest,
    /// When it was first asked for, RFC 3339.
    pub since: jiff::Timestamp,
    /// How far it came.
    pub state: RecordedState,
}

/// How far a job came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordedState {
    /// About to be submitted.
    Intent,
    /// Taken by the provider.
    Submitted(JobHandle),
    /// Nobody knows whether the provider took it.
    Ambiguous(String),
    /// Ended without a video, after it was paid for.
    Lost(String),
    /// Its video was fetched; the job is kept in case the files did not become durable.
    Fetched {
        /// The job.
        job: JobHandle,
        /// US dollars, where told.
        usd: Option<f64>,
    },
}

/// The jobs of a run that are under way, parked, or in doubt, in the order of their paths.
///
/// # Errors
/// [`StoreError`] of a record that cannot be read.
pub fn open_jobs(run: &Path) -> Result<Vec<(PathBuf, JobRecord)>, StoreError> {
    let home = glob::Pattern::escape(&run.to_string_lossy());
    let records = glob::glob(&format!("{home}/prompts/*/*/jobs/*.json"));
    let mut open = Vec::new();
    for path in records.into_iter().flatten().flatten() {
        let record: JobRecord = read_json(&path)?;
        if !matches!(
            record.state,
            RecordedState::Fetched { .. } | RecordedState::Lost(_)
        ) {
            open.push((path, record));
        }
    }
    Ok(open)
}

/// How a job is driven.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// Names the job: the key of the take's step.
    pub key: String,
    /// Where a paid job's state is kept.
    pub record: PathBuf,
    /// Wall-clock limit from the first submission.
    pub deadline: Duration,
    /// First and longest wait between two questions; a provider's own wish goes before both.
    pub poll: [Duration; 2],
}

/// Submissions of one job after failures that were not billed.
const ATTEMPTS: u32 = 3;
/// Tries to write down what was bought, half a second apart.
const WRITES: u32 = 10;
/// Questions that may fail one after the other: a service may be away for minutes.
const LOST_ANSWERS: u32 = 20;
/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(60);
/// How often a wait looks at the stop flag.
const LOOK: Duration = Duration::from_millis(50);

struct Job<'a> {
    provider: &'a dyn VideoProvider,
    request: &'a TakeRequest,
    options: &'a JobOptions,
    monitor: &'a dyn Monitor,
    paid: bool,
    since: jiff::Timestamp,
}

/// Has one take made under `folder` (which exists and is empty).
///
/// # Errors
/// [`GenerateError`]; after [`GenerateError::Interrupted`] a paid job is parked and a later call goes on with it.
pub async fn make(
    provider: &dyn VideoProvider,
    request: &TakeRequest,
    options: &JobOptions,
    folder: &Path,
    monitor: &dyn Monitor,
) -> Result<Delivered, GenerateError> {
    provider.check(request)?;
    let mut job = Job {
        provider,
        request,
        options,
        monitor,
        paid: provider.caps(request.model.as_deref()).paid,
        since: jiff::Timestamp::now(),
    };
    // A video that was fetched before was surely paid for.
    let (mut handle, mut paid_for) = match job.resume().await? {
        Some((handle, fetched)) => (Some(handle), fetched),
        None => (None, false),
    };
    for attempt in 1.. {
        let current = match handle.take() {
            Some(handle) => handle,
            None => job.submit().await?,
        };
        let failure = match job.wait(&current).await? {
            Ok(usd) => {
                let delivered = job.fetch(&current, folder).await?;
                job.record(RecordedState::Fetched { job: current, usd })?;
                return Ok(delivered);
            }
            Err(failure) => failure,
        };
        // The record stays only where money went with it.
        let billed = failure.billed || std::mem::take(&mut paid_for);
        if billed {
            job.record(RecordedState::Lost(failure.message.clone()))?;
        } else {
            job.forget();
        }
        let again = failure.class == FailureClass::Transient && !billed;
        if !again || attempt >= ATTEMPTS {
            return Err(failed(failure));
        }
        job.monitor.warn(&format!(
            "{}: {}; submitted again",
            provider.name(),
            failure.message
        ));
        job.pause(backoff(job.options.poll, attempt)).await?;
    }
    Err(GenerateError::Interrupted)
}

fn failed(failure: JobFailure) -> GenerateError {
    match failure.class {
        FailureClass::Moderation => GenerateError::Moderation(failure.message),
        FailureClass::Input => GenerateError::Input(failure.message),
        _ => GenerateError::Refused(failure.message),
    }
}

/// Doubles from the first wait to the longest, with a jitter of a quarter so that many jobs do not ask in step.
fn backoff([first, longest]: [Duration; 2], attempt: u32) -> Duration {
    let wait = first
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(longest);
    let clock = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs();
    wait.mul_f64(0.875 + 0.25 * f64::from(clock % 1000) / 1000.0)
}

impl Job<'_> {
    fn record(&self, state: RecordedState) -> Result<(), GenerateError> {
        if !self.paid {
            return Ok(());
        }
        let record = JobRecord {
            provider: self.provider.name().to_owned(),
            key: self.options.key.clone(),
            request: self.request.clone(),
            since: self.since,
            state,
        };
        Ok(write_json(&self.options.record, &record)?)
    }

    fn forget(&self) {
        if self.paid {
            let _ = std::fs::remove_file(&self.options.record);
        }
    }

    fn ambiguous(&self, why: &str) -> GenerateError {
        GenerateError::Ambiguous {
            provider: self.provider.name().to_owned(),
            why: why.to_owned(),
            record: self.options.record.clone(),
        }
    }

    /// The job of an earlier start, where there is one, and whether its video was fetched before.
    async fn resume(&mut self) -> Result<Option<(JobHandle, bool)>, GenerateError> {
        if !self.paid || !self.options.record.exists() {
            return Ok(None);
        }
        let record: JobRecord = read_json(&self.options.record)?;
        if record.key != self.options.key {
            return Ok(None);
        }
        self.since = record.since;
        match record.state {
            RecordedState::Submitted(handle) => Ok(Some((handle, false))),
            RecordedState::Fetched { job, .. } => Ok(Some((job, true))),
            RecordedState::Lost(why) => Err(GenerateError::Lost {
                provider: self.provider.name().to_owned(),
                why,
                record: self.options.record.clone(),
            }),
            RecordedState::Intent | RecordedState::Ambiguous(_) => {
                match self.provider.reconcile(&self.options.key).await? {
                    Reconciled::Found(handle) => {
                        self.record(RecordedState::Submitted(handle.clone()))?;
                        Ok(Some((handle, false)))
                    }
                    Reconciled::Absent => {
                        // It is submitted now, so its deadline counts from now.
                        self.since = jiff::Timestamp::now();
                        Ok(None)
                    }
                    Reconciled::Unknown => {
                        let why = match record.state {
                            RecordedState::Ambiguous(why) => why,
                            _ => "an earlier start ended while it was submitting".to_owned(),
                        };
                        self.record(RecordedState::Ambiguous(why.clone()))?;
                        Err(self.ambiguous(&why))
                    }
                }
            }
        }
    }

    async fn submit(&self) -> Result<JobHandle, GenerateError> {
        for attempt in 1.. {
            if self.monitor.stopped() {
                return Err(GenerateError::Interrupted);
            }
            self.record(RecordedState::Intent)?;
            // Never cut short: what comes back is the only proof of what was bought.
            match self.provider.submit(self.request, &self.options.key).await {
                Submission::Accepted(handle) => {
                    self.keep(&handle).await?;
                    return Ok(handle);
                }
                Submission::Throttled { after } => {
                    self.forget();
                    let wait = after.unwrap_or_else(|| backoff(self.options.poll, attempt));
                    self.pause(wait).await?;
                }
                Submission::OutOfCredit(words) => {
                    self.forget();
                    return Err(GenerateError::OutOfCredit(words));
                }
                Submission::Rejected(failure) => {
                    self.forget();
                    return Err(failed(failure));
                }
                Submission::Ambiguous(why) => {
                    self.record(RecordedState::Ambiguous(why.clone()))?;
                    return Err(self.ambiguous(&why));
                }
            }
        }
        Err(GenerateError::Interrupted)
    }

    /// Writes down what was just bought. A disk that is full for the moment is waited for; else the job is named.
    async fn keep(&self, handle: &JobHandle) -> Result<(), GenerateError> {
        for attempt in 1.. {
            match self.record(RecordedState::Submitted(handle.clone())) {
                Ok(()) => return Ok(()),
                Err(GenerateError::Store(source)) if attempt >= WRITES => {
                    tracing::error!("{}: {handle:?} was not written down", self.provider.name());
                    return Err(GenerateError::Unrecorded {
                        provider: self.provider.name().to_owned(),
                        id: handle.id.clone(),
                        source,
                    });
                }
                Err(GenerateError::Store(_)) => tokio::time::sleep(LOOK * 10).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Polls until the job ends: its cost, or why there is no video.
    async fn wait(
        &self,
        handle: &JobHandle,
    ) -> Result<Result<Option<f64>, JobFailure>, GenerateError> {
        let mut lost = 0;
        for attempt in 1.. {
            let polled = match self.ask(handle).await {
                Ok(polled) => polled,
                Err(GenerateError::Interrupted) => return Err(GenerateError::Interrupted),
                Err(error) if lost < LOST_ANSWERS => {
                    lost += 1;
                    tracing::warn!("{}: {error}; asked again", self.provider.name());
                    self.pause(backoff(self.options.poll, attempt)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            lost = 0;
            match polled.state {
                JobState::Done { usd } => return Ok(Ok(usd)),
                JobState::Failed(failure) => return Ok(Err(failure)),
                JobState::Running {
                    percent: Some(percent),
                } => self.monitor.progress(percent.clamp(0.0, 100.0) as u64, 100),
                JobState::Queued | JobState::Running { .. } => {}
            }
            let wait = polled.again_after;
            self.pause(wait.unwrap_or_else(|| backoff(self.options.poll, attempt)))
                .await?;
        }
        Err(GenerateError::Interrupted)
    }

    /// One question, which neither a silent service nor a signal may hold up.
    async fn ask(&self, handle: &JobHandle) -> Result<Polled, GenerateError> {
        tokio::select! {
            polled = self.provider.poll(handle) => polled,
            () = tokio::time::sleep(ANSWER) => Err(GenerateError::Refused(format!(
                "no answer within {} s",
                ANSWER.as_secs()
            ))),
            () = self.stopped() => Err(GenerateError::Interrupted),
        }
    }

    async fn stopped(&self) {
        while !self.monitor.stopped() {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn fetch(&self, handle: &JobHandle, folder: &Path) -> Result<Delivered, GenerateError> {
        for attempt in 1.. {
            match self.provider.fetch(handle, folder, self.monitor).await {
                Err(GenerateError::Io { path, reason }) if self.paid && attempt < ATTEMPTS => {
                    tracing::warn!("{}: {reason}; fetched again", path.display());
                    self.pause(backoff(self.options.poll, attempt)).await?;
                }
                other => return other,
            }
        }
        Err(GenerateError::Interrupted)
    }

    /// Waits, unless a signal or the deadline comes first. The job stays parked in its record.
    async fn pause(&self, wait: Duration) -> Result<(), GenerateError> {
        let end = tokio::time::Instant::now() + wait;
        loop {
            if self.monitor.stopped() {
                return Err(GenerateError::Interrupted);
            }
            let age = jiff::Timestamp::now()
                .duration_since(self.since)
                .as_secs_f64();
            let limit = self.options.deadline.as_secs_f64();
            if age > limit {
                return Err(GenerateError::Deadline {
                    provider: self.provider.name().to_owned(),
                    seconds: limit,
                });
            }
            let now = tokio::time::Instant::now();
            if now >= end {
                return Ok(());
            }
            tokio::time::sleep(LOOK.min(end - now)).await;
        }
    }
}
