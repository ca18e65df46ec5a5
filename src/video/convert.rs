//! Stored frames to packed sRGB at the working size: the kernel's host side.

use crate::gpu::{AnyBuffer, Buffer, Gpu, GpuError, Kernel, Recorder, Upload, groups_2d};

use super::hardware::Held;
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
        /// 1 where the transfer is HLG, of HDR only.
        pub hlg: u32,
        /// Brightest light of the source in cd/m2, of HDR only.
        pub peak: f32,
    }
}

crate::gpu_struct! {
    /// Params of `video/split`; places and lengths are in words.
    pub struct SplitParams {
        /// First word of the pairs.
        pub pairs: u32,
        /// From a row of pairs to the next.
        pub stride: u32,
        /// First word of the Cb plane.
        pub blue: u32,
        /// First word of the Cr plane.
        pub red: u32,
        /// A row of either plane.
        pub row: u32,
        /// Rows.
        pub rows: u32,
        /// Nothing.
        pub pad0: u32,
        /// Nothing.
        pub pad1: u32,
    }
}

/// Any stored frame of ordinary range.
pub static CONVERT: Kernel = crate::kernel!(
    "video/convert", shared ["shared/frame", "shared/stored"], twin crate::video::twins::convert::twin,
    workgroup [8, 8, 1], params ConvertParams,
    // A sum may be contracted on the GPU: a level where it falls on an edge.
    bind [read src: u32, write dst: u32 => levels(0).but(0.005, 2).at_most(1.0, 0.0)]
);

/// Eight-bit planar 4:2:0, upright, at its own size. The three sources are one buffer.
pub static CONVERT_420: Kernel = crate::kernel!(
    "video/convert_420", shared ["shared/frame"], twin crate::video::twins::convert_420::twin,
    workgroup [16, 4, 1], params ConvertParams,
    // A sum may be contracted on the GPU: a level where it falls on an edge.
    bind [read src: u32, read src2: [u32; 2], read src4: [u32; 4],
        write dst: [u32; 4] => levels(0).but(0.01, 2).at_most(1.0, 0.0)]
);

/// Eight-bit planar 4:2:0, upright, to a smaller size.
pub static SHRINK_420: Kernel = crate::kernel!(
    "video/shrink_420", shared ["shared/frame"], twin crate::video::twins::shrink_420::twin,
    workgroup [16, 4, 1], params ConvertParams,
    // A sum may be contracted on the GPU: a level where it falls on an edge.
    bind [read src: u32, write dst: u32 => levels(0).but(0.02, 2).at_most(1.0, 0.0)]
);

/// Any stored frame of high dynamic range.
pub static CONVERT_HDR: Kernel = crate::kernel!(
    "video/convert_hdr",
    shared ["shared/frame", "shared/stored"],
    twin crate::video::twins::convert_hdr::twin,
    workgroup [8, 8, 1],
    params ConvertParams,
    bind [read src: u32, write dst: u32 => levels(2)]
);

/// Chroma in pairs of bytes, as a card's decoder leaves it, to planes in the same buffer.
pub static SPLIT: Kernel = crate::kernel!(
    "video/split", shared [], twin crate::video::twins::split::twin,
    workgroup [16, 4, 1], params SplitParams,
    bind [write planes: u32]
);

/// Frames that go up while the device converts those before.
const AHEAD: usize = 4;

/// Converts frame after frame through a ring of upload buffers.
pub(super) struct Converter<'a> {
    gpu: &'a Gpu,
    upload: Upload,
}

impl<'a> Converter<'a> {
    pub fn new(gpu: &'a Gpu) -> Self {
        Self {
            gpu,
            upload: gpu.upload_ring(AHEAD),
        }
    }

    /// One frame of `size` pixels from `planes`, the bytes that `layout` describes: one copy, from the decoder's
    /// memory to what the device reads.
    pub fn convert(
        &mut self,
        layout: &Layout,
        planes: &[&[u8]],
        size: [u32; 2],
        orient: u32,
    ) -> Result<Buffer<u32>, GpuError> {
        let (starts, bytes) = layout.starts();
        let dst = self.gpu.scratch(size[0] as usize * size[1] as usize)?;
        let params = layout.params(&starts, size, orient);
        let mut recorder = self.gpu.recorder();
        let filled = self.upload.fill(&mut recorder, bytes, |mapped| {
            for (plane, &start) in planes.iter().zip(&starts) {
                mapped
                    .slice(start..start + plane.len())
                    .copy_from_slice(plane);
            }
        })?;
        record(&mut recorder, layout, &params, &filled.words, &dst)?;
        self.upload.submit(&mut recorder, filled)?;
        Ok(dst)
    }
}

/// One frame of `size` pixels from `words` of the device that hold it as `held` says; `submit` submits what reads them.
pub(super) fn convert_held(
    gpu: &Gpu,
    held: &Held,
    words: &Buffer<u32>,
    size: [u32; 2],
    orient: u32,
    submit: impl FnOnce(&mut Recorder) -> Result<(), GpuError>,
) -> Result<Buffer<u32>, GpuError> {
    let dst = gpu.scratch(size[0] as usize * size[1] as usize)?;
    let mut recorder = gpu.recorder();
    if let Some(split) = &held.split {
        let groups = groups_2d(split.row, split.rows, SPLIT.workgroup);
        recorder.run(&SPLIT, split, &[words], groups)?;
    }
    let (starts, _) = held.layout.starts();
    let params = held.layout.params(&starts, size, orient);
    record(&mut recorder, &held.layout, &params, words, &dst)?;
    submit(&mut recorder)?;
    Ok(dst)
}

/// Records the kernel that is the quickest for a layout, over its planes in `words`.
fn record(
    recorder: &mut Recorder,
    layout: &Layout,
    params: &ConvertParams,
    words: &Buffer<u32>,
    dst: &Buffer<u32>,
) -> Result<(), GpuError> {
    let size = params.size;
    let plain = layout.is_plain_420() && params.orient == 0;
    if plain && size == layout.stored && size[0].is_multiple_of(4) {
        let [x, y] = [size[0].div_ceil(16), size[1].div_ceil(2)];
        let groups = groups_2d(x, y, CONVERT_420.workgroup);
        let pairs = words.cast::<[u32; 2]>();
        let fours = words.cast::<[u32; 4]>();
        let wide = dst.cast::<[u32; 4]>();
        let buffers: [&dyn AnyBuffer; 4] = [words, &pairs, &fours, &wide];
        return recorder.run(&CONVERT_420, params, &buffers, groups);
    }
    let (kernel, x): (&'static Kernel, u32) = match layout.hdr {
        Some(_) => (&CONVERT_HDR, size[0]),
        None if plain => (&SHRINK_420, size[0].div_ceil(4)),
        None => (&CONVERT, size[0]),
    };
    let groups = groups_2d(x, size[1], kernel.workgroup);
    recorder.run(kernel, params, &[words, dst], groups)
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
