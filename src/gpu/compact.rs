//! Keeps the elements whose flag is set, in order, on the GPU.

use super::indirect::{Length, Shape, Sizes, check};
use super::{Buffer, Gpu, GpuError, Kernel, Recorder, scan::Scan, scan::ScanParams};

crate::gpu_struct! {
    /// Params of `gpu/compact_move`.
    pub struct CompactParams {
        /// Elements, cut to `sizes[at].w`.
        pub n: u32,
        /// Element of `sizes`.
        pub at: u32,
        /// 1 keeps the indices, 0 the values.
        pub indices: u32,
        /// Element of `count` that gets the number of elements kept.
        pub count_at: u32,
    }
}

/// Elements of one block.
pub const BLOCK: usize = 1024;

/// `gpu/compact_count`.
pub static COMPACT_COUNT: Kernel = crate::kernel!(
    "gpu/compact_count", shared [], twin crate::gpu::twins::compact_count::twin,
    workgroup [64, 1, 1], params ScanParams,
    bind [read sizes: [u32; 4], read quads: [u32; 4], read flags: u32, write kept: u32]
);

/// `gpu/compact_move`.
pub static COMPACT_MOVE: Kernel = crate::kernel!(
    "gpu/compact_move", shared [], twin crate::gpu::twins::compact_move::twin,
    workgroup [64, 1, 1], params CompactParams,
    bind [read sizes: [u32; 4], read before: u32, read flags: u32, read values: u32,
          write kept: u32, write count: u32]
);

/// Scratch for compactions of up to a fixed number of elements.
#[derive(Clone, Debug)]
pub struct Compact {
    capacity: usize,
    before: Buffer<u32>,
    scan: Scan,
    sizes: Sizes,
}

impl Compact {
    /// Scratch for up to `capacity` elements.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu, capacity: usize) -> Result<Self, GpuError> {
        let blocks = capacity.div_ceil(BLOCK).max(1);
        Ok(Self {
            capacity,
            before: gpu.alloc(blocks)?,
            scan: Scan::new(gpu, blocks)?,
            sizes: Sizes::new(gpu, 1)?,
        })
    }

    /// Records the copy of those of the first `length` elements whose flag is not 0 to the start of `kept`, and
    /// of their number to `count[count_at]`; [`super::indirect::record_args`] makes workgroup counts of it.
    /// Without `values` their indices are kept. A length on the GPU is cut to what the buffers hold.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when `length` is over the capacity, the flags, the values or `kept`, or `count_at`
    /// is past the end of `count`.
    pub fn record<'a>(
        &self,
        recorder: &mut Recorder,
        flags: &Buffer<u32>,
        values: Option<&Buffer<u32>>,
        length: impl Into<Length<'a>>,
        kept: &Buffer<u32>,
        (count, count_at): (&Buffer<u32>, usize),
    ) -> Result<(), GpuError> {
        let doing = "a compaction";
        let length = length.into();
        let values_len = values.map_or(usize::MAX, Buffer::len);
        let cap = [self.capacity, flags.len(), values_len, kept.len()]
            .into_iter()
            .fold(usize::MAX, usize::min);
        check(doing, count_at < count.len())?;
        let shape = Shape {
            least: 1,
            ..Shape::plain(BLOCK as u32)
        };
        let plan = self.sizes.plan(recorder, doing, length, cap, shape)?;
        let (at, n) = plan.at_and_n(0);
        let counting = ScanParams {
            n,
            at,
            ..Default::default()
        };
        plan.run(
            recorder,
            0,
            &COMPACT_COUNT,
            &counting,
            &[plan.buffer(), &plan.quads(flags), flags, &self.before],
        )?;
        let blocks = self.scan.plan(recorder, length, cap, BLOCK, 1)?;
        self.scan.record_planned(recorder, &self.before, &blocks)?;
        let moving = CompactParams {
            n,
            at,
            indices: u32::from(values.is_none()),
            count_at: count_at as u32,
        };
        plan.run(
            recorder,
            0,
            &COMPACT_MOVE,
            &moving,
            &[
                plan.buffer(),
                &self.before,
                flags,
                values.unwrap_or(flags),
                kept,
                count,
            ],
        )
    }
}
