//! Where takes come from: providers of video, and the jobs that they are asked for.
//!
//! A provider is asked in four steps, as services that queue, poll and bill need it: `submit` hands a request over
//! and gets a handle, `poll` asks how far the job is, `fetch` brings its video, `cancel` gives it up. [`job`] drives
//! them. A provider that works on this machine implements [`local::LocalProvider`] and is wrapped in
//! [`local::Local`].

mod by_name;
pub mod files;
pub mod job;
pub mod local;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use by_name::Providers;

use crate::gpu::Kernel;
use crate::monitor::Monitor;

/// What is asked of a provider for one take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeRequest {
    /// The prompt.
    pub prompt: String,
    /// The provider's model, where the row names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Seed of this take; distinct for each take of a prompt.
    pub seed: u64,
    /// Seconds of video.
    pub seconds: f64,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Frames per second.
    pub fps: f64,
    /// The `video` column of the row: a file, folder or glob, for the `files` provider.
    pub video: Option<PathBuf>,
    /// A picture that the video should start from or look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_image: Option<PathBuf>,
}

/// Why a take could not be had.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The request does not fit the provider.
    #[error("{0}")]
    Input(String),
    /// The provider refused the prompt: it is for the reviser, not for another try.
    #[error("refused by the provider's moderation: {0}")]
    Moderation(String),
    /// The provider said no, or the job failed there.
    #[error("{0}")]
    Refused(String),
    /// No credit is left with the provider.
    #[error("no credit left with the provider: {0}; top it up, then run the same command again")]
    OutOfCredit(String),
    /// It is not known whether the provider took the job; it is not sent again by itself.
    #[error(
        "it is not known whether {provider} took the job ({why}); look there, then delete {record} to have it sent again"
    )]
    Ambiguous {
        /// The provider.
        provider: String,
        /// What happened.
        why: String,
        /// Where the job is kept.
        record: PathBuf,
    },
    /// The job was paid for and there is no video; it is not bought again by itself.
    #[error(
        "{provider} was paid, and there is no video ({why}); complain there, or delete {record} to have it bought again"
    )]
    Lost {
        /// The provider.
        provider: String,
        /// What happened.
        why: String,
        /// Where the job is kept.
        record: PathBuf,
    },
    /// The provider took a job that could not be written down.
    #[error(
        "{provider} took the job {id}, which could not be written down: note it, since it is paid for"
    )]
    Unrecorded {
        /// The provider.
        provider: String,
        /// The provider's name of the job.
        id: String,
        /// Why not.
        source: crate::store::StoreError,
    },
    /// The job did not end in time.
    #[error(
        "the job did not end within {seconds:.0} s; raise providers.{provider}.deadline, or look there"
    )]
    Deadline {
        /// The provider.
        provider: String,
        /// The limit.
        seconds: f64,
    },
    /// Reading or writing failed.
    #[error("{path}: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong and what to do.
        reason: String,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] crate::gpu::GpuError),
    /// Encoding failed.
    #[error("encoding {path}: {reason}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// What went wrong and what to do.
        reason: String,
    },
    /// The job's record could not be kept.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
}

/// A take that a provider delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivered {
    /// The video file (inside the folder that was given), or the input file or folder of the `files` provider.
    pub video: PathBuf,
    /// What the provider did with the request, in words (settings it ignored, defaults it took).
    pub notes: Vec<String>,
}

/// What a provider's model can do and asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// A job costs money or quota: it is written down before it is asked for, and never asked for twice by itself.
    pub paid: bool,
    /// A revised prompt gives another video; without it a row has one round.
    pub generates: bool,
}

/// What a take costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quote {
    /// Known, in US dollars.
    Known {
        /// Dollars.
        usd: f64,
        /// Day of the price, `YYYY-MM-DD`; empty for what is free.
        as_of: String,
    },
    /// Not known; never to be read as nothing.
    Unknown,
}

/// What else than the request a take's video depends on; a part of the resume key.
#[derive(Debug)]
pub struct DependsOn {
    /// Version of the provider's code.
    pub version: u32,
    /// The request itself matters; not where the files are the take.
    pub request: bool,
    /// Kernels that draw it.
    pub kernels: &'static [&'static Kernel],
    /// Files or folders that it is made from.
    pub files: Vec<PathBuf>,
}

impl Default for DependsOn {
    fn default() -> Self {
        Self {
            version: 0,
            request: true,
            kernels: &[],
            files: Vec::new(),
        }
    }
}

/// A job at a provider. It is kept in the run, so that a later start can go on with it; it holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobHandle {
    /// The provider's name of the job.
    pub id: String,
    /// Addresses that the provider answered with, by purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub urls: BTreeMap<String, String>,
    /// What else the provider needs to go on.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub data: serde_json::Value,
}

/// Answer to a submission.
#[derive(Debug)]
pub enum Submission {
    /// The job is there.
    Accepted(JobHandle),
    /// Not taken now; ask again after this time.
    Throttled {
        /// The provider's wish, where it told one.
        after: Option<Duration>,
    },
    /// Not taken: no credit.
    OutOfCredit(String),
    /// Not taken, and never will be.
    Rejected(JobFailure),
    /// Nobody knows whether it was taken.
    Ambiguous(String),
}

/// How far a job is.
#[derive(Debug)]
pub enum JobState {
    /// It waits.
    Queued,
    /// It is worked on.
    Running {
        /// From 0 to 100, where told.
        percent: Option<f64>,
    },
    /// The video can be fetched.
    Done {
        /// What it cost in US dollars, where told.
        usd: Option<f64>,
    },
    /// It ended without one.
    Failed(JobFailure),
}

/// A job's state, and when to ask again.
#[derive(Debug)]
pub struct Polled {
    /// The state.
    pub state: JobState,
    /// The provider's wish, where it told one.
    pub again_after: Option<Duration>,
}

impl From<JobState> for Polled {
    fn from(state: JobState) -> Self {
        Self {
            state,
            again_after: None,
        }
    }
}

/// Why a job ended without a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// What kind of failure.
    pub class: FailureClass,
    /// It was paid for.
    pub billed: bool,
    /// The provider's words.
    pub message: String,
}

/// Kinds of failure that ask for different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// The prompt was refused: for the reviser.
    Moderation,
    /// The request is wrong.
    Input,
    /// The same job may well succeed.
    Transient,
    /// The video is no longer there.
    Expired,
    /// It was cancelled.
    Cancelled,
    /// The provider does not know the job (any more).
    Gone,
}

/// What a provider knows of a submission whose answer was lost.
#[derive(Debug)]
pub enum Reconciled {
    /// It was taken; here is the job.
    Found(JobHandle),
    /// It was surely not taken.
    Absent,
    /// It cannot tell.
    Unknown,
}

/// `takes` requests with consecutive seeds from `request.seed`.
fn consecutive(request: &TakeRequest, takes: u32) -> Vec<TakeRequest> {
    (0..u64::from(takes))
        .map(|k| TakeRequest {
            seed: request.seed.wrapping_add(k),
            ..request.clone()
        })
        .collect()
}

/// Makes takes. Errors of a method are those of asking (no connection, an answer that does not parse): asking again
/// may help; what the provider says of the job is in the answer's type.
#[async_trait]
pub trait VideoProvider: Send + Sync {
    /// Name on the command line and in the `provider` column.
    fn name(&self) -> &str;

    /// What a model can do.
    fn caps(&self, model: Option<&str>) -> Caps;

    /// What else than the request the video depends on.
    fn depends_on(&self, request: &TakeRequest) -> DependsOn;

    /// The requests of a round: `takes` of them with consecutive seeds from `request.seed`, or what the provider has.
    ///
    /// # Errors
    /// [`GenerateError::Input`] when there is none.
    fn requests(
        &self,
        request: &TakeRequest,
        takes: u32,
    ) -> Result<Vec<TakeRequest>, GenerateError> {
        Ok(consecutive(request, takes))
    }

    /// Refuses what the provider would refuse, before anything is spent.
    ///
    /// # Errors
    /// [`GenerateError::Input`] in words.
    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError>;

    /// What a take costs.
    fn quote(&self, request: &TakeRequest) -> Quote;

    /// Hands a request over; `key` names it for [`VideoProvider::reconcile`].
    async fn submit(&self, request: &TakeRequest, key: &str) -> Submission;

    /// Asks how far a job is.
    async fn poll(&self, handle: &JobHandle) -> Result<Polled, GenerateError>;

    /// Brings the video of a job that is done, writing its files under `folder` (which exists and is empty).
    async fn fetch(
        &self,
        handle: &JobHandle,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError>;

    /// Gives a job up.
    async fn cancel(&self, handle: &JobHandle) -> Result<(), GenerateError>;

    /// Looks for a job whose submission's answer was lost.
    async fn reconcile(&self, _key: &str) -> Result<Reconciled, GenerateError> {
        Ok(Reconciled::Unknown)
    }
}
