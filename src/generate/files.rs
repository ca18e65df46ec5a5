//! The `files` provider: a take is a video, a folder of images or a pattern of images that exists already.

use std::path::{Path, PathBuf};

use super::local::LocalProvider;
use super::{Delivered, DependsOn, GenerateError, TakeRequest};
use crate::capture::colmap;
use crate::monitor::Monitor;
use crate::paths::pattern::{self, Matches};
use crate::paths::{PathError, is_list};
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
            request: false,
            kernels: &[],
            files: match &request.video {
                // A list of images: what it names, and what lies beside that, is part of the input.
                Some(list) if is_list(list) => {
                    let beside = list.parent().filter(|p| !p.as_os_str().is_empty());
                    let beside = beside.unwrap_or(Path::new("."));
                    let mut files = vec![list.clone(), beside.to_owned()];
                    files.extend(elsewhere(list, beside));
                    files
                }
                Some(folder) if folder.is_dir() => {
                    let mut files = vec![folder.clone()];
                    files.extend(elsewhere(folder, folder));
                    // Of a folder of images COLMAP's model lies beside it.
                    let above = folder.canonicalize().ok();
                    let above = above.as_deref().and_then(Path::parent);
                    let model = above.and_then(colmap::find);
                    let beside = model.into_iter().flat_map(|m| colmap::files(&m));
                    files.extend(beside.filter(|file| file.is_file()));
                    files
                }
                Some(video) if video.exists() => vec![video.clone()],
                Some(glob) => crate::video::list_images(glob).unwrap_or_default(),
                None => Vec::new(),
            },
        }
    }

    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError> {
        expand(video(request)?).map(|_| ())
    }

    fn requests(&self, request: &TakeRequest) -> Result<Option<Vec<TakeRequest>>, GenerateError> {
        let videos = expand(video(request)?)?;
        let request = |video: PathBuf| TakeRequest {
            // The run's records are read from other folders too.
            video: Some(std::path::absolute(&video).unwrap_or(video)),
            ..request.clone()
        };
        Ok(Some(videos.into_iter().map(request).collect()))
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
        let info = probe(video).map_err(from_video)?;
        Ok(Delivered {
            video: video.to_owned(),
            notes: vec![format!(
                "taken as it is: {} {}x{}; prompt, seed, seconds, size and rate of the row are not used",
                info.codec, info.width, info.height
            )],
        })
    }
}

/// The pictures of an input that a list names outside its folder.
fn elsewhere(input: &Path, folder: &Path) -> Vec<PathBuf> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(folder);
    let mut images = crate::video::list_images(input).unwrap_or_default();
    images.retain(|image| !real(image).starts_with(&folder));
    images
}

/// The takes that a row's `video` names, in order: a path that exists is one take; a pattern of videos (or of
/// folders) is one take each, in natural order; a pattern of images is one take, the pattern itself, which
/// [`crate::video::decode`] reads as one sequence.
///
/// # Errors
/// [`GenerateError::Io`] when there is nothing, or a pattern matches images and clips together or what is neither.
pub fn expand(pattern: &Path) -> Result<Vec<PathBuf>, GenerateError> {
    if pattern::is_pattern(pattern) {
        return match pattern::matches(pattern).map_err(from_path)? {
            Matches::Clips(clips) => Ok(clips),
            Matches::Images(_) => Ok(vec![pattern.to_owned()]),
        };
    }
    let io = |reason: String| GenerateError::Io {
        path: pattern.to_owned(),
        reason,
    };
    match std::fs::metadata(pattern) {
        Ok(meta) if meta.is_file() || meta.is_dir() => Ok(vec![pattern.to_owned()]),
        Ok(_) => Err(io(
            "it is neither a file nor a folder (a pipe or a device); save it to a file first"
                .to_owned(),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(io(
            "there is no such file or folder; mend the `video` column".to_owned(),
        )),
        Err(error) => Err(io(format!("it cannot be read: {error}"))),
    }
}

fn from_path(PathError { path, reason }: PathError) -> GenerateError {
    GenerateError::Io { path, reason }
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
