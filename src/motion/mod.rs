//! Dense optical flow between frames, both ways, with its consistency mask.
//!
//! Patch search from coarse to fine (DIS), densified and refined by a robust variational step; longer strides
//! also start from the composition of shorter ones. The same device gives the same bits on every run.

mod flow;
pub mod kernels;
mod tracks;

use crate::event::Monitor;
use crate::gpu::image::Pyramid;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_2d};
use crate::video::Frames;

use flow::{Both, Level, Solver};
pub use tracks::{Track, TrackEnd};

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = kernels::ALL;

/// Version of the stage; part of the resume key.
pub const VERSION: u32 = 1;

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
    /// Long side of the motion size in pixels; smaller frames keep their size.
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

    /// The motion size of frames of this size: long side at most `max_side`, never enlarged.
    pub fn size(&self, width: u32, height: u32) -> (u32, u32) {
        let long = width.max(height);
        if long <= self.max_side {
            return (width, height);
        }
        let scale = |side: u32| {
            let side = u64::from(side) * u64::from(self.max_side) * 2 + u64::from(long);
            ((side / (u64::from(long) * 2)) as u32).max(1)
        };
        (scale(width), scale(height))
    }
}

/// Dense flow between two frames, at the motion size.
#[derive(Clone, Debug)]
pub struct FlowPair {
    /// Index of the first frame in [`crate::video::Frames`].
    pub a: usize,
    /// Index of the second frame.
    pub b: usize,
    /// Flow from `a` to `b` in pixels of the motion size: pixel `p` of `a` is seen at `p + forward[p]` in `b`.
    pub forward: Vec<[f32; 2]>,
    /// Flow from `b` to `a`, on the grid of `b`.
    pub backward: Vec<[f32; 2]>,
    /// On the grid of `a`: 1 where |F + B o F|^2 < .01 (|F|^2 + |B o F|^2) + .5 and the target is inside.
    pub valid: Vec<u8>,
    /// Share of the pixels of `a` whose target is inside `b` that pass the test, in [0, 1].
    pub consistent: f32,
}

/// The motion of one clip.
#[derive(Clone, Debug)]
pub struct Motion {
    /// Width of the flow fields.
    pub width: u32,
    /// Height of the flow fields.
    pub height: u32,
    /// Time of each frame in seconds.
    pub times: Vec<f64>,
    /// Luma of each frame at the motion size, 0-255, row-major.
    pub luma: Vec<Vec<f32>>,
    /// Flow pairs, ordered by `(b - a, a)`.
    pub pairs: Vec<FlowPair>,
}

impl Motion {
    /// The pair between frames `a` and `b`, if it was computed.
    pub fn pair(&self, a: usize, b: usize) -> Option<&FlowPair> {
        let at = self
            .pairs
            .binary_search_by_key(&(b.wrapping_sub(a), a), |p| (p.b - p.a, p.a));
        at.ok().map(|i| &self.pairs[i])
    }
}

/// Pairs whose flows are computed between two readbacks.
const BATCH: usize = 8;

/// Estimates the flow both ways between all frames that lie one of `options.strides` apart. A clip of one frame
/// has no pairs. Progress is counted in pairs.
///
/// # Errors
/// [`MotionError`]: no frames, options out of range, a failed GPU, or an interruption.
pub fn estimate(
    gpu: &Gpu,
    frames: &Frames,
    options: &MotionOptions,
    monitor: &dyn Monitor,
) -> Result<Motion, MotionError> {
    options.check()?;
    if frames.is_empty() || frames.width == 0 || frames.height == 0 {
        return Err(MotionError::NoFrames);
    }
    let pixels = frames.width as usize * frames.height as usize;
    for (index, rgba) in frames.rgba.iter().enumerate() {
        if rgba.len() != pixels {
            return Err(MotionError::FrameSize {
                index,
                got: rgba.len(),
                width: frames.width,
                height: frames.height,
            });
        }
    }
    let (width, height) = options.size(frames.width, frames.height);
    let sizes = Pyramid::sizes(width, height, options.coarsest);
    let pyramids = pyramids(gpu, frames, options, monitor)?;
    let luma = pyramids
        .iter()
        .map(|p| gpu.read(&p[0].luma))
        .collect::<Result<Vec<_>, _>>()?;

    let mut strides = options.strides.clone();
    strides.sort_unstable();
    strides.dedup();
    strides.retain(|&s| s < frames.len());
    let total: usize = strides.iter().map(|s| frames.len() - s).sum();
    let job = Job {
        gpu,
        solver: Solver::new(gpu, &sizes, options)?,
        pyramids,
        size: kernels::SizeParams {
            width,
            height,
            pad: [0; 2],
        },
        total,
        monitor,
    };
    let mut pairs = Vec::with_capacity(total);
    // Flows of the last stride stay on the GPU, to be composed into the start of the next.
    let mut last: (usize, Vec<Both>) = (0, Vec::new());
    for &stride in &strides {
        let flows = job.stride(stride, &last, &mut pairs)?;
        last = (stride, flows);
    }
    Ok(Motion {
        width,
        height,
        times: frames.times.clone(),
        luma,
        pairs,
    })
}

fn pyramids(
    gpu: &Gpu,
    frames: &Frames,
    options: &MotionOptions,
    monitor: &dyn Monitor,
) -> Result<Vec<Vec<Level>>, MotionError> {
    let size = options.size(frames.width, frames.height);
    let mut recorder = gpu.recorder();
    let mut pyramids = Vec::with_capacity(frames.len());
    for index in 0..frames.len() {
        if monitor.stopped() {
            return Err(MotionError::Interrupted);
        }
        let levels = flow::pyramid(gpu, &mut recorder, frames, index, size, options.coarsest)?;
        pyramids.push(levels);
    }
    recorder.submit()?;
    Ok(pyramids)
}

struct Job<'a> {
    gpu: &'a Gpu,
    solver: Solver,
    pyramids: Vec<Vec<Level>>,
    size: kernels::SizeParams,
    total: usize,
    monitor: &'a dyn Monitor,
}

impl Job<'_> {
    /// Computes and reads back all pairs of one stride; gives their flows on the GPU too.
    fn stride(
        &self,
        stride: usize,
        (last, shorter): &(usize, Vec<Both>),
        pairs: &mut Vec<FlowPair>,
    ) -> Result<Vec<Both>, MotionError> {
        let gpu = self.gpu;
        let n = (self.size.width * self.size.height) as usize;
        let groups = groups_2d(self.size.width, self.size.height, [8, 8, 1]);
        let steps = stride.checked_div(*last).filter(|s| s * last == stride);
        let mut flows: Vec<Both> = Vec::new();
        let starts: Vec<usize> = (0..self.pyramids.len() - stride).collect();
        let fresh = || -> Result<Both, GpuError> {
            Ok(Both {
                forward: gpu.alloc(n)?,
                backward: gpu.alloc(n)?,
            })
        };
        let chain = [fresh()?, fresh()?];
        for batch in starts.chunks(BATCH) {
            if self.monitor.stopped() {
                return Err(MotionError::Interrupted);
            }
            let mut recorder = gpu.recorder();
            let mut states: Vec<Buffer<u32>> = Vec::with_capacity(batch.len());
            for &a in batch {
                let b = a + stride;
                let mut init: Option<&Both> = None;
                for step in 1..steps.unwrap_or(0) {
                    let so_far = init.unwrap_or(&shorter[a]);
                    let next = &shorter[a + step * last];
                    let to = &chain[step % 2];
                    let forward: [&dyn crate::gpu::AnyBuffer; 3] =
                        [&so_far.forward, &next.forward, &to.forward];
                    recorder.run(&kernels::COMPOSE, &self.size, &forward, groups)?;
                    let backward: [&dyn crate::gpu::AnyBuffer; 3] =
                        [&next.backward, &so_far.backward, &to.backward];
                    recorder.run(&kernels::COMPOSE, &self.size, &backward, groups)?;
                    init = Some(to);
                }
                let out = fresh()?;
                self.solver.record(
                    &mut recorder,
                    &self.pyramids[a],
                    &self.pyramids[b],
                    init,
                    &out,
                )?;
                let state = gpu.alloc(n)?;
                recorder.run(
                    &kernels::CHECK,
                    &self.size,
                    &[&out.forward, &out.backward, &state],
                    groups,
                )?;
                recorder.submit()?;
                states.push(state);
                flows.push(out);
            }
            for (&a, state) in batch.iter().zip(&states) {
                let state = gpu.read(state)?;
                let inside = state.iter().filter(|s| **s & 1 == 1).count();
                let valid: Vec<u8> = state.iter().map(|s| (s >> 1) as u8).collect();
                let good = valid.iter().filter(|v| **v == 1).count();
                pairs.push(FlowPair {
                    a,
                    b: a + stride,
                    forward: gpu.read(&flows[a].forward)?,
                    backward: gpu.read(&flows[a].backward)?,
                    valid,
                    consistent: good as f32 / inside.max(1) as f32,
                });
                self.monitor.progress(pairs.len() as u64, self.total as u64);
            }
        }
        Ok(flows)
    }
}
