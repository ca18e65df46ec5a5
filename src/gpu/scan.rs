//! Exclusive prefix sums of `u32` on the GPU.

use super::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_1d};

crate::gpu_struct! {
    /// Params of `gpu/scan_blocks` and `gpu/scan_add`.
    pub struct ScanParams {
        /// Elements.
        pub n: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

/// Elements of one block.
pub const BLOCK: usize = 1024;

/// `gpu/scan_blocks`.
pub static SCAN_BLOCKS: Kernel = crate::kernel!(
    "gpu/scan_blocks", shared [], workgroup [64, 1, 1], params ScanParams,
    bind [write data: u32, write sums: u32]
);

/// `gpu/scan_add`.
pub static SCAN_ADD: Kernel = crate::kernel!(
    "gpu/scan_add", shared [], workgroup [64, 1, 1], params ScanParams,
    bind [read sums: u32, write data: u32]
);

/// Scratch for in-place exclusive prefix sums of up to a fixed number of elements.
#[derive(Clone, Debug)]
pub struct Scan {
    capacity: usize,
    levels: Vec<Buffer<u32>>,
}

impl Scan {
    /// Scratch for up to `capacity` elements.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu, capacity: usize) -> Result<Self, GpuError> {
        let mut levels = Vec::new();
        let mut n = capacity;
        loop {
            n = n.div_ceil(BLOCK).max(1);
            levels.push(gpu.alloc(n)?);
            if n == 1 {
                break;
            }
        }
        Ok(Self { capacity, levels })
    }

    /// Records the sum over the first `n` elements of `data`, in place: element `i` becomes the wrapping sum of
    /// the elements before it.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when `n` is over the capacity or the buffer's length.
    pub fn record(
        &self,
        recorder: &mut Recorder,
        data: &Buffer<u32>,
        n: usize,
    ) -> Result<(), GpuError> {
        if n > self.capacity || n > data.len() {
            return Err(GpuError::Validation {
                doing: "a prefix sum".to_owned(),
                reason: format!(
                    "{n} elements, scratch for {}, buffer of {}",
                    self.capacity,
                    data.len()
                ),
            });
        }
        self.level(recorder, data, n, 0)
    }

    fn level(
        &self,
        recorder: &mut Recorder,
        data: &Buffer<u32>,
        n: usize,
        level: usize,
    ) -> Result<(), GpuError> {
        if n == 0 {
            return Ok(());
        }
        let params = ScanParams {
            n: n as u32,
            ..Default::default()
        };
        let blocks = n.div_ceil(BLOCK);
        let groups = groups_1d(blocks, 1);
        let sums = &self.levels[level];
        recorder.run(&SCAN_BLOCKS, &params, &[data, sums], groups)?;
        if blocks > 1 {
            self.level(recorder, sums, blocks, level + 1)?;
            recorder.run(&SCAN_ADD, &params, &[sums, data], groups)?;
        }
        Ok(())
    }
}
