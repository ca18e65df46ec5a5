//! Host declarations of the kernels under `kernels/score/`.

use crate::gpu::Kernel;
use crate::{gpu_struct, kernel};

const ROW: [u32; 3] = [64, 1, 1];

gpu_struct! {
    /// Params of `score/tint` and `score/thumb`.
    pub struct TintParams {
        /// Width of the frame in pixels.
        pub src_width: u32,
        /// Height of the frame.
        pub src_height: u32,
        /// Width of the result.
        pub width: u32,
        /// Height of the result.
        pub height: u32,
        /// Every how many pixels, both ways, one is read.
        pub step: u32,
        /// First element that small luma is written to.
        pub at: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

gpu_struct! {
    /// Params of `score/glance`.
    pub struct GlanceParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Width of the coarser pictures.
        pub small_width: u32,
        /// Height of them.
        pub small_height: u32,
        /// Side of a cell in pixels.
        pub cell: u32,
        /// Pictures before number 3 that there are, the last ones.
        pub known: u32,
        /// Standard pixels of the short side.
        pub scale: f32,
        /// Unused.
        pub pad: u32,
    }
}

gpu_struct! {
    /// Params of `score/cells`.
    pub struct CellsParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Side of a cell in pixels.
        pub cell: u32,
        /// Cells across.
        pub across: u32,
        /// Standard pixels a span of time in a pixel a step.
        pub scale: f32,
        /// 1 where there is a step before.
        pub has_before: u32,
        /// As `scale`, of the step before.
        pub scale_before: f32,
        /// Unused.
        pub pad: u32,
    }
}

gpu_struct! {
    /// Params of `score/unlike`.
    pub struct UnlikeParams {
        /// Width of the flow in pixels.
        pub width: u32,
        /// Height of it.
        pub height: u32,
        /// Side of a cell in pixels.
        pub cell: u32,
        /// Cells across.
        pub across: u32,
        /// Width of the chroma.
        pub tint_width: u32,
        /// Height of the chroma.
        pub tint_height: u32,
        /// Pixels of the luma in one of the flow: 1, or .5 where it is of half the size.
        pub ratio: f32,
        /// Where the first cell's number goes.
        pub at: u32,
    }
}

gpu_struct! {
    /// Params of `score/fold`.
    pub struct FoldParams {
        /// Cells across.
        pub across: u32,
        /// Cells down.
        pub down: u32,
        /// First vector of the record.
        pub at: u32,
        /// 1 with a step before, plus 2 with one after.
        pub sides: u32,
    }
}

gpu_struct! {
    /// Params of `score/paths`.
    pub struct PathsParams {
        /// Points.
        pub count: u32,
        /// Steps that they were followed.
        pub steps: u32,
        /// Step at which they start.
        pub first: u32,
        /// Standard pixels in a pixel.
        pub scale: f32,
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Unused.
        pub pad: [u32; 2],
        /// Of each step of the ring, four a vector: what its lengths are multiplied by to be those of a span of time.
        pub per: [[f32; 4]; RING / 4],
    }
}

gpu_struct! {
    /// Params of `score/fold_paths`.
    pub struct FoldPathsParams {
        /// Points across.
        pub across: u32,
        /// Points down.
        pub down: u32,
        /// First vector of the record.
        pub at: u32,
        /// Unused.
        pub pad: u32,
    }
}

gpu_struct! {
    /// Params of `score/likeness`.
    pub struct LikenessParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Points.
        pub count: u32,
        /// First point of the age.
        pub at: u32,
        /// Width of the chroma.
        pub tint_width: u32,
        /// Height of the chroma.
        pub tint_height: u32,
        /// Pixels between the samples of a patch.
        pub spacing: f32,
        /// Pixels of the luma in one of the points: 1, or .5 where it is of half the size.
        pub ratio: f32,
    }
}

gpu_struct! {
    /// Params of `score/fold_looks`.
    pub struct FoldLooksParams {
        /// Points across.
        pub across: u32,
        /// Points down.
        pub down: u32,
        /// First vector of the record.
        pub at: u32,
        /// First point of the age.
        pub points_at: u32,
    }
}

gpu_struct! {
    /// Params of `score/detail`.
    pub struct DetailParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Every how many rows one is looked at; odd.
        pub step: u32,
        /// Unused.
        pub pad: u32,
    }
}

gpu_struct! {
    /// Params of `score/fold_detail`.
    pub struct FoldDetailParams {
        /// First vector of the record.
        pub at: u32,
        /// Unused.
        pub pad: u32,
        /// Unused.
        pub pad2: [u32; 2],
    }
}

/// Words that the histograms and sums of one picture take.
pub const BINS: usize = 1312;
/// Vectors of a cell.
pub const CELL: usize = 4;
/// Steps whose camera models are kept.
pub const RING: usize = 64;
/// Vectors of the record of what leads from one small picture to the next.
pub const GLANCE_RECORD: usize = 2;
/// Vectors of a step's record.
pub const STEP: usize = 14;
/// Vectors of the record of a generation's paths.
pub const PATHS_RECORD: usize = 3;
/// Vectors of the record of a generation's looks at one age.
pub const LOOKS_RECORD: usize = 5;
/// Vectors of the record of one frame's quality.
pub const DETAIL_RECORD: usize = 2;

/// Small chroma.
pub static TINT: Kernel = kernel!("score/tint", shared [], twin crate::score::twins::tint::twin,
    workgroup [8, 8, 1], params TintParams,
    bind [read rgba: u32, write tint: [f32; 2] => within(1e-2, 1e-4)]);
/// Small luma.
pub static THUMB: Kernel = kernel!("score/thumb", shared [], twin crate::score::twins::thumb::twin,
    workgroup [8, 8, 1], params TintParams,
    bind [read rgba: u32, write thumb: f32 => within(1e-3, 1e-5)]);
/// How the whole picture moves from one to the next.
pub static GLANCE: Kernel = kernel!("score/glance", shared ["shared/mix"], twin crate::score::twins::glance::twin,
    workgroup ROW, params GlanceParams,
    bind [read small: f32, read large: f32,
        write ledger: [f32; 4] => within(2e-2, 2e-3)]);
/// A step, cell by cell.
pub static CELLS: Kernel = kernel!("score/cells", shared ["shared/mix"], twin crate::score::twins::cells::twin,
    workgroup ROW, params CellsParams,
    bind [read a: f32, read b: f32, read flow: [f32; 2], read state: u32, read own: f32, read before: [f32; 2],
        write cells: [f32; 4] => within(0.05, 2e-3)]);
/// How unlike two frames are along the flow between them, cell by cell.
pub static UNLIKE: Kernel = kernel!("score/unlike", shared ["shared/mix"], twin crate::score::twins::unlike::twin,
    workgroup ROW, params UnlikeParams,
    bind [read a: f32, read b: f32, read tint_a: [f32; 2], read tint_b: [f32; 2], read flow: [f32; 2],
        write unlike: f32 => within(2e-2, 1e-3)]);
/// A step's record.
pub static FOLD: Kernel = kernel!(
    "score/fold", shared ["shared/rank"], twin crate::score::twins::fold::twin,
    workgroup ROW, params FoldParams,
    // Of two cells that are as bad within rounding either may be named: a place, in shares of the grid.
    bind [read before: [f32; 4], read now: [f32; 4], read after: [f32; 4], read model: [f32; 4],
        read objects: [f32; 4], write ledger: [f32; 4] => within(2e-3, 1e-3).but(0.0, 4).at_most(1.0, 0.0)]
);
/// How points move.
pub static PATHS: Kernel = kernel!("score/paths", shared [], twin crate::score::twins::paths::twin,
    workgroup ROW, params PathsParams,
    bind [read points: [f32; 4], read models: [f32; 4], write paths: [f32; 4] => within(1e-3, 1e-3)]);
/// The record of a generation's paths.
pub static FOLD_PATHS: Kernel = kernel!(
    "score/fold_paths", shared ["shared/rank"], twin crate::score::twins::fold_paths::twin,
    workgroup ROW, params FoldPathsParams,
    // Of two cells that are as bad within rounding either may be named: a place, in shares of the grid.
    bind [read paths: [f32; 4], write ledger: [f32; 4] => within(1e-3, 1e-3).but(0.0, 2).at_most(1.0, 0.0)]
);
/// How points look.
pub static LIKENESS: Kernel = kernel!("score/likeness", shared ["shared/mix"], twin crate::score::twins::likeness::twin,
    workgroup ROW, params LikenessParams,
    bind [read key: f32, read now: f32, read key_tint: [f32; 2], read now_tint: [f32; 2], read points: [f32; 4],
        write looks: [f32; 4] => within(2e-2, 2e-3)]);
/// The record of a generation's looks.
pub static FOLD_LOOKS: Kernel = kernel!(
    "score/fold_looks", shared ["shared/rank"], twin crate::score::twins::fold_looks::twin,
    workgroup ROW, params FoldLooksParams,
    // Of two cells that are as bad within rounding either may be named: a place, in shares of the grid.
    bind [read points: [f32; 4], read looks: [f32; 4],
        write ledger: [f32; 4] => within(1e-3, 1e-3).but(0.0, 4).at_most(1.0, 0.0)]
);
/// Histograms of one picture.
pub static DETAIL: Kernel = kernel!(
    "score/detail", shared [], twin crate::score::twins::detail::twin,
    workgroup ROW, params DetailParams,
    // A value that lies between two bins within rounding may be counted in either.
    bind [read image: f32, write bins: u32 => EXACT.but(0.05, 4).at_most(16.0, 0.0)]
);
/// The record of one frame's quality.
pub static FOLD_DETAIL: Kernel = kernel!("score/fold_detail", shared [], twin crate::score::twins::fold_detail::twin,
    workgroup [1, 1, 1],
    params FoldDetailParams, bind [read fine: u32, read coarse: u32, write ledger: [f32; 4] => within(0.02, 1e-3)]);

/// All of them.
pub static ALL: &[&Kernel] = &[
    &THUMB,
    &GLANCE,
    &TINT,
    &CELLS,
    &UNLIKE,
    &FOLD,
    &PATHS,
    &FOLD_PATHS,
    &LIKENESS,
    &FOLD_LOOKS,
    &DETAIL,
    &FOLD_DETAIL,
];
