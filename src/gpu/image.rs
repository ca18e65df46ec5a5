//! Single-channel `f32` images in buffers: separable filters and the pyramid.
//!
//! Row-major, top left first, `width * height` elements, in any unit. Values that are not finite spread as far
//! as the filter reaches.

use super::indirect::check;
use super::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_2d};

const TILE: [u32; 3] = [8, 8, 1];

/// Taps of a filter, at most.
pub const MOST_TAPS: usize = 31;

crate::gpu_struct! {
    /// Params of `gpu/shrink`.
    pub struct ShrinkParams {
        /// Source width in pixels.
        pub src_width: u32,
        /// Source height in pixels.
        pub src_height: u32,
        /// Result width in pixels, half of the source's rounded up.
        pub width: u32,
        /// Result height in pixels.
        pub height: u32,
    }
}

crate::gpu_struct! {
    /// Params of `gpu/filter`.
    pub struct FilterParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Number of weights, odd.
        pub taps: u32,
        /// 1 filters columns, 0 rows.
        pub down: u32,
        /// The weights, the one of the pixel itself in the middle.
        pub weights: [[f32; 4]; 8],
    }
}

/// `gpu/shrink`: one pyramid step.
pub static SHRINK: Kernel = crate::kernel!(
    "gpu/shrink", shared [], twin crate::gpu::twins::shrink::twin,
    workgroup TILE, params ShrinkParams,
    bind [read src: f32, write dst: f32 => within(1e-3, 1e-5)]
);

/// `gpu/filter`: one pass of a separable filter.
pub static FILTER: Kernel = crate::kernel!(
    "gpu/filter", shared [], twin crate::gpu::twins::filter::twin,
    workgroup TILE, params FilterParams,
    bind [read src: f32, write dst: f32 => within(1e-3, 1e-5)]
);

/// Whether buffers hold an image of this size.
fn holds(buffers: &[&Buffer<f32>], width: u32, height: u32) -> bool {
    let pixels = width as usize * height as usize;
    buffers.iter().all(|b| b.len() >= pixels)
}

/// Records the filter with `taps` across `src`, then down, into `dst`, edges repeated; `between` is scratch. All
/// three hold `width * height` pixels. The filter is a correlation: `taps[0]` weighs the pixel furthest to the
/// left, or up.
///
/// # Errors
/// [`GpuError::Validation`] when the taps are even or over [`MOST_TAPS`], or a buffer is too short.
pub fn filter(
    recorder: &mut Recorder,
    taps: &[f32],
    (width, height): (u32, u32),
    src: &Buffer<f32>,
    between: &Buffer<f32>,
    dst: &Buffer<f32>,
) -> Result<(), GpuError> {
    let fits = taps.len() % 2 == 1 && taps.len() <= MOST_TAPS;
    let fits = fits && holds(&[src, between, dst], width, height);
    check("a separable filter", fits)?;
    if width == 0 || height == 0 {
        return Ok(());
    }
    let mut params = FilterParams {
        width,
        height,
        taps: taps.len() as u32,
        ..Default::default()
    };
    params.weights.as_flattened_mut()[..taps.len()].copy_from_slice(taps);
    let groups = groups_2d(width, height, TILE);
    recorder.run(&FILTER, &params, &[src, between], groups)?;
    params.down = 1;
    recorder.run(&FILTER, &params, &[between, dst], groups)
}

/// One level of a [`Pyramid`].
#[derive(Clone, Debug)]
pub struct PyramidLevel {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The pixels.
    pub image: Buffer<f32>,
}

/// An image at full, half, quarter, ... size, finest first. Pixel i of a level is centred between pixels 2i and
/// 2i + 1 of the finer one.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// The levels.
    pub levels: Vec<PyramidLevel>,
}

impl Pyramid {
    /// Sizes of the levels, finest first: halved, rounded up, until the short side would fall under `coarsest`.
    pub fn sizes(width: u32, height: u32, coarsest: u32) -> Vec<(u32, u32)> {
        let mut sizes = vec![(width, height)];
        let (mut w, mut h) = (width, height);
        while w.min(h).div_ceil(2) >= coarsest.max(1) && w.max(h) > 1 {
            (w, h) = (w.div_ceil(2), h.div_ceil(2));
            sizes.push((w, h));
        }
        sizes
    }

    /// The levels of `base`, an image of `width * height` pixels, with room for the coarser ones, whose pixels
    /// are zero until [`Pyramid::record`].
    ///
    /// # Errors
    /// [`GpuError::Validation`] when the base is too short; as [`Gpu::alloc`].
    pub fn new(
        gpu: &Gpu,
        base: Buffer<f32>,
        (width, height): (u32, u32),
        coarsest: u32,
    ) -> Result<Self, GpuError> {
        check("a pyramid", holds(&[&base], width, height))?;
        let mut levels = vec![PyramidLevel {
            width,
            height,
            image: base,
        }];
        for (width, height) in Self::sizes(width, height, coarsest).into_iter().skip(1) {
            levels.push(PyramidLevel {
                width,
                height,
                image: gpu.alloc(width as usize * height as usize)?,
            });
        }
        Ok(Self { levels })
    }

    /// Records the coarser levels from the finest, each from the one before by `gpu/shrink`.
    ///
    /// # Errors
    /// As [`Recorder::run`].
    pub fn record(&self, recorder: &mut Recorder) -> Result<(), GpuError> {
        for (finer, coarser) in self.levels.iter().zip(&self.levels[1..]) {
            let params = ShrinkParams {
                src_width: finer.width,
                src_height: finer.height,
                width: coarser.width,
                height: coarser.height,
            };
            let groups = groups_2d(coarser.width, coarser.height, TILE);
            recorder.run(&SHRINK, &params, &[&finer.image, &coarser.image], groups)?;
        }
        Ok(())
    }
}
