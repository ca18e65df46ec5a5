//! The records of the fitter's kernels: loss, gradients, optimiser.

use super::records::{Projected, Splat, ViewParams};
use super::relocate::Credit;
use crate::gpu::{Kernel, Variants};

crate::gpu_struct! {
    /// Sums of one splat over the pixels of one tile; `s` is the gradient by the exponent, `(dx, dy)` the pixel
    /// less the splat's centre.
    pub struct Moments {
        /// Sums of s, s dx, s dy, s dx^2.
        pub a: [f32; 4],
        /// Sums of s dx dy, s dy^2, weight * gradient of depth, weight.
        pub b: [f32; 4],
        /// Sums of weight * gradient of RGB; the fourth is 0.
        pub c: [f32; 4],
    }
}

crate::gpu_struct! {
    /// Params of `splat/raster_back` and `splat/raster_back_lanes`.
    pub struct RasterBackParams {
        /// Image width and height.
        pub size: [u32; 2],
        /// Tiles of the image.
        pub tiles: u32,
        /// Slot of the first of the moments; nothing is done where there are not more slots than that.
        pub first: u32,
        /// Element of `counts` with the number of slots.
        pub count_at: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

crate::gpu_struct! {
    /// Params of the kernels of the loss.
    pub struct LossParams {
        /// Weights of input k for four neighbouring outputs.
        pub taps: [[f32; 4]; 14],
        /// Background RGB; the fourth is unused.
        pub background: [f32; 4],
        /// Image width and height.
        pub size: [u32; 2],
        /// Weight of each channel's absolute error.
        pub l1: f32,
        /// Weight of each channel's 1 - SSIM.
        pub ssim: f32,
        /// Weight of each pixel's error of inverse depth.
        pub depth: f32,
        /// 1 where a negative inverse depth marks a pixel that counts for nothing.
        pub marked: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

crate::gpu_struct! {
    /// Blurred moments of a pixel's neighbourhood, RGB; the fourth is unused.
    pub struct Stats {
        /// Of the rendering.
        pub x: [f32; 4],
        /// Of the frame.
        pub y: [f32; 4],
        /// Of the rendering's squares.
        pub xx: [f32; 4],
        /// Of the frame's squares.
        pub yy: [f32; 4],
        /// Of their product.
        pub xy: [f32; 4],
    }
}

crate::gpu_struct! {
    /// Derivatives of SSIM by blurred moments, RGB.
    pub struct Partials {
        /// By the blurred x; the fourth is the pixel's SSIM.
        pub x: [f32; 4],
        /// By the blurred x^2.
        pub xx: [f32; 4],
        /// By the blurred xy.
        pub xy: [f32; 4],
    }
}

crate::gpu_struct! {
    /// Params of `splat/update`: those of [`ViewParams`], then Adam's.
    pub struct UpdateParams {
        /// See [`ViewParams`].
        pub row_x: [f32; 4],
        /// See [`ViewParams`].
        pub row_y: [f32; 4],
        /// See [`ViewParams`].
        pub row_z: [f32; 4],
        /// See [`ViewParams`].
        pub focal: [f32; 4],
        /// See [`ViewParams`].
        pub limits: [f32; 4],
        /// See [`ViewParams`].
        pub size: [u32; 2],
        /// See [`ViewParams`].
        pub n: u32,
        /// See [`ViewParams`].
        pub sh_degree: u32,
        /// See [`ViewParams`].
        pub near: f32,
        /// See [`ViewParams`].
        pub capacity: u32,
        /// See [`ViewParams`].
        pub first: u32,
        /// See [`ViewParams`].
        pub last: u32,
        /// See [`ViewParams`].
        pub planes: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
        /// Decay of the first moment.
        pub beta1: f32,
        /// Decay of the second moment.
        pub beta2: f32,
        /// Added to the root of the second moment.
        pub epsilon: f32,
        /// Learning rate of positions, world units.
        pub centre: f32,
        /// Learning rate of opacity logits.
        pub opacity: f32,
        /// Learning rate of log-scales.
        pub scale: f32,
        /// Learning rate of quaternions.
        pub rotation: f32,
        /// Learning rate of the coefficients of degree 0.
        pub sh0: f32,
        /// Learning rate of the coefficients above.
        pub sh1: f32,
        /// Least log-scale.
        pub least: f32,
        /// Greatest log-scale.
        pub most: f32,
        /// Padding.
        pub pad3: u32,
    }
}

impl UpdateParams {
    /// These rates for this view.
    pub fn with_view(self, v: &ViewParams) -> Self {
        Self {
            row_x: v.row_x,
            row_y: v.row_y,
            row_z: v.row_z,
            focal: v.focal,
            limits: v.limits,
            size: v.size,
            n: v.n,
            sh_degree: v.sh_degree,
            near: v.near,
            capacity: v.capacity,
            first: v.first,
            last: v.last,
            planes: v.planes,
            ..self
        }
    }

    /// The view.
    pub fn view(&self) -> ViewParams {
        ViewParams {
            row_x: self.row_x,
            row_y: self.row_y,
            row_z: self.row_z,
            focal: self.focal,
            limits: self.limits,
            size: self.size,
            n: self.n,
            sh_degree: self.sh_degree,
            near: self.near,
            capacity: self.capacity,
            first: self.first,
            last: self.last,
            planes: self.planes,
            ..ViewParams::default()
        }
    }
}

/// Weights of a Gaussian window of 11 taps and sigma 1.5, laid out for [`LossParams::taps`].
pub fn taps() -> [[f32; 4]; 14] {
    let w = window();
    std::array::from_fn(|k| {
        std::array::from_fn(|j| {
            let tap = k as i32 - j as i32;
            if (0..11).contains(&tap) {
                w[tap as usize] as f32
            } else {
                0.0
            }
        })
    })
}

/// The Gaussian window itself, sum 1.
pub fn window() -> [f64; 11] {
    let raw: [f64; 11] = std::array::from_fn(|i| (-(i as f64 - 5.0).powi(2) / 4.5).exp());
    let sum: f64 = raw.iter().sum();
    raw.map(|v| v / sum)
}

/// `splat/ssim_rows`.
pub static SSIM_ROWS: Kernel = crate::kernel!(
    "splat/ssim_rows", shared ["shared/ssim"], twin crate::splat::twins::ssim_rows::twin,
    workgroup [8, 8, 1], params LossParams,
    bind [read image: [f32; 4], read truth: u32, write rows: Stats => within(1e-5, 1e-5)]
);

/// `splat/ssim_columns`.
pub static SSIM_COLUMNS: Kernel = crate::kernel!(
    "splat/ssim_columns", shared ["shared/ssim"], twin crate::splat::twins::ssim_columns::twin,
    workgroup [8, 8, 1], params LossParams,
    // Where a picture is flat the derivatives are small differences of numbers in the hundreds, of which single precision
    // leaves little.
    bind [read rows: Stats, write partials: Partials => within(1e-2, 1e-3).but(0.02, 8).at_most(1.0, 1e-2)]
);

/// `splat/ssim_back`.
pub static SSIM_BACK: Kernel = crate::kernel!(
    "splat/ssim_back", shared ["shared/ssim"], twin crate::splat::twins::ssim_back::twin,
    workgroup [8, 8, 1], params LossParams,
    bind [read partials: Partials, write rows: Partials => within(1e-2, 1e-3)]
);

/// `splat/loss`.
pub static LOSS: Kernel = crate::kernel!(
    "splat/loss", shared ["shared/ssim"], twin crate::splat::twins::loss::twin,
    workgroup [8, 8, 1], params LossParams,
    bind [read rows: Partials, read image: [f32; 4], read truth: u32, read depth: f32, read inverse_depth: f32,
        write image_grad: [f32; 4] => within(2e-3, 1e-3), write depth_grad: f32 => within(1e-4, 1e-4)]
);

/// `splat/raster_back`: lanes add up in workgroup memory.
pub static RASTER_BACK: Kernel = crate::kernel!(
    "splat/raster_back", shared ["shared/splat", "shared/blend", "shared/blend_back", "shared/raster_back"], twin crate::splat::twins::raster_back::twin,
    workgroup [32, 1, 1], params RasterBackParams,
    // A pixel on a threshold (1/255, 0.99, 1e-4) may fall to either side.
    bind [read counts: u32, read ranges: [u32; 2], read values: u32, read owners: u32, read projected: Projected,
        read image: [f32; 4], read depth: f32, read image_grad: [f32; 4], read depth_grad: f32,
        write moments: Moments => within(2e-3, 1e-3).but(0.005, 12).at_most(3.0, 0.1)]
);

/// `splat/raster_back_lanes`: eight lanes share what they load, and add up among themselves.
pub static RASTER_BACK_LANES: Kernel = crate::kernel!(
    "splat/raster_back_lanes", shared ["shared/splat", "shared/blend", "shared/blend_back", "shared/raster_back"], twin crate::splat::twins::raster_back_lanes::twin,
    needs Eight, workgroup [32, 1, 1], params RasterBackParams,
    // A pixel on a threshold (1/255, 0.99, 1e-4) may fall to either side.
    bind [read counts: u32, read ranges: [u32; 2], read values: u32, read owners: u32, read projected: Projected,
        read image: [f32; 4], read depth: f32, read image_grad: [f32; 4], read depth_grad: f32,
        write moments: Moments => within(2e-3, 1e-3).but(0.005, 12).at_most(3.0, 0.1)]
);

/// The raster's gradient by what the device can do.
pub static RASTER_BACKS: Variants = Variants {
    plain: &RASTER_BACK,
    eight: &RASTER_BACK_LANES,
};

/// `splat/update`.
pub static UPDATE: Kernel = crate::kernel!(
    "splat/update", shared ["shared/splat", "shared/credit", "shared/harmonics"], twin crate::splat::twins::update::twin,
    workgroup [64, 1, 1], params UpdateParams,
    // Of a gradient that is nearly 0 rounding tells the sign, and with it whether a value goes up or down by its rate: of a
    // round splat the gradient by its rotation is nothing but that. The moments hold what matters; steps of rotations are held to the twin's in
    // tests/it/splat/backward.rs alone.
    bind [write splats: Splat => within(1e-4, 1e-4).from(&[(8, 7e-3, 0.0)]).but(0.02, 12).at_most(0.5, 0.0),
        write sh: [f32; 4] => within(1e-4, 1e-4).but(0.02, 12).at_most(0.5, 0.0),
        read offsets: u32, read moments: Moments,
        write mean: Splat => within(1e-3, 2e-3), write square: Splat => within(1e-3, 5e-3),
        write sh_mean: [f32; 4] => within(1e-3, 2e-3), write sh_square: [f32; 4] => within(1e-3, 5e-3),
        write credit: Credit => within(1e-4, 1e-4)]
);
