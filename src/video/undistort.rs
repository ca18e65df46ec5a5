//! Pictures that a lens distorts as a pinhole sees them.

use super::Frames;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_2d};

crate::gpu_struct! {
    /// Params of `video/undistort`.
    pub struct UndistortParams {
        /// Width and height of both pictures in pixels.
        pub size: [u32; 2],
        /// 1 where `radial` is of the angle to the axis, 0 where it is of its tangent.
        pub fisheye: u32,
        /// 1: the nearest pixel's word, whatever it holds; 0: packed pixels, bilinear as they are stored, weighted by alpha.
        pub nearest: u32,
        /// fx, fy, cx, cy of the result in pixels.
        pub pinhole: [f32; 4],
        /// The same of the picture.
        pub lens: [f32; 4],
        /// Coefficients of the second, fourth, sixth and eighth power.
        pub radial: [f32; 4],
        /// Those of the second, fourth and sixth power by which it is divided; then the squared tangent of the angle from which
        /// on the lens shows nothing.
        pub under: [f32; 4],
        /// p2 and p1.
        pub tangential: [f32; 2],
        /// Squared radius in pixels about the picture's centre of what was exposed.
        pub circle: f32,
        /// Word of a pixel that has no source.
        pub empty: u32,
    }
}

/// A distorted picture as a pinhole sees it.
pub static UNDISTORT: Kernel = crate::kernel!(
    "video/undistort", shared [], twin crate::video::twins::undistort::twin,
    workgroup [8, 8, 1], params UndistortParams,
    // Where a ray meets the picture's edge, or the border of two pixels, rounding decides.
    bind [read src: u32, write dst: u32 => levels(1).but(0.005, 4)]
);

impl UndistortParams {
    /// The picture that the pinhole sees; nothing is read back.
    ///
    /// # Errors
    /// As [`Gpu::scratch`].
    pub fn apply(&self, gpu: &Gpu, picture: &Buffer<u32>) -> Result<Buffer<u32>, GpuError> {
        let [width, height] = self.size;
        let seen = gpu.scratch(width as usize * height as usize)?;
        let mut recorder = gpu.recorder();
        let groups = groups_2d(width, height, UNDISTORT.workgroup);
        recorder.run(&UNDISTORT, self, &[picture, &seen], groups)?;
        recorder.submit()?;
        Ok(seen)
    }
}

impl Frames {
    /// Puts what a pinhole sees in the place of the frames with these numbers.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when there is no such frame, or it is of another size; as [`UndistortParams::apply`].
    pub fn undistort(
        &mut self,
        gpu: &Gpu,
        lenses: impl IntoIterator<Item = (usize, UndistortParams)>,
    ) -> Result<(), GpuError> {
        let (size, count) = ([self.width, self.height], self.len());
        for (index, lens) in lenses {
            let slot = self.rgba.get_mut(index).filter(|_| lens.size == size);
            let frame = slot.ok_or_else(|| GpuError::Validation {
                doing: "undistorting".to_owned(),
                reason: format!(
                    "frame {index} of {count} of {}x{}, by a lens for {}x{}",
                    size[0], size[1], lens.size[0], lens.size[1]
                ),
            })?;
            *frame = lens.apply(gpu, frame)?;
        }
        Ok(())
    }
}
