//! Moves splats that show nothing to where they are needed, under a fixed number of splats, on the device.
//!
//! Kheradmand et al., "3D Gaussian splatting as Markov chain Monte Carlo", NeurIPS 2024: a dead splat becomes a part of a live one, and the
//! parts let through together what the one did. Live ones are drawn by opacity times the root of their mean squared position gradient, so that
//! splats that are pulled about get help. Dead are clear ones, and those that
//! showed so little in each of the last pictures which they were in that they would not be missed: some 20, since what is judged is judged afresh.

use super::records::Splat;
use crate::gpu::Kernel;

crate::gpu_struct! {
    /// What views made of a splat since it was last judged.
    pub struct Credit {
        /// Its largest sum of blending weights over an image.
        pub weight: f32,
        /// Images that it was in.
        pub views: f32,
    }
}

crate::gpu_struct! {
    /// Params of `splat/choose`.
    pub struct ChooseParams {
        /// Splats.
        pub n: u32,
        /// Of the draws.
        pub seed: u32,
        /// Of a hash: the share of those that show nothing that move at once.
        pub limit: u32,
        /// A splat whose weights stayed under this shows nothing ...
        pub unseen: f32,
        /// ... once so many images had it in view.
        pub views: f32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

crate::gpu_struct! {
    /// Params of `splat/clone` and `splat/share`.
    pub struct CloneParams {
        /// Splats.
        pub n: u32,
        /// Of the draws.
        pub seed: u32,
        /// Of coefficients.
        pub planes: u32,
        /// Images that a judgement takes.
        pub views: f32,
    }
}

/// Of [`CHOOSE`]'s sources: a splat that stays.
pub const NONE: u32 = u32::MAX;

/// `splat/choose`.
pub static CHOOSE: Kernel = crate::kernel!(
    "splat/choose", shared ["shared/splat", "shared/credit", "shared/random", "shared/relocate"], twin crate::splat::twins::choose::twin,
    workgroup [64, 1, 1], params ChooseParams,
    // Two scores that are alike but for rounding may be drawn the one or the other.
    bind [read splats: Splat, read square: Splat, read credit: Credit,
        write source: u32 => EXACT.but(0.01, 2), write copies: u32 => EXACT.but(0.02, 4)]
);

/// `splat/clone`.
pub static CLONE: Kernel = crate::kernel!(
    "splat/clone", shared ["shared/splat", "shared/credit", "shared/random", "shared/relocate"], twin crate::splat::twins::clone::twin,
    workgroup [64, 1, 1], params CloneParams,
    bind [read source: u32, read copies: u32, write splats: Splat => within(1e-4, 1e-4), write mean: Splat, write square: Splat,
        write sh: [f32; 4], write sh_mean: [f32; 4], write sh_square: [f32; 4], write credit: Credit]
);

/// `splat/share`.
pub static SHARE: Kernel = crate::kernel!(
    "splat/share", shared ["shared/splat", "shared/credit", "shared/random", "shared/relocate"], twin crate::splat::twins::share::twin,
    workgroup [64, 1, 1], params CloneParams,
    bind [read copies: u32, write splats: Splat => within(1e-4, 1e-4), write mean: Splat, write square: Splat,
        write sh_mean: [f32; 4], write sh_square: [f32; 4], write credit: Credit, write moved: u32]
);
