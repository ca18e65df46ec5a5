//! Flows between frames further apart, read back: what the cameras are solved from.

use super::flow::{self, Both, Level, Solver};
use super::{MotionError, MotionOptions, kernels};
use crate::gpu::image::Pyramid;
use crate::gpu::{Buffer, Gpu, GpuError, groups_2d};
use crate::monitor::Monitor;
use crate::video::Frames;
use crate::video::luma::Picture;

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

/// Flows of one clip over several strides, read back.
#[derive(Clone, Debug)]
pub struct Pairs {
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

impl Pairs {
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
pub fn pairs(
    gpu: &Gpu,
    frames: &Frames,
    options: &MotionOptions,
    monitor: &dyn Monitor,
) -> Result<Pairs, MotionError> {
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
    Ok(Pairs {
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
    for rgba in &frames.rgba {
        if monitor.stopped() {
            return Err(MotionError::Interrupted);
        }
        let picture = Picture {
            rgba,
            size: (frames.width, frames.height),
        };
        let levels = flow::pyramid(gpu, &mut recorder, picture, size, options.coarsest)?;
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
                let both = [&self.pyramids[a], &self.pyramids[b]];
                (self.solver).record(&mut recorder, both[0], both[1], init, &out)?;
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
