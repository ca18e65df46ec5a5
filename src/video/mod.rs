//! Videos, animated pictures, image folders and patterns of images as frames in GPU memory.

mod alpha;
mod animation;
mod clock;
mod convert;
#[cfg_attr(not(feature = "cuda"), path = "no_cuda.rs")]
mod cuda;
mod decode;
mod encode;
mod error;
mod feed;
mod folder;
mod hardware;
mod images;
mod input;
mod jumps;
mod layout;
mod library;
pub mod luma;
mod options;
mod order;
mod pick;
pub mod planes;
mod probe;
mod scan;
mod sink;
mod source;
mod times;
pub mod twins;
pub mod undistort;

use std::path::PathBuf;

pub use convert::{
    CONVERT, CONVERT_420, CONVERT_HDR, ConvertParams, SHRINK_420, SPLIT, SplitParams,
};
pub use cuda::cuda_findings;
pub use decode::{Windows, decode};
pub use encode::{EncodeOptions, Encoder, h264_encoders};
pub use error::VideoError;
pub use folder::list_images;
pub use hardware::{CudaFindings, Decode, Decoder, Taken, decoder};
pub use library::{HardwareDevice, decoders, hardware_devices, versions};
pub use luma::{LUMA, LumaParams};
pub use options::DecodeOptions;
pub use planes::{PLANES, PlanesParams};
pub use probe::{Probe, Stream, Timing, examine, probe};
pub use undistort::{UNDISTORT, UndistortParams};

use crate::gpu::{Buffer, Gpu, GpuError, Kernel};

/// Version of this stage, part of the resume key.
pub const VERSION: u32 = 3;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[
    &CONVERT,
    &CONVERT_420,
    &CONVERT_HDR,
    &SHRINK_420,
    &LUMA,
    &PLANES,
    &SPLIT,
    &UNDISTORT,
];

/// What a file says of its video stream.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VideoInfo {
    /// The file or folder.
    pub path: String,
    /// Container, such as `mov,mp4,m4a,3gp,3g2,mj2`, `images`, or `webp` or `apng` of an animated picture.
    pub container: String,
    /// Codec, such as `h264`, or the image format.
    pub codec: String,
    /// Pixel format in FFmpeg's words, such as `yuv420p10le`.
    pub pixel_format: String,
    /// Stored width in pixels, before rotation.
    pub width: u32,
    /// Stored height in pixels, before rotation.
    pub height: u32,
    /// Clockwise rotation in degrees that the display matrix asks for: 0, 90, 180 or 270.
    pub rotation: u32,
    /// The display matrix also mirrors, top to bottom, before it turns.
    pub mirrored: bool,
    /// Width of a stored pixel over its height; frames come out with square pixels.
    pub sample_aspect: f64,
    /// Average frames per second; 0 when unknown.
    pub fps: f64,
    /// Duration in seconds; 0 when unknown.
    pub duration: f64,
    /// Frames the container claims; 0 when it does not say.
    pub frames: u64,
    /// Colour matrix: `bt601` (also where the file does not say), `bt709`, `bt2020`, `rgb`, `fcc`, `smpte240m`,
    /// `ycgco`.
    pub matrix: String,
    /// Full range (0-255) rather than limited (16-235).
    pub full_range: bool,
    /// Transfer characteristic in FFmpeg's words.
    pub transfer: String,
    /// Where chroma samples lie in FFmpeg's words, such as `left` or `center`; `unspecified` counts as left.
    #[serde(default)]
    pub chroma_location: String,
    /// An audio stream is present.
    pub audio: bool,
}

/// Frames of one clip in GPU memory at the working size.
#[derive(Clone, Debug)]
pub struct Frames {
    /// Working width in pixels.
    pub width: u32,
    /// Working height in pixels.
    pub height: u32,
    /// Presentation time of each frame in seconds, from the video's own timestamps.
    pub times: Vec<f64>,
    /// One buffer a frame: `width * height` pixels, row-major from the top left, packed sRGB
    /// `r | g << 8 | b << 16 | a << 24`, alpha 255 where the source has none.
    pub rgba: Vec<Buffer<u32>>,
    /// Where they came from.
    pub info: VideoInfo,
    /// Faults that did not stop the decode (truncation, corrupt packets), in words.
    pub faults: Vec<String>,
    /// The image behind each frame when the source is images; empty for videos.
    pub sources: Vec<PathBuf>,
}

impl Frames {
    /// Number of frames.
    pub fn len(&self) -> usize {
        self.rgba.len()
    }

    /// No frames.
    pub fn is_empty(&self) -> bool {
        self.rgba.is_empty()
    }

    /// Reads one frame back as packed pixels.
    ///
    /// # Errors
    /// As [`Gpu::read`].
    pub fn read(&self, gpu: &Gpu, index: usize) -> Result<Vec<u32>, GpuError> {
        gpu.read(&self.rgba[index])
    }

    /// The frames at `indices`, sharing their memory.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            times: indices.iter().map(|&i| self.times[i]).collect(),
            rgba: indices.iter().map(|&i| self.rgba[i].clone()).collect(),
            sources: indices
                .iter()
                .filter_map(|&i| self.sources.get(i).cloned())
                .collect(),
            ..self.clone()
        }
    }
}
