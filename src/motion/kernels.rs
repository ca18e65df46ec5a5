//! Host declarations of the kernels under `kernels/motion/`.

use crate::gpu::Kernel;
use crate::{gpu_struct, kernel};

const TILE: [u32; 3] = [8, 8, 1];

gpu_struct! {
    /// Size of the picture.
    pub struct SizeParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

gpu_struct! {
    /// Parameters of the patch search.
    pub struct SearchParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Patches across, [`patches`] of the width.
        pub patches_x: u32,
        /// Patches down.
        pub patches_y: u32,
        /// Width of the coarser flow.
        pub coarse_width: u32,
        /// Height of the coarser flow.
        pub coarse_height: u32,
        /// Width of the initial flow.
        pub init_width: u32,
        /// Height of the initial flow.
        pub init_height: u32,
        /// Pixels of this level for one of the initial flow.
        pub init_scale: f32,
        /// Most Gauss-Newton steps.
        pub iterations: u32,
        /// 1 where the initial flow is to be tried.
        pub has_init: u32,
        /// Unused.
        pub pad: u32,
    }
}

gpu_struct! {
    /// Parameters of the densification.
    pub struct DensifyParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Patches across.
        pub patches_x: u32,
        /// Patches down.
        pub patches_y: u32,
    }
}

gpu_struct! {
    /// Parameters of the flow of the next finer level.
    pub struct UpsampleParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Width of the coarser flow.
        pub coarse_width: u32,
        /// Height of the coarser flow.
        pub coarse_height: u32,
        /// Pixels in one of the coarser flow, across and down.
        pub ratio: [f32; 2],
        /// Unused.
        pub pad: [u32; 2],
    }
}

gpu_struct! {
    /// Parameters of the relaxation of one colour of the chessboard of blocks.
    pub struct RefineParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// 0 or 1.
        pub colour: u32,
        /// Weight of the smoothness.
        pub alpha: f32,
        /// Weight of brightness constancy.
        pub delta: f32,
        /// Weight of gradient constancy.
        pub gamma: f32,
        /// Gradient, in grey levels a pixel, below which a constraint says little.
        pub zeta: f32,
        /// Residual, in pixels, below which the penalty is quadratic.
        pub epsilon: f32,
        /// How much the picture's own edges weaken the smoothness, per grey level a pixel.
        pub edge: f32,
        /// Over-relaxation in (0, 2).
        pub omega: f32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

/// A picture as elements of four neighbours, [`quads`] of its size.
pub static QUADS: Kernel = kernel!("motion/quads", shared [], twin crate::motion::twins::quads::twin,
    workgroup TILE, params SizeParams,
    bind [read image: f32, write quads: [u32; 2] => halves(1)]);
/// Patch search on quads: `patches` are (u, v, cost, pixels seen).
pub static SEARCH: Kernel = kernel!(
    "motion/search", shared [], twin crate::motion::twins::search::twin,
    workgroup TILE, params SearchParams,
    // Of two candidates that are as good within rounding either may win, and a patch that moves on takes it along.
    bind [read a: [u32; 2], read b: [u32; 2], read coarse_forward: [f32; 2], read coarse_backward: [f32; 2],
        read init: [f32; 2], write patches: [f32; 4] => within(2e-2, 2e-3).but(0.005, 4)]
);
/// Patches to dense flow.
pub static DENSIFY: Kernel = kernel!("motion/densify", shared [], twin crate::motion::twins::densify::twin,
    workgroup TILE, params DensifyParams,
    bind [read a: [u32; 2], read b: [u32; 2], read patches: [f32; 4], write flow: [f32; 2] => within(1e-3, 1e-4)]);
/// The coarser flow at twice its size.
pub static UPSAMPLE: Kernel = kernel!("motion/upsample", shared ["shared/mix"], twin crate::motion::twins::upsample::twin,
    workgroup TILE, params UpsampleParams,
    bind [read coarse: [f32; 2], write flow: [f32; 2] => within(1e-4, 1e-5)]);
/// First picture, second along the flow, that flow.
pub static WARP: Kernel = kernel!("motion/warp", shared [], twin crate::motion::twins::warp::twin,
    workgroup TILE, params SizeParams,
    bind [read a: [u32; 2], read b: [u32; 2], read flow: [f32; 2], write warped: [f32; 4] => within(2e-2, 1e-4)]);
/// Sweeps on the robust flow energy, within blocks of [`BLOCK`] pixels a side.
pub static REFINE: Kernel = kernel!("motion/refine", shared [], twin crate::motion::twins::refine::twin,
    workgroup TILE, params RefineParams,
    bind [read warped: [f32; 4], write flow: [f32; 2] => within(5e-3, 2e-3)]);
/// Two flows in a row.
pub static COMPOSE: Kernel = kernel!("motion/compose", shared ["shared/mix"], twin crate::motion::twins::compose::twin,
    workgroup TILE, params SizeParams,
    bind [read first: [f32; 2], read second: [f32; 2], write composed: [f32; 2] => within(1e-4, 1e-5)]);
/// The forward-backward test.
pub static CHECK: Kernel = kernel!(
    "motion/check", shared ["shared/mix"], twin crate::motion::twins::check::twin,
    workgroup TILE, params SizeParams,
    // A residual at the threshold within rounding may fall on either side.
    bind [read forward: [f32; 2], read backward: [f32; 2], write state: u32 => EXACT.but(0.001, 1)]
);

/// All of them.
pub static ALL: &[&Kernel] = &[
    &QUADS,
    &SEARCH,
    &DENSIFY,
    &UPSAMPLE,
    &WARP,
    &REFINE,
    &COMPOSE,
    &CHECK,
    &super::camera::CAMERA,
    &super::camera::OWN,
    &super::objects::OBJECT_TRACKS,
    &super::follow::FOLLOW,
];

/// Side of the blocks that [`REFINE`] takes at once.
pub const BLOCK: u32 = 4;

/// Sweeps of [`REFINE`] within a block.
pub const SWEEPS: u32 = 3;

/// Patches of 8 pixels, every 4 from -2, that cover `side` pixels.
pub fn patches(side: u32) -> u32 {
    (side + 1) / 4 + 1
}

/// Elements of a picture's quads: rows reach 8 pixels beyond it on both sides.
pub fn quads(width: u32, height: u32) -> usize {
    (width as usize + 16) * height as usize
}
