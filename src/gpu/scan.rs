//! Exclusive prefix sums of `u32` on the GPU.
//!
//! Reduce, then scan: totals of blocks of 1024, their prefix sum by the same way, then each block on top of it.
//! Every element is read twice and written once; no subgroup operations.

use super::indirect::{Length, Plan, Quads, Shape, Sizes};
use super::{Buffer, Gpu, GpuError, Kernel, Recorder};

crate::gpu_struct! {
    /// Params of `gpu/scan_sums` and `gpu/scan_blocks`.
    pub struct ScanParams {
        /// Elements, cut to `sizes[at].w`.
        pub n: u32,
        /// Element of `sizes`.
        pub at: u32,
        /// Padding.
        pub pad: [u32; 2],
    }
}

/// Elements of one block.
pub const BLOCK: usize = 1024;

/// `gpu/scan_sums`.
pub static SCAN_SUMS: Kernel = crate::kernel!(
    "gpu/scan_sums", shared [], twin crate::gpu::twins::scan_sums::twin,
    workgroup [64, 1, 1], params ScanParams,
    bind [read sizes: [u32; 4], read quads: [u32; 4], read data: u32, write sums: u32]
);

/// `gpu/scan_blocks`.
pub static SCAN_BLOCKS: Kernel = crate::kernel!(
    "gpu/scan_blocks", shared [], twin crate::gpu::twins::scan_blocks::twin,
    workgroup [64, 1, 1], params ScanParams,
    bind [read sizes: [u32; 4], read before: u32, write data: u32]
);

/// Scratch for in-place exclusive prefix sums of up to a fixed number of elements.
#[derive(Clone, Debug)]
pub struct Scan {
    capacity: usize,
    /// Block totals of each level but the last.
    sums: Vec<Buffer<u32>>,
    nothing: Buffer<u32>,
    sizes: Sizes,
}

impl Scan {
    /// Scratch for up to `capacity` elements.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu, capacity: usize) -> Result<Self, GpuError> {
        let mut sums = Vec::new();
        let mut n = capacity;
        while n > BLOCK {
            n = n.div_ceil(BLOCK);
            sums.push(gpu.alloc(n)?);
        }
        Ok(Self {
            capacity,
            nothing: gpu.upload(&[0])?,
            sizes: Sizes::new(gpu, sums.len() + 1)?,
            sums,
        })
    }

    /// Records the sum over the first `length` elements of `data`, in place: element `i` becomes the wrapping sum
    /// of the elements before it. A length on the GPU is cut to the capacity and to the buffer's length.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when `length` is over the capacity or the buffer's length.
    pub fn record<'a>(
        &self,
        recorder: &mut Recorder,
        data: &Buffer<u32>,
        length: impl Into<Length<'a>>,
    ) -> Result<(), GpuError> {
        let cap = self.capacity.min(data.len());
        let plan = self.plan(recorder, length.into(), cap, 1, 1)?;
        self.record_planned(recorder, data, &plan)
    }

    /// Sizes for sums of `ceil(length / per) * times` elements, `length` cut to `cap`; good for any number of
    /// [`Scan::record_planned`] until the next plan.
    pub(super) fn plan(
        &self,
        recorder: &mut Recorder,
        length: Length<'_>,
        cap: usize,
        per: usize,
        times: usize,
    ) -> Result<Plan<'_>, GpuError> {
        let shape = Shape {
            per: per as u32,
            times: times as u32,
            ..Shape::plain(BLOCK as u32)
        };
        self.sizes
            .plan(recorder, "a prefix sum", length, cap, shape)
    }

    /// Records the sum over what [`Scan::plan`] said.
    pub(super) fn record_planned(
        &self,
        recorder: &mut Recorder,
        data: &Buffer<u32>,
        plan: &Plan<'_>,
    ) -> Result<(), GpuError> {
        let levels = (0..self.sums.len())
            .take_while(|&level| plan.known(level).is_none_or(|n| n > BLOCK))
            .count();
        let data_of = |level: usize| match level {
            0 => data,
            _ => &self.sums[level - 1],
        };
        for level in 0..levels {
            let from = data_of(level);
            let quads: Quads<'_> = plan.quads(from);
            plan.run(
                recorder,
                level,
                &SCAN_SUMS,
                &params(plan, level),
                &[plan.buffer(), &quads, from, &self.sums[level]],
            )?;
        }
        for level in (0..=levels).rev() {
            let before = if level == levels {
                &self.nothing
            } else {
                &self.sums[level]
            };
            plan.run(
                recorder,
                level,
                &SCAN_BLOCKS,
                &params(plan, level),
                &[plan.buffer(), before, data_of(level)],
            )?;
        }
        Ok(())
    }
}

fn params(plan: &Plan<'_>, level: usize) -> ScanParams {
    let (at, n) = plan.at_and_n(level);
    ScanParams {
        n,
        at,
        ..Default::default()
    }
}
