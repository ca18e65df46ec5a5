//! The records that the splat kernels and the host share, and the kernels' declarations.

use crate::gpu::{Kernel, Variants};

/// Side of a tile in pixels.
pub const TILE: u32 = 8;

crate::gpu_struct! {
    /// One splat as the GPU holds it, but for its colours: those lie in planes of four floats, see `kernels/shared/harmonics`.
    pub struct Splat {
        /// World position; opacity logit.
        pub centre: [f32; 4],
        /// Natural logarithm of the standard deviations; the fourth is unused.
        pub log_scale: [f32; 4],
        /// Quaternion w, x, y, z.
        pub rotation: [f32; 4],
    }
}

crate::gpu_struct! {
    /// A splat as one camera sees it.
    pub struct Projected {
        /// Pixel x, y; depth along z; opacity.
        pub centre: [f32; 4],
        /// Coefficients a, b, c of `a dx^2 + 2 b dx dy + c dy^2`; its value where alpha is 1/255 (< 0: culled).
        pub conic: [f32; 4],
        /// RGB; the fourth is unused.
        pub colour: [f32; 4],
    }
}

crate::gpu_struct! {
    /// Params of `splat/project`; `splat/update` has the same before its own.
    pub struct ViewParams {
        /// First row of the world-to-camera rotation; the camera's centre x.
        pub row_x: [f32; 4],
        /// Second row; centre y.
        pub row_y: [f32; 4],
        /// Third row; centre z.
        pub row_z: [f32; 4],
        /// fx, fy, cx, cy in pixels.
        pub focal: [f32; 4],
        /// Least and greatest x/z, then y/z, for the local affine map.
        pub limits: [f32; 4],
        /// Image width and height.
        pub size: [u32; 2],
        /// Splats.
        pub n: u32,
        /// Spherical-harmonic degree that counts now, 0 to 3.
        pub sh_degree: u32,
        /// Splats at or before this depth are culled.
        pub near: f32,
        /// Slots.
        pub capacity: u32,
        /// Of `splat/update`: slot of the first of the moments: splats whose slots begin here ...
        pub first: u32,
        /// ... and before here get their gradients.
        pub last: u32,
        /// Planes of coefficients a splat.
        pub planes: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

crate::gpu_struct! {
    /// Params of `splat/emit`.
    pub struct EmitParams {
        /// Image width and height.
        pub size: [u32; 2],
        /// Splats.
        pub n: u32,
        /// Instances the buffers hold.
        pub capacity: u32,
        /// Depth of key 0.
        pub near: f32,
        /// Bits of the key that hold the depth.
        pub depth_bits: u32,
        /// Low bits dropped from the depth's f32 pattern.
        pub depth_shift: u32,
        /// Padding.
        pub pad: u32,
    }
}

crate::gpu_struct! {
    /// Params of `splat/ranges`.
    pub struct RangesParams {
        /// Instances the buffers hold.
        pub capacity: u32,
        /// Element of `count` with the number of instances.
        pub count_at: u32,
        /// Bits of the key that hold the depth.
        pub depth_bits: u32,
        /// Padding.
        pub pad: u32,
    }
}

crate::gpu_struct! {
    /// Params of `splat/raster` and `splat/raster_lanes`.
    pub struct RasterParams {
        /// Image width and height.
        pub size: [u32; 2],
        /// Tiles of the image.
        pub tiles: u32,
        /// Padding.
        pub pad: u32,
    }
}

/// `splat/project`.
pub static PROJECT: Kernel = crate::kernel!(
    "splat/project", shared ["shared/splat", "shared/harmonics"], twin crate::splat::twins::project::twin,
    workgroup [64, 1, 1], params ViewParams,
    // Pixels and depth, then the conic, then the colour. A tile that is touched within rounding may count or not.
    bind [read splats: Splat, read sh: [f32; 4],
        write projected: Projected => within(1e-3, 1e-5).from(&[(4, 2e-5, 2e-4), (8, 1e-5, 1e-5)]),
        write counts: u32 => EXACT.but(0.005, 1).at_most(2.0, 0.0)]
);

/// `splat/emit`.
pub static EMIT: Kernel = crate::kernel!(
    "splat/emit", shared ["shared/splat"], twin crate::splat::twins::emit::twin,
    workgroup [64, 1, 1], params EmitParams,
    // A tile that is touched within rounding may count or not.
    bind [read projected: Projected, read offsets: u32, write keys: u32 => EXACT.but(0.005, 2),
        write values: u32 => EXACT.but(0.005, 2), write owners: u32 => EXACT.but(0.005, 2), write most: u32]
);

/// `splat/ranges`.
pub static RANGES: Kernel = crate::kernel!(
    "splat/ranges", shared [], twin crate::splat::twins::ranges::twin,
    workgroup [64, 1, 1], params RangesParams,
    bind [read count: u32, read keys: u32, write ranges: [u32; 2]]
);

/// `splat/raster`: each lane loads what it blends.
pub static RASTER: Kernel = crate::kernel!(
    "splat/raster", shared ["shared/splat", "shared/blend", "shared/raster"], twin crate::splat::twins::raster::twin,
    workgroup [32, 1, 1], params RasterParams,
    // A pixel whose q or transmittance lies on a threshold may fall to either side: at most 1/255 of a splat.
    bind [read ranges: [u32; 2], read values: u32, read owners: u32, read projected: Projected,
        write image: [f32; 4] => within(2e-5, 0.0).but(0.002, 1).at_most(5e-3, 0.0),
        write depth: f32 => within(1e-4, 1e-5).but(0.002, 1).at_most(2e-2, 0.0)]
);

/// `splat/raster_lanes`: eight lanes share what they load.
pub static RASTER_LANES: Kernel = crate::kernel!(
    "splat/raster_lanes", shared ["shared/splat", "shared/blend", "shared/raster"], twin crate::splat::twins::raster_lanes::twin,
    needs Eight, workgroup [32, 1, 1], params RasterParams,
    // A pixel whose q or transmittance lies on a threshold may fall to either side: at most 1/255 of a splat.
    bind [read ranges: [u32; 2], read values: u32, read owners: u32, read projected: Projected,
        write image: [f32; 4] => within(2e-5, 0.0).but(0.002, 1).at_most(5e-3, 0.0),
        write depth: f32 => within(1e-4, 1e-5).but(0.002, 1).at_most(2e-2, 0.0)]
);

/// The raster kernel by what the device can do.
pub static RASTERS: Variants = Variants {
    plain: &RASTER,
    eight: &RASTER_LANES,
};
