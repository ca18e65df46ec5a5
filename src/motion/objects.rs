//! What moves by itself, as objects that go on from step to step.

use super::kernels::SizeParams;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder};
use crate::{gpu_struct, kernel};

/// Cells, at most.
pub const MOST_CELLS: u32 = 1024;
/// Objects of a step, at most.
pub const MOST: usize = 8;
/// Vectors that the objects of a step take.
pub const OBJECTS: usize = 1 + 2 * MOST;

gpu_struct! {
    /// Params of `motion/objects`.
    pub struct ObjectsParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Side of a cell in pixels.
        pub cell: u32,
        /// Cells across.
        pub across: u32,
        /// Cells down.
        pub down: u32,
        /// 1 where there is a step before.
        pub has_before: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

/// Objects of a step, matched with those of the one before.
pub static OBJECT_TRACKS: Kernel = kernel!(
    "motion/objects", shared [], twin crate::motion::twins::objects::twin,
    workgroup [64, 1, 1], params ObjectsParams,
    // Sums are of 64ths of a pixel, of which one may be rounded the other way.
    bind [read flow: [f32; 2], read own: f32, read before: [f32; 4],
        write objects: [f32; 4] => within(1e-3, 1e-4).but(0.0, 8).at_most(0.02, 0.0)]
);

/// Square cells over the motion size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Side of a cell in pixels.
    pub cell: u32,
    /// Cells across.
    pub across: u32,
    /// Cells down.
    pub down: u32,
}

impl Grid {
    /// Sixteen cells along the short side, but none under 4 pixels, and at most [`MOST_CELLS`].
    pub fn of((width, height): (u32, u32)) -> Self {
        let mut cell = ((width.min(height) + 8) / 16).max(4);
        loop {
            let (across, down) = (width.div_ceil(cell), height.div_ceil(cell));
            if across * down <= MOST_CELLS {
                return Self { cell, across, down };
            }
            cell += 1;
        }
    }

    /// Number of cells.
    pub fn count(self) -> usize {
        (self.across * self.down) as usize
    }

    /// The middles of the cells of a picture of this size, in pixels.
    pub fn points(self, (width, height): (u32, u32)) -> Vec<[f32; 2]> {
        let middle = |i: u32, side: u32| {
            let (from, to) = (i * self.cell, ((i + 1) * self.cell).min(side));
            0.5 * (from + to) as f32 - 0.5
        };
        (0..self.down)
            .flat_map(|y| (0..self.across).map(move |x| [middle(x, width), middle(y, height)]))
            .collect()
    }
}

/// Records the objects of one step; `nothing` of [`OBJECTS`] vectors stands for those before the first.
pub(super) fn record(
    gpu: &Gpu,
    recorder: &mut Recorder,
    size: &SizeParams,
    flow: &Buffer<[f32; 2]>,
    own: &Buffer<f32>,
    before: Option<&Buffer<[f32; 4]>>,
    nothing: &Buffer<[f32; 4]>,
) -> Result<Buffer<[f32; 4]>, GpuError> {
    let Grid { cell, across, down } = Grid::of((size.width, size.height));
    let objects = gpu.alloc(OBJECTS)?;
    let params = ObjectsParams {
        width: size.width,
        height: size.height,
        cell,
        across,
        down,
        has_before: u32::from(before.is_some()),
        pad: [0; 2],
    };
    recorder.run(
        &OBJECT_TRACKS,
        &params,
        &[flow, own, before.unwrap_or(nothing), &objects],
        [1, 1, 1],
    )?;
    Ok(objects)
}
