//! What frames are asked for: the working size, how many, and how much memory they may take.

use std::path::Path;

use super::{Decode, VideoError};

/// What to decode to.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecodeOptions {
    /// Long side of the working size in pixels, at least 16. Frames never grow; the aspect is kept, pixels
    /// come out square, both sides even.
    pub max_side: u32,
    /// At most this many frames, evenly spaced in time over the clip; `None`: all.
    pub max_frames: Option<usize>,
    /// Frames per second of a folder of images, which has no times of its own.
    pub images_fps: f64,
    /// Refuse a clip whose frames would take more bytes of GPU memory than this.
    pub max_bytes: u64,
    /// Who decodes a video; the frames do not depend on it.
    pub decode: Decode,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_side: 640,
            max_frames: None,
            images_fps: 24.0,
            max_bytes: 4 << 30,
            decode: Decode::Auto,
        }
    }
}

impl DecodeOptions {
    /// Refuses options that cannot be met.
    pub(super) fn check(&self, path: &Path) -> Result<(), VideoError> {
        let refuse = |reason: String| Err(VideoError::input(path, reason));
        if self.max_side < 16 {
            return refuse(format!(
                "a working size of {} pixels; use a max_side of 16 or more",
                self.max_side
            ));
        }
        if self.max_frames == Some(0) {
            return refuse("0 frames were asked for; use a max_frames of 1 or more".to_owned());
        }
        if !(self.images_fps.is_finite() && self.images_fps > 0.0) {
            return refuse(format!(
                "{} frames per second for images; use a rate over 0",
                self.images_fps
            ));
        }
        match self.decode.refusal() {
            Some(reason) => refuse(reason.to_owned()),
            None => Ok(()),
        }
    }

    /// Refuses `count` frames of `size` when they take too much memory.
    pub(super) fn check_memory(
        &self,
        path: &Path,
        count: u64,
        size: [u32; 2],
    ) -> Result<(), VideoError> {
        let count = self.max_frames.map_or(count, |max| count.min(max as u64));
        let bytes = count.saturating_mul(u64::from(size[0]) * u64::from(size[1]) * 4);
        if bytes <= self.max_bytes {
            return Ok(());
        }
        Err(VideoError::input(
            path,
            format!(
                "{count} frames of {}x{} take {:.1} GiB, over the limit of {:.1}; use fewer frames (max_frames) or a smaller working size (max_side)",
                size[0],
                size[1],
                bytes as f64 / (1u64 << 30) as f64,
                self.max_bytes as f64 / (1u64 << 30) as f64
            ),
        ))
    }
}
