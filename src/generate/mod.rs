//! Where takes come from: providers of video.

pub mod files;
pub mod mock;

use std::path::{Path, PathBuf};

use crate::event::Monitor;

/// Names of the providers.
pub const NAMES: [&str; 2] = ["mock", "files"];

/// What is asked of a provider for one take.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TakeRequest {
    /// The prompt.
    pub prompt: String,
    /// Seed of this take; distinct for each take of a prompt.
    pub seed: u64,
    /// Seconds of video.
    pub seconds: f64,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Frames per second.
    pub fps: f64,
    /// The `video` column of the row: a file or folder, for the `files` provider.
    pub video: Option<PathBuf>,
}

/// Why a take could not be had.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The request does not fit the provider.
    #[error("{0}")]
    Input(String),
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
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
}

/// A take that a provider delivered.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Delivered {
    /// The video file (inside the folder that was given), or the input file or folder of the `files` provider.
    pub video: PathBuf,
    /// What the provider did with the request, in words (settings it ignored, defaults it took).
    pub notes: Vec<String>,
}

/// Makes takes.
pub trait VideoProvider: Send + Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;
    /// Makes one take, writing its files under `folder` (which exists and is empty).
    ///
    /// # Errors
    /// [`GenerateError`].
    fn generate(
        &self,
        request: &TakeRequest,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError>;
}
