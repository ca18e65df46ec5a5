//! The `files` provider: a take is a video, a folder of images or a pattern of images that exists already.

use std::path::{Path, PathBuf};

use super::{Delivered, GenerateError, TakeRequest, VideoProvider};
use crate::event::Monitor;
use crate::video::pattern::{self, Matches};
use crate::video::{VideoError, probe};

/// Delivers what the row's `video` column names, in its place and unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl VideoProvider for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    /// Checks that `request.video` can be opened and holds pictures, and delivers that path; nothing is copied
    /// into `folder`. Prompt, seed, seconds, size and rate are not used.
    ///
    /// # Errors
    /// [`GenerateError::Input`] without a `video`, [`GenerateError::Io`] when it is missing or no video.
    fn generate(
        &self,
        request: &TakeRequest,
        _folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError> {
        if monitor.stopped() {
            return Err(GenerateError::Interrupted);
        }
        let Some(video) = request
            .video
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
        else {
            return Err(GenerateError::Input(
                "the row has no video; the files provider needs a `video` column that names a video file or a folder of images".to_owned(),
            ));
        };
        let info = probe(video).map_err(from_video)?;
        Ok(Delivered {
            video: video.clone(),
            notes: vec![format!(
                "taken as it is: {} {}x{}; prompt, seed, seconds, size and rate of the row are not used",
                info.codec, info.width, info.height
            )],
        })
    }
}

/// The takes that a row's `video` names, in order: a path that exists is one take; a pattern of videos (or of
/// folders) is one take each, in natural order; a pattern of images is one take, the pattern itself, which
/// [`crate::video::decode`] reads as one sequence.
///
/// # Errors
/// [`GenerateError::Io`] when there is nothing, or a pattern matches images and clips together or what is neither.
pub fn expand(pattern: &Path) -> Result<Vec<PathBuf>, GenerateError> {
    if pattern::is_pattern(pattern) {
        return match pattern::matches(pattern).map_err(from_video)? {
            Matches::Clips(clips) => Ok(clips),
            Matches::Images(_) => Ok(vec![pattern.to_owned()]),
        };
    }
    let io = |reason: String| GenerateError::Io {
        path: pattern.to_owned(),
        reason,
    };
    match std::fs::metadata(pattern) {
        Ok(_) => Ok(vec![pattern.to_owned()]),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(io(
            "there is no such file or folder; mend the `video` column".to_owned(),
        )),
        Err(error) => Err(io(format!("it cannot be read: {error}"))),
    }
}

fn from_video(error: VideoError) -> GenerateError {
    match error {
        VideoError::Input { path, reason } | VideoError::Encode { path, reason } => {
            GenerateError::Io { path, reason }
        }
        VideoError::Gpu(error) => GenerateError::Gpu(error),
        VideoError::Interrupted => GenerateError::Interrupted,
    }
}
