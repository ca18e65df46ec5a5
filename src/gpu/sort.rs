//! A stable radix sort of `u32` keys with `u32` values on the GPU, without atomics.

use super::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_1d, scan::Scan};

crate::gpu_struct! {
    /// Params of `gpu/sort_count` and `gpu/sort_scatter`.
    pub struct SortParams {
        /// Pairs the buffers hold.
        pub capacity: u32,
        /// First bit of the digit.
        pub shift: u32,
        /// Blocks of 2048 that cover the capacity.
        pub blocks: u32,
        /// Element of `count` that says how many pairs there are.
        pub count_at: u32,
    }
}

/// Pairs of one block.
pub const BLOCK: usize = 2048;
/// Bits of one digit.
pub const DIGIT_BITS: u32 = 6;

/// `gpu/sort_count`.
pub static SORT_COUNT: Kernel = crate::kernel!(
    "gpu/sort_count", shared [], workgroup [64, 1, 1], params SortParams,
    bind [read count: u32, read keys: u32, write histogram: u32]
);

/// `gpu/sort_scatter`.
pub static SORT_SCATTER: Kernel = crate::kernel!(
    "gpu/sort_scatter", shared [], workgroup [64, 1, 1], params SortParams,
    bind [read count: u32, read histogram: u32, read keys: u32, read values: u32,
          write keys_out: u32, write values_out: u32]
);

/// Keys and values with scratch to sort them.
#[derive(Clone, Debug)]
pub struct Sort {
    pairs: [(Buffer<u32>, Buffer<u32>); 2],
    histogram: Buffer<u32>,
    scan: Scan,
    blocks: usize,
}

impl Sort {
    /// Buffers for up to `capacity` pairs.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu, capacity: usize) -> Result<Self, GpuError> {
        let blocks = capacity.div_ceil(BLOCK).max(1);
        let bins = blocks << DIGIT_BITS;
        Ok(Self {
            pairs: [
                (gpu.alloc(capacity)?, gpu.alloc(capacity)?),
                (gpu.alloc(capacity)?, gpu.alloc(capacity)?),
            ],
            histogram: gpu.alloc(bins)?,
            scan: Scan::new(gpu, bins)?,
            blocks,
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
    ///
    /// # Errors
    /// As [`Recorder::run`].
    pub fn record(
        &self,
        recorder: &mut Recorder,
        count: &Buffer<u32>,
        count_at: usize,
        bits: u32,
    ) -> Result<(&Buffer<u32>, &Buffer<u32>), GpuError> {
        let groups = groups_1d(self.blocks, 1);
        let mut from = 0;
        for shift in (0..bits.min(32)).step_by(DIGIT_BITS as usize) {
            let params = SortParams {
                capacity: self.capacity() as u32,
                shift,
                blocks: self.blocks as u32,
                count_at: count_at as u32,
            };
            let (keys, values) = &self.pairs[from];
            let (keys_out, values_out) = &self.pairs[1 - from];
            recorder.run(
                &SORT_COUNT,
                &params,
                &[count, keys, &self.histogram],
                groups,
            )?;
            self.scan
                .record(recorder, &self.histogram, self.histogram.len())?;
            recorder.run(
                &SORT_SCATTER,
                &params,
                &[count, &self.histogram, keys, values, keys_out, values_out],
                groups,
            )?;
            from = 1 - from;
        }
        let (keys, values) = &self.pairs[from];
        Ok((keys, values))
    }
}
