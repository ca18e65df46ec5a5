//! Reductions of values in segments on the GPU, the same bits in every run.
//!
//! A tree of blocks of 32 over all values, then one lane a segment, which reads at most 62 elements of each of up
//! to 6 levels: a huge segment costs a lane a few hundred reads, a tiny one its own elements. No atomics, no
//! subgroup operations. A sum of floats adds blocks of 32 (an error that grows with the tree's depth, not the
//! segment's length); its order depends on where the segment lies.

use super::indirect::{Length, Shape, Sizes, check};
use super::{Buffer, Gpu, GpuError, GpuType, Kernel, Recorder};

crate::gpu_struct! {
    /// Params of `gpu/reduce_level`.
    pub struct LevelParams {
        /// Elements of the lower level, cut to `sizes[at].w`.
        pub n: u32,
        /// Element of `sizes`.
        pub at: u32,
        /// [`Op`] as a number.
        pub op: u32,
        /// The lower level's first element in `source`.
        pub source_at: u32,
        /// The upper level's first element in `tree`.
        pub tree_at: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

/// Levels of the tree above the values, at most.
pub const MOST_LEVELS: usize = 7;

crate::gpu_struct! {
    /// Params of `gpu/reduce_segments`.
    pub struct SegmentParams {
        /// Segments, cut to `sizes[at].w`.
        pub n: u32,
        /// Element of `sizes`.
        pub at: u32,
        /// [`Op`] as a number.
        pub op: u32,
        /// Values the buffer holds; offsets are cut to it.
        pub values: u32,
        /// First element of each level in its tree buffer; odd levels are in one, even ones in the other.
        pub starts: [[u32; 4]; 2],
    }
}

/// Elements of one block, which is one element of the next level.
pub const BLOCK: usize = 32;
const PER_GROUP: u32 = 64 * BLOCK as u32;

/// `gpu/reduce_level`.
pub static REDUCE_LEVEL: Kernel = crate::kernel!(
    "gpu/reduce_level", shared ["shared/reduce"], twin crate::gpu::twins::reduce_level::twin,
    workgroup [64, 1, 1], params LevelParams,
    // Words may hold floats, whose NaNs differ.
    bind [read sizes: [u32; 4], read source: u32, write tree: u32 => BITS]
);

/// `gpu/reduce_segments`.
pub static REDUCE_SEGMENTS: Kernel = crate::kernel!(
    "gpu/reduce_segments", shared ["shared/reduce"], twin crate::gpu::twins::reduce_segments::twin,
    workgroup [64, 1, 1], params SegmentParams,
    // Words may hold floats, whose NaNs differ.
    bind [read sizes: [u32; 4], read offsets: u32, read values: u32, read odd: u32, read even: u32,
        write results: u32 => BITS]
);

/// What a segment is reduced to; an empty one to the operation's neutral element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Op {
    /// Wrapping sum of `u32`; 0 for none.
    SumU32 = 0,
    /// Sum of `f32`; 0 for none. Infinities and NaN as IEEE 754 adds them.
    SumF32 = 1,
    /// Smallest `f32` that is not NaN; +infinity for none.
    MinF32 = 2,
    /// Largest `f32` that is not NaN; -infinity for none.
    MaxF32 = 3,
}

/// A type that an [`Op`] may reduce.
pub trait Reducible: GpuType {
    /// Whether the operation is for this type.
    fn takes(op: Op) -> bool;
}

impl Reducible for u32 {
    fn takes(op: Op) -> bool {
        op == Op::SumU32
    }
}

impl Reducible for f32 {
    fn takes(op: Op) -> bool {
        op != Op::SumU32
    }
}

/// Scratch for segmented reductions of up to a fixed number of values.
#[derive(Clone, Debug)]
pub struct Reduce {
    capacity: usize,
    /// Odd levels, even levels.
    trees: [Buffer<u32>; 2],
    levels: usize,
    starts: [[u32; 4]; 2],
    level_sizes: Sizes,
    segment_sizes: Sizes,
}

impl Reduce {
    /// Scratch for up to `capacity` values and any number of segments.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu, capacity: usize) -> Result<Self, GpuError> {
        let mut used = [0; 2];
        let mut starts = [[0; 4]; 2];
        let (mut levels, mut n) = (0, capacity);
        while n >= BLOCK {
            n = n.div_ceil(BLOCK);
            levels += 1;
            let tree = &mut used[1 - levels % 2];
            starts[levels / 4][levels % 4] = *tree as u32;
            *tree += n;
        }
        check("a segmented reduction", levels <= MOST_LEVELS)?;
        Ok(Self {
            capacity,
            trees: [gpu.alloc(used[0])?, gpu.alloc(used[1])?],
            levels,
            starts,
            level_sizes: Sizes::new(gpu, levels.max(1))?,
            segment_sizes: Sizes::new(gpu, 1)?,
        })
    }

    /// Records the reduction of the first `length` of `values` in `segments` segments: `results[s]` becomes that
    /// of the values from `offsets[s]` to before `offsets[s + 1]`. Offsets are absolute and need not touch; those
    /// past `length` must not be reached. Lengths on the GPU are cut to what the buffers hold.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when `length` is over the capacity or the values, `segments` over the results or
    /// the offsets less one, or `op` is not for `T`.
    #[expect(clippy::too_many_arguments, reason = "two counted inputs, one output")]
    pub fn record<'a, 'b, T: Reducible>(
        &self,
        recorder: &mut Recorder,
        op: Op,
        values: &Buffer<T>,
        length: impl Into<Length<'a>>,
        offsets: &Buffer<u32>,
        segments: impl Into<Length<'b>>,
        results: &Buffer<T>,
    ) -> Result<(), GpuError> {
        let doing = "a segmented reduction";
        check(doing, T::takes(op))?;
        let cap = self.capacity.min(values.len());
        let shape = Shape {
            shrink: BLOCK as u32,
            ..Shape::plain(PER_GROUP)
        };
        let plan = self
            .level_sizes
            .plan(recorder, doing, length.into(), cap, shape)?;
        let start = |level: usize| self.starts[level / 4][level % 4];
        for level in 0..self.levels {
            let (at, n) = plan.at_and_n(level);
            let params = LevelParams {
                n,
                at,
                op: op as u32,
                source_at: if level == 0 { 0 } else { start(level) },
                tree_at: start(level + 1),
                ..Default::default()
            };
            let (tree, other) = (&self.trees[level % 2], &self.trees[1 - level % 2]);
            let source: &dyn super::AnyBuffer = if level == 0 { values } else { other };
            let buffers = [plan.buffer(), source, tree] as [&dyn super::AnyBuffer; 3];
            plan.run(recorder, level, &REDUCE_LEVEL, &params, &buffers)?;
        }
        let most = results.len().min(offsets.len().saturating_sub(1));
        let plan =
            self.segment_sizes
                .plan(recorder, doing, segments.into(), most, Shape::plain(64))?;
        let (at, n) = plan.at_and_n(0);
        let params = SegmentParams {
            n,
            at,
            op: op as u32,
            values: cap as u32,
            starts: self.starts,
        };
        plan.run(
            recorder,
            0,
            &REDUCE_SEGMENTS,
            &params,
            &[
                plan.buffer(),
                offsets,
                values,
                &self.trees[0],
                &self.trees[1],
                results,
            ],
        )
    }
}
