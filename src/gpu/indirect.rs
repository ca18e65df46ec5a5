//! Dispatches whose size is a count in GPU memory.
//!
//! `gpu/dispatch_args` turns the count into workgroup counts for [`Recorder::run_indirect`]. The primitives take
//! a [`Length`], which is a number of the host's or such a count; their kernels read `min(sizes[at].w, n)`, so
//! that one kernel serves both.

use super::{AnyBuffer, Buffer, Gpu, GpuError, GpuType, Kernel, Recorder, groups_1d};

crate::gpu_struct! {
    /// Params of `gpu/dispatch_args`. Level 0 has `ceil(min(count[count_at], cap) / per) * times` elements.
    pub struct ArgsParams {
        /// Element of `count` that holds the count.
        pub count_at: u32,
        /// The count is cut to this.
        pub cap: u32,
        /// Counted things for one element of level 0, at least 1.
        pub per: u32,
        /// Elements of level 0 for each of those.
        pub times: u32,
        /// Elements one workgroup covers, at least 1.
        pub per_group: u32,
        /// Elements that are one element of the next level, at least 1.
        pub shrink: u32,
        /// Levels, each one element of `args`.
        pub levels: u32,
        /// The fewest workgroups, 0 or 1.
        pub least: u32,
    }
}

/// `gpu/dispatch_args`.
pub static DISPATCH_ARGS: Kernel = crate::kernel!(
    "gpu/dispatch_args", shared [], twin crate::gpu::twins::dispatch_args::twin,
    workgroup [1, 1, 1], params ArgsParams,
    bind [read count: u32, write args: [u32; 4]]
);

/// How many elements a primitive works on.
#[derive(Clone, Copy, Debug)]
pub enum Length<'a> {
    /// Known when the work is recorded.
    Host(usize),
    /// The element at this place of a buffer when the work runs; cut to what the buffers hold.
    Gpu(&'a Buffer<u32>, usize),
}

impl From<usize> for Length<'_> {
    fn from(n: usize) -> Self {
        Self::Host(n)
    }
}

impl<'a> From<(&'a Buffer<u32>, usize)> for Length<'a> {
    fn from((buffer, at): (&'a Buffer<u32>, usize)) -> Self {
        Self::Gpu(buffer, at)
    }
}

/// Records the workgroup counts that cover `min(count[at], cap)` elements, `per_group` elements a workgroup, into
/// `args[0]`: x and y as [`groups_1d`] folds them (x = 0 for no elements), z = 1, and the number of elements.
///
/// # Errors
/// As [`Recorder::run`]; [`GpuError::Validation`] when `at` is past the end of `count` or `args` is empty.
pub fn record_args(
    recorder: &mut Recorder,
    (count, at): (&Buffer<u32>, usize),
    cap: usize,
    per_group: u32,
    args: &Buffer<[u32; 4]>,
) -> Result<(), GpuError> {
    let params = ArgsParams {
        per_group,
        ..Shape::plain(1).params(at, cap)
    };
    check("workgroup counts", at < count.len() && !args.is_empty())?;
    recorder.run(&DISPATCH_ARGS, &params, &[count, args], [1, 1, 1])
}

/// Refuses what does not fit.
pub(super) fn check(doing: &str, fits: bool) -> Result<(), GpuError> {
    if fits {
        return Ok(());
    }
    Err(GpuError::Validation {
        doing: doing.to_owned(),
        reason: "a length or a place is over what the buffers hold".to_owned(),
    })
}

/// How the elements of a primitive's levels follow from its length; the fields are [`ArgsParams`]'s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub per: u32,
    pub times: u32,
    pub per_group: u32,
    pub shrink: u32,
    pub least: u32,
}

impl Shape {
    /// One level, `per_group` elements a workgroup.
    pub const fn plain(per_group: u32) -> Self {
        Self {
            per: 1,
            times: 1,
            per_group,
            shrink: per_group,
            least: 0,
        }
    }

    fn params(self, at: usize, cap: usize) -> ArgsParams {
        ArgsParams {
            count_at: at as u32,
            cap: cap.min(u32::MAX as usize) as u32,
            per: self.per,
            times: self.times,
            per_group: self.per_group,
            shrink: self.shrink,
            levels: 1,
            least: self.least,
        }
    }
}

/// Scratch for the workgroup counts of a primitive.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    args: Buffer<[u32; 4]>,
    unbounded: Buffer<[u32; 4]>,
}

impl Sizes {
    pub fn new(gpu: &Gpu, levels: usize) -> Result<Self, GpuError> {
        Ok(Self {
            args: gpu.alloc(levels)?,
            unbounded: gpu.upload(&[[u32::MAX; 4]])?,
        })
    }

    /// Fixes the sizes of the levels for what is recorded next; records `gpu/dispatch_args` where the length is
    /// on the GPU.
    pub fn plan(
        &self,
        recorder: &mut Recorder,
        doing: &str,
        length: Length<'_>,
        cap: usize,
        shape: Shape,
    ) -> Result<Plan<'_>, GpuError> {
        match length {
            Length::Host(n) => {
                check(doing, n <= cap)?;
                let n = n.div_ceil(shape.per as usize) * shape.times as usize;
                Ok(Plan {
                    sizes: self,
                    host: Some(n),
                    shape,
                })
            }
            Length::Gpu(count, at) => {
                check(doing, at < count.len())?;
                let params = ArgsParams {
                    levels: self.args.len() as u32,
                    ..shape.params(at, cap)
                };
                recorder.run(&DISPATCH_ARGS, &params, &[count, &self.args], [1, 1, 1])?;
                Ok(Plan {
                    sizes: self,
                    host: None,
                    shape,
                })
            }
        }
    }
}

/// The sizes of a primitive's levels.
pub(super) struct Plan<'a> {
    sizes: &'a Sizes,
    host: Option<usize>,
    shape: Shape,
}

impl Plan<'_> {
    /// Elements of a level, where the host knows.
    pub fn known(&self, level: usize) -> Option<usize> {
        let mut n = self.host?;
        for _ in 0..level {
            n = n.div_ceil(self.shape.shrink as usize);
        }
        Some(n)
    }

    /// Params `at` and `n` of a level's kernel.
    pub fn at_and_n(&self, level: usize) -> (u32, u32) {
        match self.known(level) {
            Some(n) => (0, n as u32),
            None => (level as u32, u32::MAX),
        }
    }

    /// What the kernel binds as `sizes`.
    pub fn buffer(&self) -> &Buffer<[u32; 4]> {
        match self.host {
            Some(_) => &self.sizes.unbounded,
            None => &self.sizes.args,
        }
    }

    /// Records a kernel over a level.
    pub fn run<P: GpuType>(
        &self,
        recorder: &mut Recorder,
        level: usize,
        kernel: &'static Kernel,
        params: &P,
        buffers: &[&dyn AnyBuffer],
    ) -> Result<(), GpuError> {
        match self.known(level) {
            Some(0) if self.shape.least == 0 => Ok(()),
            Some(n) => recorder.run(kernel, params, buffers, groups_1d(n, self.shape.per_group)),
            None => recorder.run_indirect(kernel, params, buffers, &self.sizes.args, level),
        }
    }

    /// A buffer of `u32` or `f32` as vectors of four, for reading: the same memory without the last 1 to 3
    /// elements. A buffer under one vector gives another, which no kernel reads then.
    pub fn quads<'b, T: GpuType>(&'b self, data: &'b Buffer<T>) -> Quads<'b> {
        let few = data.len() < 4;
        Quads(if few { self.buffer() } else { data })
    }
}

/// A buffer bound as vectors of four.
pub(super) struct Quads<'a>(pub &'a dyn AnyBuffer);

impl AnyBuffer for Quads<'_> {
    fn raw(&self) -> &wgpu::Buffer {
        self.0.raw()
    }
    fn stride(&self) -> usize {
        16
    }
    fn keep(&self) -> Option<std::sync::Arc<dyn std::any::Any + Send + Sync>> {
        self.0.keep()
    }
}
