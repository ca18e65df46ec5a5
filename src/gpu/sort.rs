//! A stable radix sort of `u32` keys with `u32` values on the GPU.
//!
//! Least significant digit first, 8 bits a pass: count, prefix sum, move. No atomics and no subgroup operation,
//! so it does not depend on the subgroup size. Workgroup memory: 17.9 KiB.

use super::indirect::{Quads, Shape, Sizes};
use super::{Buffer, Gpu, GpuError, Kernel, Recorder, scan::Scan};

crate::gpu_struct! {
    /// Params of `gpu/sort_count` and `gpu/sort_scatter`.
    pub struct SortParams {
        /// Element of `sizes` whose last word is the number of pairs.
        pub at: u32,
        /// First bit of the digit.
        pub shift: u32,
        /// Bits of the digit, from bit 0; at most 255.
        pub mask: u32,
        /// Padding.
        pub pad: u32,
    }
}

/// Pairs of one block.
pub const BLOCK: usize = 4096;
/// Bits of one digit.
pub const DIGIT_BITS: u32 = 8;

/// `gpu/sort_count`.
pub static SORT_COUNT: Kernel = crate::kernel!(
    "gpu/sort_count", shared [], twin crate::gpu::twins::sort_count::twin,
    workgroup [32, 1, 1], params SortParams,
    bind [read sizes: [u32; 4], read keys: [u32; 4], write histogram: u32]
);

/// `gpu/sort_scatter`.
pub static SORT_SCATTER: Kernel = crate::kernel!(
    "gpu/sort_scatter", shared [], twin crate::gpu::twins::sort_scatter::twin,
    workgroup [32, 1, 1], params SortParams,
    bind [read sizes: [u32; 4], read histogram: u32, read keys: [u32; 4], read values: [u32; 4],
          write keys_out: u32, write values_out: u32]
);

/// Keys and values with scratch to sort them.
#[derive(Clone, Debug)]
pub struct Sort {
    pairs: [(Buffer<u32>, Buffer<u32>); 2],
    histogram: Buffer<u32>,
    scan: Scan,
    sizes: Sizes,
}

impl Sort {
    /// Buffers for `capacity` pairs, rounded up to a multiple of 4.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu, capacity: usize) -> Result<Self, GpuError> {
        // The kernels read vectors of four.
        let capacity = capacity.max(1).next_multiple_of(4);
        let bins = capacity.div_ceil(BLOCK) << DIGIT_BITS;
        Ok(Self {
            pairs: [
                (gpu.alloc(capacity)?, gpu.alloc(capacity)?),
                (gpu.alloc(capacity)?, gpu.alloc(capacity)?),
            ],
            histogram: gpu.alloc(bins)?,
            scan: Scan::new(gpu, bins)?,
            sizes: Sizes::new(gpu, 1)?,
        })
    }

    /// Pairs the buffers hold.
    pub fn capacity(&self) -> usize {
        self.pairs[0].0.len()
    }

    /// Where the caller's kernel writes the unsorted keys.
    pub fn keys(&self) -> &Buffer<u32> {
        &self.pairs[0].0
    }

    /// Where the caller's kernel writes the unsorted values.
    pub fn values(&self) -> &Buffer<u32> {
        &self.pairs[0].1
    }

    /// Records the sort of the first `min(count[count_at], capacity)` pairs by the lowest `bits` bits of their
    /// keys and returns the sorted keys and values. Equal keys keep their order. The unsorted pairs are lost.
    /// The work follows the count, not the capacity.
    ///
    /// # Errors
    /// As [`Recorder::run`]; [`GpuError::Validation`] when `count_at` is past the end of `count`.
    pub fn record(
        &self,
        recorder: &mut Recorder,
        count: &Buffer<u32>,
        count_at: usize,
        bits: u32,
    ) -> Result<(&Buffer<u32>, &Buffer<u32>), GpuError> {
        let length = (count, count_at).into();
        let shape = Shape::plain(BLOCK as u32);
        let plan = self
            .sizes
            .plan(recorder, "a sort", length, self.capacity(), shape)?;
        let bins = self
            .scan
            .plan(recorder, length, self.capacity(), BLOCK, 1 << DIGIT_BITS)?;
        let bits = bits.min(32);
        let mut from = 0;
        for shift in (0..bits).step_by(DIGIT_BITS as usize) {
            let params = SortParams {
                at: 0,
                shift,
                mask: (1 << (bits - shift).min(DIGIT_BITS)) - 1,
                pad: 0,
            };
            let (keys, values) = &self.pairs[from];
            let (keys_out, values_out) = &self.pairs[1 - from];
            let (keys, values): (Quads<'_>, Quads<'_>) = (plan.quads(keys), plan.quads(values));
            let histogram = &self.histogram;
            plan.run(
                recorder,
                0,
                &SORT_COUNT,
                &params,
                &[plan.buffer(), &keys, histogram],
            )?;
            self.scan.record_planned(recorder, histogram, &bins)?;
            plan.run(
                recorder,
                0,
                &SORT_SCATTER,
                &params,
                &[
                    plan.buffer(),
                    histogram,
                    &keys,
                    &values,
                    keys_out,
                    values_out,
                ],
            )?;
            from = 1 - from;
        }
        let (keys, values) = &self.pairs[from];
        Ok((keys, values))
    }
}
