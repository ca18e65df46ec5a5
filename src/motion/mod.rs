//! Dense optical flow between frames, both ways, with its consistency mask.

use crate::gpu::Kernel;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[];

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
        self.pairs.iter().find(|p| p.a == a && p.b == b)
    }
}
