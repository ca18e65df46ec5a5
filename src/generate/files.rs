//! The `files` provider: a take is a video or a folder of images that exists already.

use std::path::Path;

use super::local::LocalProvider;
use super::{Delivered, DependsOn, GenerateError, TakeRequest};
use crate::event::Monitor;
use crate::video::{VideoError, probe};

/// Delivers what the row's `video` column names, in its place and unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

fn video(request: &TakeRequest) -> Result<&Path, GenerateError> {
    request
        .video
        .as_deref()
        .filter(|path| !path.as_os_str().is_empty())
        .ok_or_else(|| {
            GenerateError::Input(
                "the row has no video; the files provider needs a `video` column that names a video file, a folder of images, or a glob of either".to_owned(),
            )
        })
}

impl LocalProvider for Files {
    fn name(&self) -> &str {
        "files"
    }

    fn generates(&self) -> bool {
        false
    }

    fn depends_on(&self, request: &TakeRequest) -> DependsOn {
        DependsOn {
            version: 1,
            kernels: &[],
            files: match &request.video {
                Some(video) if video.exists() => vec![video.clone()],
                Some(glob) => crate::video::list_images(glob).unwrap_or_default(),
                None => Vec::new(),
            },
        }
    }

    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError> {
        let video = video(request)?;
        if video.exists()
            || crate::video::list_images(video).is_ok_and(|l| l.iter().all(|f| f.exists()))
        {
            return Ok(());
        }
        Err(GenerateError::Io {
            path: video.to_owned(),
            reason: "no such file or folder; mend the `video` column".to_owned(),
        })
    }

    fn requests(&self, request: &TakeRequest) -> Result<Option<Vec<TakeRequest>>, GenerateError> {
        Ok(Some(vec![TakeRequest {
            video: Some(video(request)?.to_owned()),
            ..request.clone()
        }]))
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
        let video = video(request)?;
        let info = probe(video).map_err(|error| match error {
            VideoError::Input { path, reason } | VideoError::Encode { path, reason } => {
                GenerateError::Io { path, reason }
            }
            VideoError::Gpu(error) => GenerateError::Gpu(error),
            VideoError::Interrupted => GenerateError::Interrupted,
        })?;
        Ok(Delivered {
            video: video.to_owned(),
            notes: vec![format!(
                "taken as it is: {} {}x{}; prompt, seed, seconds, size and rate of the row are not used",
                info.codec, info.width, info.height
            )],
        })
    }
}
