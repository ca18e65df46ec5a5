//! Monocular depth through ONNX networks.
//!
//! [`Model::load`] takes the built-in network or ONNX files, [`Model::estimate`] runs it on a clip.

mod answer;
mod choice;
mod file;
mod kind;
mod model;
mod models;
mod network;
mod options;
mod picture;
mod words;

use std::path::{Path, PathBuf};

use crate::numeric::bilinear;

pub use crate::onnx::picture::{InputSize, Layout};
pub use choice::{ModelChoice, Place};
pub use model::Model;
pub use models::{EMBEDDED_NAME, KnownModel, NO_FOLDER, known, known_by_name, models_folder};
pub use network::Reading;
pub use options::{KEYS, Options};
pub use picture::{colour_picture, value_range};

/// Version of this stage: part of the key under which its results are kept.
pub const VERSION: u32 = 2;

/// Why there is no depth.
#[derive(Debug, thiserror::Error)]
pub enum DepthError {
    /// A network's file is missing, broken, or holds what cannot be run.
    #[error("depth network {path}: {reason}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// No network at all was given.
    #[error("no depth network was given; leave --model out for the built-in one")]
    NoModel,
    /// The network failed on a picture.
    #[error("depth network '{model}': {reason}")]
    Run {
        /// Its name.
        model: String,
        /// What went wrong.
        reason: String,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] crate::gpu::GpuError),
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
}

impl DepthError {
    fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// What a depth value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepthKind {
    /// Distance along the camera's z axis in metres.
    Metric,
    /// Affine in the inverse of that distance, scale and shift unknown: larger is nearer.
    RelativeInverse,
}

impl DepthKind {
    /// What is affine in inverse depth of a value: itself where it is relative, its inverse of metres; `None` where nothing is known.
    pub fn inverse(self, value: f64) -> Option<f64> {
        let inverse = match self {
            Self::RelativeInverse => value,
            Self::Metric if value > 0.0 => 1.0 / value,
            Self::Metric => return None,
        };
        (value.is_finite() && inverse.is_finite()).then_some(inverse)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Metric => "metres",
            Self::RelativeInverse => "relative inverse depth",
        }
    }
}

/// How it is known what a network's answers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindFrom {
    /// The network is one of [`known`].
    Listed,
    /// Somebody gave it.
    Given,
    /// The words of its names say it, or make it likely.
    Name,
    /// Nothing tells.
    Guessed,
}

/// Depth of one frame, row-major from the top left.
#[derive(Clone, Debug)]
pub struct DepthMap {
    /// Width in pixels; may differ from the frames' width.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Values as [`DepthKind`] says; not finite, or <= 0 when metric, where unknown.
    pub values: Vec<f32>,
}

impl DepthMap {
    /// Bilinear sample at normalised image coordinates `u`, `v` in [0, 1] (pixel centres at +0.5); `None`
    /// where one of the four neighbours is not finite.
    pub fn sample(&self, u: f64, v: f64) -> Option<f64> {
        let (w, h) = (self.width as usize, self.height as usize);
        if w == 0 || h == 0 {
            return None;
        }
        let x = (u * w as f64 - 0.5).clamp(0.0, (w - 1) as f64);
        let y = (v * h as f64 - 0.5).clamp(0.0, (h - 1) as f64);
        let value = bilinear(w, h, x, y, |i| f64::from(self.values[i]));
        value.is_finite().then_some(value)
    }
}

/// Depth of a clip's frames.
#[derive(Clone, Debug)]
pub struct DepthMaps {
    /// What the values mean.
    pub kind: DepthKind,
    /// The network's name, or `known`.
    pub model: String,
    /// One map a frame of [`crate::video::Frames`], same order; `None` where a frame has none.
    pub maps: Vec<Option<DepthMap>>,
}
