//! Stored frames to packed sRGB at the working size: the kernel's host side.

use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_2d};

use super::layout::Layout;

crate::gpu_struct! {
    /// How one stored frame lies in memory and becomes packed sRGB. Arrays of four go by component:
    /// Y Cb Cr or R G B, then alpha; an absent component has mask 0.
    pub struct ConvertParams {
        /// Red in 0..1 as an affine sum of the three raw samples and 1.
        pub row_r: [f32; 4],
        /// Green, likewise.
        pub row_g: [f32; 4],
        /// Blue, likewise.
        pub row_b: [f32; 4],
        /// Byte of the top left sample.
        pub base: [i32; 4],
        /// Bytes from a row to the next; negative where the image is stored bottom up.
        pub stride: [i32; 4],
        /// Bytes from a sample to the next of its row.
        pub step: [i32; 4],
        /// Bits under the sample.
        pub shift: [u32; 4],
        /// Largest sample, all ones.
        pub mask: [u32; 4],
        /// Stored width and height in pixels.
        pub stored: [u32; 2],
        /// Working width and height in pixels.
        pub size: [u32; 2],
        /// Logarithm of the chroma subsampling in x and y.
        pub chroma_log2: [u32; 2],
        /// Luma position of the first chroma sample.
        pub chroma_at: [f32; 2],
        /// Bits: 1 rows become columns, 2 stored x runs backwards, 4 stored y runs backwards.
        pub orient: u32,
        /// 1 over the largest alpha.
        pub alpha_scale: f32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

/// The conversion kernel.
pub static CONVERT: Kernel = crate::kernel!(
    "video/convert",
    shared [],
    workgroup [8, 8, 1],
    params ConvertParams,
    bind [read src: u32, write dst: u32]
);

/// Frames that may wait on the GPU before the host does; each holds a staging copy of its planes.
const AHEAD: usize = 8;

/// Converts frame after frame through one upload buffer.
pub(super) struct Converter<'a> {
    gpu: &'a Gpu,
    src: Buffer<u32>,
    waiting: usize,
}

impl<'a> Converter<'a> {
    pub fn new(gpu: &'a Gpu) -> Result<Self, GpuError> {
        gpu.prepare(&CONVERT)?;
        Ok(Self {
            gpu,
            src: gpu.alloc(0)?,
            waiting: 0,
        })
    }

    /// One frame of `size` pixels from `planes`, the bytes that `layout` describes.
    pub fn convert(
        &mut self,
        layout: &Layout,
        planes: &[&[u8]],
        size: [u32; 2],
        orient: u32,
    ) -> Result<Buffer<u32>, GpuError> {
        let (starts, words) = Layout::starts(planes);
        if self.src.len() < words {
            self.src = self.gpu.alloc(words)?;
        }
        for (plane, start) in planes.iter().zip(&starts) {
            self.upload(plane, start / 4)?;
        }
        let dst = self.gpu.alloc(size[0] as usize * size[1] as usize)?;
        let params = layout.params(&starts, size, orient);
        let mut recorder = self.gpu.recorder();
        let groups = groups_2d(size[0], size[1], CONVERT.workgroup);
        recorder.run(&CONVERT, &params, &[&self.src, &dst], groups)?;
        recorder.submit()?;
        self.waiting += 1;
        if self.waiting == AHEAD {
            self.gpu.wait()?;
            self.waiting = 0;
        }
        Ok(dst)
    }

    /// Bytes to element `at`: straight from the decoder's memory where that is aligned, the last one to
    /// three bytes padded with zeros.
    fn upload(&self, bytes: &[u8], at: usize) -> Result<(), GpuError> {
        let (body, tail) = bytes.split_at(bytes.len() / 4 * 4);
        match bytemuck::try_cast_slice::<u8, u32>(body) {
            Ok(words) => self.gpu.write(&self.src, at, words)?,
            Err(_) => {
                let words: Vec<u32> = bytemuck::pod_collect_to_vec(body);
                self.gpu.write(&self.src, at, &words)?;
            }
        }
        if tail.is_empty() {
            return Ok(());
        }
        let mut word = [0u8; 4];
        word[..tail.len()].copy_from_slice(tail);
        let word = [u32::from_le_bytes(word)];
        self.gpu.write(&self.src, at + body.len() / 4, &word)
    }
}

/// The working size of an image of `shown` pixels (after rotation) whose pixels are `aspect` times as wide
/// as high: square pixels, long side at most `max_side`, never larger than the source, both sides even.
pub(super) fn working_size(shown: [u32; 2], aspect: f64, max_side: u32) -> [u32; 2] {
    let [w, h] = shown.map(f64::from);
    let (w, h) = if aspect >= 1.0 {
        (w, h / aspect)
    } else {
        (w * aspect, h)
    };
    let scale = (f64::from(max_side) / w.max(h)).min(1.0);
    let even = |side: f64, limit: u32| {
        let near = (side * scale / 2.0).round() * 2.0;
        (near as u32).min(limit / 2 * 2).max(2)
    };
    [
        even(w, shown[0].min(max_side)),
        even(h, shown[1].min(max_side)),
    ]
}

#[cfg(test)]
mod tests {
    use super::working_size;

    #[test]
    fn the_working_size_keeps_the_aspect_and_never_grows() {
        assert_eq!(working_size([1280, 704], 1.0, 640), [640, 352]);
        assert_eq!(working_size([406, 720], 1.0, 640), [360, 640]);
        assert_eq!(working_size([161, 121], 1.0, 640), [160, 120]);
        assert_eq!(working_size([3, 1], 1.0, 640), [2, 2]);
        assert_eq!(working_size([176, 144], 128.0 / 117.0, 640), [176, 132]);
        assert_eq!(working_size([144, 176], 117.0 / 128.0, 640), [132, 176]);
        assert_eq!(working_size([1000, 1000], 1.0, 33), [32, 32]);
    }
}
