//! The camera's share of a step's flow, and what is left: motion of its own.

use super::kernels::SizeParams;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_2d};
use crate::{gpu_struct, kernel};

gpu_struct! {
    /// Params of `motion/camera`.
    pub struct CameraParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Every how many pixels, both ways, one is looked at.
        pub stride: u32,
        /// Standard pixels a span of time in a pixel a step.
        pub scale: f32,
    }
}

gpu_struct! {
    /// Params of `motion/own`.
    pub struct OwnParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Standard pixels a span of time in a pixel a step.
        pub scale: f32,
        /// Unused.
        pub pad: u32,
    }
}

/// The camera's motion between two frames, and the epipole of parallax.
pub static CAMERA: Kernel = kernel!(
    "motion/camera", shared [], twin crate::motion::twins::camera::twin,
    workgroup [64, 1, 1], params CameraParams,
    // The epipole's sign is open, and its direction where nothing is left: three words.
    bind [read flow: [f32; 2], read state: u32,
        write model: [f32; 4] => within(2e-3, 1e-3).but(0.0, 3).at_most(2.0, 0.0)]
);
/// What moves by itself.
pub static OWN: Kernel = kernel!("motion/own", shared [], twin crate::motion::twins::own::twin,
    workgroup [8, 8, 1], params OwnParams,
    bind [read flow: [f32; 2], read state: u32, read model: [f32; 4], write own: f32 => within(1e-3, 1e-3)]);

/// Vectors that a camera's model takes.
pub const MODEL: usize = 4;

/// Pixels looked at in the camera's fit, about.
const POINTS: f64 = 2500.0;

/// Short side of a picture whose pixels are standard ones, in which lengths are told.
pub const SHORT_SIDE: f32 = 160.0;

/// Standard pixels in one of a picture of this size.
fn scale(width: u32, height: u32) -> f32 {
    SHORT_SIDE / width.min(height).max(1) as f32
}

/// Records the camera's model and the own motion of one step, whose lengths times `per` are those of a span of time.
pub(super) fn record(
    gpu: &Gpu,
    recorder: &mut Recorder,
    size: &SizeParams,
    per: f32,
    flow: &Buffer<[f32; 2]>,
    state: &Buffer<u32>,
) -> Result<(Buffer<[f32; 4]>, Buffer<f32>), GpuError> {
    let &SizeParams { width, height, .. } = size;
    let scale = scale(width, height) * per;
    let pixels = width as usize * height as usize;
    let (model, own) = (gpu.alloc(MODEL)?, gpu.alloc(pixels)?);
    let camera = CameraParams {
        width,
        height,
        stride: (pixels as f64 / POINTS).sqrt().ceil().max(1.0) as u32,
        scale,
    };
    recorder.run(&CAMERA, &camera, &[flow, state, &model], [1, 1, 1])?;
    let params = OwnParams {
        width,
        height,
        scale,
        pad: 0,
    };
    let groups = groups_2d(width, height, OWN.workgroup);
    recorder.run(&OWN, &params, &[flow, state, &model, &own], groups)?;
    Ok((model, own))
}
