//! What moves: dense optical flow both ways with its consistency mask, what of it is the camera's, what moves by
//! itself, and points followed along it.
//!
//! [`Motion`] is made once a take, from each frame to the next, and stays on the device: the scores read it there.
//! [`Pairs`] are for the cameras: flows at a larger size, over longer strides too, read back. Flow is by patch
//! search from coarse to fine (DIS), densified and refined by a robust variational step; longer strides also start
//! from the composition of shorter ones. The same device gives the same bits on every run.

pub mod camera;
mod flow;
pub mod follow;
pub mod kernels;
pub mod objects;
mod pairs;
mod stream;
mod tracks;
pub mod twins;

use crate::event::Monitor;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel};
use crate::video::Frames;

pub use pairs::{FlowPair, Pairs, pairs};
pub use stream::{Step, Stream};
pub use tracks::{Track, TrackEnd};

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = kernels::ALL;

/// Version of the stage; part of the resume key.
pub const VERSION: u32 = 2;

/// Why there is no motion.
#[derive(Debug, thiserror::Error)]
pub enum MotionError {
    /// Nothing to look at.
    #[error("the clip has no frames; give one with at least one")]
    NoFrames,
    /// Frames that contradict themselves.
    #[error("frame {index} holds {got} pixels, but the clip is {width}x{height}; decode it again")]
    FrameSize {
        /// Which frame.
        index: usize,
        /// Its pixels.
        got: usize,
        /// Width of the clip.
        width: u32,
        /// Height of the clip.
        height: u32,
    },
    /// An option out of range.
    #[error("motion option '{field}' is {value}; {mend}")]
    Option {
        /// Its name.
        field: &'static str,
        /// Its value.
        value: String,
        /// What to write instead.
        mend: &'static str,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The monitor said stop.
    #[error("interrupted while estimating motion")]
    Interrupted,
}

/// How to estimate motion.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MotionOptions {
    /// Long side, in pixels, of the size at which the motion from frame to frame is made, which scores read.
    pub step_side: u32,
    /// Long side, in pixels, of the size at which the cameras' pairs are made; smaller frames keep their size.
    pub max_side: u32,
    /// Distances in frames between the two of a pair.
    pub strides: Vec<usize>,
    /// Pyramid levels end where the short side would fall under this.
    pub coarsest: u32,
    /// Most Gauss-Newton steps of a patch at each level.
    pub search_iterations: u32,
    /// Linearisations of the refinement at each level, one at the finest; 0 leaves it out.
    pub refine_rounds: u32,
    /// Sweeps in each of them.
    pub refine_sweeps: u32,
    /// Weight of the smoothness of the flow.
    pub smoothness: f32,
    /// Weight of brightness constancy.
    pub brightness: f32,
    /// Weight of gradient constancy.
    pub gradient: f32,
    /// Gradient, in grey levels a pixel, below which a constraint says little.
    pub zeta: f32,
    /// Residual, in pixels, below which the penalties are quadratic.
    pub epsilon: f32,
    /// How much the picture's own edges weaken the smoothness, per grey level a pixel.
    pub edge: f32,
}

impl Default for MotionOptions {
    fn default() -> Self {
        Self {
            step_side: 256,
            max_side: 384,
            strides: vec![1, 2, 4, 8],
            coarsest: 10,
            search_iterations: 4,
            refine_rounds: 3,
            refine_sweeps: 5,
            smoothness: 42.0,
            brightness: 20.0,
            gradient: 10.0,
            zeta: 3.0,
            epsilon: 0.05,
            edge: 0.05,
        }
    }
}

impl MotionOptions {
    fn check(&self) -> Result<(), MotionError> {
        let refuse = |field, value: String, mend| Err(MotionError::Option { field, value, mend });
        if !(16..=1024).contains(&self.step_side) {
            return refuse(
                "step_side",
                self.step_side.to_string(),
                "give 16 to 1024 pixels",
            );
        }
        if !(16..=4096).contains(&self.max_side) {
            return refuse(
                "max_side",
                self.max_side.to_string(),
                "give 16 to 4096 pixels",
            );
        }
        if self.strides.contains(&0) {
            return refuse(
                "strides",
                format!("{:?}", self.strides),
                "give strides of 1 and more",
            );
        }
        let weights = [
            ("smoothness", self.smoothness),
            ("zeta", self.zeta),
            ("epsilon", self.epsilon),
        ];
        for (field, value) in weights {
            if !(value > 0.0 && value.is_finite()) {
                return refuse(field, value.to_string(), "give a positive number");
            }
        }
        let weights = [
            ("brightness", self.brightness),
            ("gradient", self.gradient),
            ("edge", self.edge),
        ];
        for (field, value) in weights {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(field, value.to_string(), "give zero or a positive number");
            }
        }
        Ok(())
    }

    /// The size of the cameras' pairs for frames of this size: long side at most `max_side`, never enlarged.
    pub fn size(&self, width: u32, height: u32) -> (u32, u32) {
        fitted(width, height, self.max_side)
    }
}

/// `width` x `height` with the long side cut to `most`.
fn fitted(width: u32, height: u32, most: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= most {
        return (width, height);
    }
    let scale = |side: u32| {
        let side = u64::from(side) * u64::from(most) * 2 + u64::from(long);
        ((side / (u64::from(long) * 2)) as u32).max(1)
    };
    (scale(width), scale(height))
}

/// The motion of one clip from each frame to the next, on the device.
pub struct Motion {
    /// Width of the motion size in pixels.
    pub width: u32,
    /// Height of the motion size.
    pub height: u32,
    /// Time of each frame in seconds.
    pub times: Vec<f64>,
    /// Luma of each frame, 0-255, at `half` of the motion size.
    pub luma: Vec<Buffer<f32>>,
    /// Pixels of the luma in one of the motion size: .5, or 1 for very small clips.
    pub half: f32,
    /// Step `t` leads from frame `t` to frame `t + 1`.
    pub steps: Vec<Step>,
}

/// Estimates the motion between neighbouring frames. A clip of one frame has no steps. Progress is counted in
/// frames.
///
/// # Errors
/// [`MotionError`]: no frames, options out of range, a failed GPU, or an interruption.
pub fn estimate(
    gpu: &Gpu,
    frames: &Frames,
    options: &MotionOptions,
    monitor: &dyn Monitor,
) -> Result<Motion, MotionError> {
    if frames.is_empty() {
        return Err(MotionError::NoFrames);
    }
    let mut stream = Stream::new(gpu, (frames.width, frames.height), options)?;
    let (mut luma, mut steps) = (Vec::new(), Vec::new());
    for index in 0..frames.len() {
        if monitor.stopped() {
            return Err(MotionError::Interrupted);
        }
        let mut recorder = gpu.recorder();
        let (half, step) = stream.push(&mut recorder, frames, index)?;
        luma.push(half);
        steps.extend(step);
        recorder.submit()?;
        // The queue runs at most some frames ahead of what is done.
        if index % 8 == 7 {
            gpu.wait()?;
        }
        monitor.progress(index as u64 + 1, frames.len() as u64);
    }
    let (width, height) = stream.size();
    Ok(Motion {
        width,
        height,
        times: frames.times.clone(),
        luma,
        half: stream.half(),
        steps,
    })
}
