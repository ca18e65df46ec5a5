//! Counts of `u32` keys in up to 4096 bins on the GPU.

use super::indirect::{Length, Shape, Sizes, check};
use super::{Buffer, Gpu, GpuError, Kernel, Recorder};

crate::gpu_struct! {
    /// Params of `gpu/histogram`.
    pub struct HistogramParams {
        /// Keys, cut to `sizes[at].w`.
        pub n: u32,
        /// Element of `sizes`.
        pub at: u32,
        /// First bit of the bin's number.
        pub shift: u32,
        /// Bits of the bin's number, from bit 0; at most 4095.
        pub mask: u32,
    }
}

/// Keys of one block.
pub const BLOCK: usize = 8192;
/// Bits of the largest number of bins.
pub const MOST_BITS: u32 = 12;

/// `gpu/histogram`.
pub static HISTOGRAM: Kernel = crate::kernel!(
    "gpu/histogram", shared [], twin crate::gpu::twins::histogram::twin,
    workgroup [128, 1, 1], params HistogramParams,
    bind [read sizes: [u32; 4], read quads: [u32; 4], read keys: u32, write bins: u32]
);

/// Scratch for histograms of any number of keys.
#[derive(Clone, Debug)]
pub struct Histogram {
    sizes: Sizes,
}

impl Histogram {
    /// The scratch.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(gpu: &Gpu) -> Result<Self, GpuError> {
        Ok(Self {
            sizes: Sizes::new(gpu, 1)?,
        })
    }

    /// Records the count of the first `length` keys in `2^bits` bins, bin `(key >> shift) & (2^bits - 1)`. The
    /// whole of `bins` is zeroed first. A length on the GPU is cut to the buffer's.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when `length` is over the buffer's, `bits` over [`MOST_BITS`], `shift` over 31,
    /// or `bins` too short.
    pub fn record<'a>(
        &self,
        recorder: &mut Recorder,
        keys: &Buffer<u32>,
        length: impl Into<Length<'a>>,
        shift: u32,
        bits: u32,
        bins: &Buffer<u32>,
    ) -> Result<(), GpuError> {
        let doing = "a histogram";
        let fits = bits <= MOST_BITS && shift < 32 && bins.len() >= 1 << bits;
        check(doing, fits)?;
        let shape = Shape::plain(BLOCK as u32);
        let plan = self
            .sizes
            .plan(recorder, doing, length.into(), keys.len(), shape)?;
        let (at, n) = plan.at_and_n(0);
        let params = HistogramParams {
            n,
            at,
            shift,
            mask: (1 << bits) - 1,
        };
        recorder.clear(bins)?;
        plan.run(
            recorder,
            0,
            &HISTOGRAM,
            &params,
            &[plan.buffer(), &plan.quads(keys), keys, bins],
        )
    }
}
