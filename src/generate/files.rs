//! The `files` provider: a take is a video or a folder of images that exists already.

use std::path::Path;

use super::{Delivered, GenerateError, TakeRequest, VideoProvider};
use crate::event::Monitor;
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
        let info = probe(video).map_err(|error| match error {
            VideoError::Input { path, reason } | VideoError::Encode { path, reason } => {
                GenerateError::Io { path, reason }
            }
            VideoError::Gpu(error) => GenerateError::Gpu(error),
            VideoError::Interrupted => GenerateError::Interrupted,
        })?;
        Ok(Delivered {
            video: video.clone(),
            notes: vec![format!(
                "taken as it is: {} {}x{}; prompt, seed, seconds, size and rate of the row are not used",
                info.codec, info.width, info.height
            )],
        })
    }
}
