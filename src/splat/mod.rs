//! 3D Gaussian splats: fitted to posed frames, rendered, written.

use crate::gpu::{GpuError, Kernel};

mod cloud;
mod fit;
pub mod format;
pub mod harmonics;
mod init;
mod options;
pub mod records;
pub mod relocate;
mod renderer;
mod trainer;
pub mod training;
pub mod twins;

pub use fit::{Fit, fit, held_out};
pub use options::{Background, FitOptions, FitReport, HeldOut, KEYS};
pub use renderer::{NEAR, Renderer, render};
pub use trainer::{Moving, Rates, State, Trainer};

/// Version of this stage's results, a part of the resume key.
pub const VERSION: u32 = 7;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[
    &records::PROJECT,
    &records::EMIT,
    &records::RANGES,
    &records::RASTER,
    &records::RASTER_LANES,
    &training::SSIM_ROWS,
    &training::SSIM_COLUMNS,
    &training::SSIM_BACK,
    &training::LOSS,
    &training::RASTER_BACK,
    &training::RASTER_BACK_LANES,
    &training::UPDATE,
    &relocate::CHOOSE,
    &relocate::CLONE,
    &relocate::SHARE,
];

/// What can go wrong with splats.
#[derive(Debug, thiserror::Error)]
pub enum SplatError {
    /// The GPU.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The input does not fit together.
    #[error("{0}")]
    Input(String),
    /// More pairs of splat and tile than fit one binding.
    #[error(
        "{wanted} pairs of splat and tile, at most {capacity} fit; use fewer splats or a smaller size"
    )]
    Overflow {
        /// Pairs that one camera asked for.
        wanted: usize,
        /// Pairs that fit.
        capacity: usize,
    },
    /// The fit diverged.
    #[error(
        "the fit diverged at step {step}: {reason}; lower the learning rates or check the cameras"
    )]
    Diverged {
        /// Step.
        step: u32,
        /// What was seen.
        reason: String,
    },
    /// Stopped from outside.
    #[error("interrupted")]
    Interrupted,
}

/// A cloud of 3D Gaussians in the world frame, structure of arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Splats {
    /// Centres.
    pub positions: Vec<[f32; 3]>,
    /// Natural logarithm of the standard deviations along the splat's own axes.
    pub log_scales: Vec<[f32; 3]>,
    /// Unit quaternions w, x, y, z: splat axes to world.
    pub rotations: Vec<[f32; 4]>,
    /// Opacity before the sigmoid.
    pub opacity_logits: Vec<f32>,
    /// Spherical-harmonic degree, 0 to 3.
    pub sh_degree: u32,
    /// `(sh_degree + 1)^2` coefficients a splat, each RGB; colour = 0.5 + the sum of them times [`harmonics::basis`].
    pub sh: Vec<[f32; 3]>,
}

impl Splats {
    /// Number of splats.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// No splats.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
}

/// What one camera sees of the splats, read back.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Packed sRGB `r | g << 8 | b << 16 | a << 24` over the background, row-major from the top left.
    pub rgba: Vec<u32>,
    /// Expected depth along the camera's z axis, divided by alpha; 0 where alpha is 0.
    pub depth: Vec<f32>,
    /// Accumulated opacity in [0, 1].
    pub alpha: Vec<f32>,
}
