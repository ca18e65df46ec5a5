//! What moves: dense optical flow both ways with its consistency mask, what of it is the camera's, what moves by
//! itself, and points followed along it.
//!
//! [`Stream`] makes the steps from frame to frame as frames come, and they stay on the device: the scores read them there.
//! [`Motion`] is all of a clip's.
//! [`Pairs`] are for the cameras: flows at a larger size, over longer strides too, read back. Flow is by patch
//! search from coarse to fine (DIS), densified and refined by a robust variational step; longer strides also start
//! from the composition of shorter ones. The same device gives the same bits on every run.

pub mod camera;
mod flow;
pub mod follow;
pub mod kernels;
mod masks;
pub mod objects;
mod options;
mod pairs;
mod stream;
mod tracks;
pub mod twins;

use std::path::{Path, PathBuf};

use crate::gpu::{Gpu, GpuError, Kernel};
use crate::monitor::Monitor;
use crate::video::Frames;

pub use masks::{MOVING, Mask, Masks};
pub use options::{KEYS, MotionOptions};
pub use pairs::{FlowPair, Pairs, pairs};
pub use stream::{Step, Stream};
pub use tracks::{Track, TrackEnd, Tracks};

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = kernels::ALL;

/// Version of the stage; part of the resume key.
pub const VERSION: u32 = 3;

/// Seconds of which lengths of motion are told, so that they do not depend on the frame rate: a frame of the slowest clips.
pub const SPAN: f64 = 0.125;

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
    /// Masks could not be written or read.
    #[error("{}: {reason}", path.display())]
    File {
        /// Their file.
        path: PathBuf,
        /// What is wrong, and the mend.
        reason: String,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The monitor said stop.
    #[error("interrupted while estimating motion")]
    Interrupted,
}

impl MotionError {
    fn file(path: &Path, reason: String) -> Self {
        Self::File {
            path: path.to_owned(),
            reason,
        }
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
    let mut steps = Vec::new();
    for index in 0..frames.len() {
        if monitor.stopped() {
            return Err(MotionError::Interrupted);
        }
        let mut recorder = gpu.recorder();
        let (rgba, time) = (&frames.rgba[index], frames.times[index]);
        let (_, step) = stream.push(&mut recorder, rgba, time)?;
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
        steps,
    })
}
