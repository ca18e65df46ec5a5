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
    /// Parameters of the linearised energy.
    pub struct LineariseParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
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
    }
}

gpu_struct! {
    /// Parameters of half a relaxation sweep.
    pub struct RelaxParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// 0 or 1.
        pub colour: u32,
        /// Over-relaxation in (0, 2).
        pub omega: f32,
    }
}

/// Image gradient.
pub static GRADIENT: Kernel = kernel!("motion/gradient", shared [], workgroup TILE, params SizeParams,
    bind [read image: f32, write gradient: [f32; 2]]);
/// Patch search: `patches` are (u, v, cost, pixels seen).
pub static SEARCH: Kernel = kernel!("motion/search", shared [], workgroup TILE, params SearchParams,
    bind [read a: f32, read b: f32, read gradient: [f32; 2], read coarse_forward: [f32; 2],
        read coarse_backward: [f32; 2], read init: [f32; 2], write patches: [f32; 4]]);
/// Patches to dense flow.
pub static DENSIFY: Kernel = kernel!("motion/densify", shared [], workgroup TILE, params DensifyParams,
    bind [read a: f32, read b: f32, read patches: [f32; 4], write flow: [f32; 2]]);
/// The second picture along the flow.
pub static WARP: Kernel = kernel!("motion/warp", shared [], workgroup TILE, params SizeParams,
    bind [read b: f32, read flow: [f32; 2], write warped: [f32; 2]]);
/// The linear system of the refinement.
pub static LINEARISE: Kernel = kernel!("motion/linearise", shared [], workgroup TILE, params LineariseParams,
    bind [read a: f32, read warped: [f32; 2], read flow: [f32; 2], write system: [f32; 4], write right: [f32; 2]]);
/// Half a sweep on it.
pub static RELAX: Kernel = kernel!("motion/relax", shared [], workgroup TILE, params RelaxParams,
    bind [read system: [f32; 4], read right: [f32; 2], write flow: [f32; 2]]);
/// Two flows in a row.
pub static COMPOSE: Kernel = kernel!("motion/compose", shared [], workgroup TILE, params SizeParams,
    bind [read first: [f32; 2], read second: [f32; 2], write composed: [f32; 2]]);
/// The forward-backward test.
pub static CHECK: Kernel = kernel!("motion/check", shared [], workgroup TILE, params SizeParams,
    bind [read forward: [f32; 2], read backward: [f32; 2], write state: u32]);

/// All of them.
pub static ALL: &[&Kernel] = &[
    &GRADIENT,
    &SEARCH,
    &DENSIFY,
    &WARP,
    &LINEARISE,
    &RELAX,
    &COMPOSE,
    &CHECK,
    &super::camera::CAMERA,
    &super::objects::OBJECT_TRACKS,
    &super::camera::OWN,
    &super::follow::FOLLOW,
];

/// Patches of 8 pixels, every 4 from -2, that cover `side` pixels.
pub fn patches(side: u32) -> u32 {
    (side + 1) / 4 + 1
}
