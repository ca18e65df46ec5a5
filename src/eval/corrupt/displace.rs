//! Corruptions of where things are seen: a shaking camera, and a picture that wobbles.

use super::levels::each;
use super::{Corruption, Kind, short_side};
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_2d};
use crate::video::Frames;

crate::gpu_struct! {
    /// Params of `eval/displace`. A number that is not finite counts as 0.
    pub struct DisplaceParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Each pixel shows what is so many pixels to the right and down, cut to 65536 either way.
        pub shift: [f32; 2],
        /// Standard deviation of the field along each axis in pixels, cut to 0 to 1024.
        pub amount: f32,
        /// Side of a cell of the field in pixels, cut to 1 to 65536.
        pub cell: f32,
        /// Seed of the field; give each frame another.
        pub seed: u32,
        /// Not used.
        pub pad: u32,
    }
}

/// An image shifted and bent, resampled by Catmull-Rom's cubic, which keeps it sharp; edges mirrored. Alpha stays.
pub static DISPLACE: Kernel = crate::kernel!(
    "eval/displace",
    shared ["shared/levels", "shared/random", "shared/catmull_rom"],
    twin crate::eval::twins::displace::twin,
    workgroup [8, 8, 1],
    params DisplaceParams,
    bind [read image: u32, write rgba: u32 => colours(1)]
);

/// Cells of the field along the short side.
const CELLS: f64 = 5.0;

pub(super) fn displaced(
    gpu: &Gpu,
    frames: &Frames,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let size = [frames.width, frames.height];
    let side = short_side(frames);
    let length = corruption.strength() * side;
    let mut rng = corruption.rng();
    let groups = groups_2d(size[0], size[1], DISPLACE.workgroup);
    each(gpu, frames, &DISPLACE, groups, |_| {
        let draws = [rng.normal(), rng.normal()];
        let params = DisplaceParams {
            size,
            cell: (side / CELLS) as f32,
            seed: rng.next() as u32,
            ..DisplaceParams::default()
        };
        match corruption.kind {
            Kind::Shake => DisplaceParams {
                shift: draws.map(|d| (length * d) as f32),
                ..params
            },
            // The strength is the root mean square length, of two axes.
            _ => DisplaceParams {
                amount: (length * std::f64::consts::FRAC_1_SQRT_2) as f32,
                ..params
            },
        }
    })
}
