//! What can go wrong with videos and folders of images, in words that name the file and the mend.

use std::path::{Path, PathBuf};

use crate::gpu::GpuError;
use crate::paths::PathError;

/// Why a video could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// The file or folder cannot be used as it is.
    #[error("{path}: {reason}")]
    Input {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The encoder or the muxer failed.
    #[error("encoding {path}: {reason}")]
    Encode {
        /// The file being written.
        path: PathBuf,
        /// What went wrong and what to do.
        reason: String,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
}

impl From<PathError> for VideoError {
    fn from(PathError { path, reason }: PathError) -> Self {
        Self::Input { path, reason }
    }
}

impl VideoError {
    pub(super) fn input(path: &Path, reason: impl Into<String>) -> Self {
        Self::Input {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn encode(path: &Path, reason: impl Into<String>) -> Self {
        Self::Encode {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}
