//! Luma pyramids of frames, made and kept on the device.

use super::Frames;
use crate::gpu::image::Pyramid;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_2d};

crate::gpu_struct! {
    /// Params of `video/luma`.
    pub struct LumaParams {
        /// Source width in pixels.
        pub src_width: u32,
        /// Source height in pixels.
        pub src_height: u32,
        /// Result width in pixels.
        pub width: u32,
        /// Result height in pixels.
        pub height: u32,
    }
}

/// Luma of packed pixels at any smaller size.
pub static LUMA: Kernel = crate::kernel!(
    "video/luma",
    shared [],
    twin crate::video::twins::luma::twin,
    workgroup [8, 8, 1],
    params LumaParams,
    bind [read rgba: u32, write luma: f32 => within(2e-3, 0.0)]
);

/// A frame on the device.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Packed pixels, row by row.
    pub rgba: &'a Buffer<u32>,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

impl Picture<'_> {
    /// Records its luma pyramid: BT.601 luma from 0 to 255, its finest level area-averaged to `size` (at most the picture's
    /// own), each coarser one half of the one before ([`Pyramid::sizes`]). Nothing is read back.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn luma_pyramid(
        &self,
        gpu: &Gpu,
        recorder: &mut Recorder,
        (width, height): (u32, u32),
        coarsest: u32,
    ) -> Result<Pyramid, GpuError> {
        let luma = gpu.alloc(width as usize * height as usize)?;
        let params = LumaParams {
            src_width: self.size.0,
            src_height: self.size.1,
            width,
            height,
        };
        let groups = groups_2d(width, height, LUMA.workgroup);
        recorder.run(&LUMA, &params, &[self.rgba, &luma], groups)?;
        let pyramid = Pyramid::new(gpu, luma, (width, height), coarsest)?;
        pyramid.record(recorder)?;
        Ok(pyramid)
    }
}

impl Frames {
    /// Records the pyramid of frame `index`: see [`Picture::luma_pyramid`].
    ///
    /// # Errors
    /// [`GpuError::Validation`] when there is no such frame; as [`Gpu::alloc`].
    pub fn luma_pyramid(
        &self,
        gpu: &Gpu,
        recorder: &mut Recorder,
        index: usize,
        size: (u32, u32),
        coarsest: u32,
    ) -> Result<Pyramid, GpuError> {
        let rgba = self.rgba.get(index).ok_or_else(|| GpuError::Validation {
            doing: "a luma pyramid".to_owned(),
            reason: format!("frame {index} of {}", self.len()),
        })?;
        let picture = Picture {
            rgba,
            size: (self.width, self.height),
        };
        picture.luma_pyramid(gpu, recorder, size, coarsest)
    }
}
