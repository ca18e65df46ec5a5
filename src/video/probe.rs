//! Says what a video file or a folder of images holds, without decoding it.

use std::path::Path;

use super::{DecodeOptions, VideoError, VideoInfo, folder, images, pattern, source};

/// What `path` (a video, an image, a folder or a pattern of images) says of itself. A video is opened and its first
/// packets are looked at; of images only the headers are read, and their rate is the default one.
///
/// # Errors
/// [`VideoError::Input`] for what is missing, empty, damaged from the start, or without pictures.
pub fn probe(path: &Path) -> Result<VideoInfo, VideoError> {
    if !pattern::is_pattern(path) {
        source::check_file(path)?;
    }
    if folder::holds_images(path) {
        let fps = DecodeOptions::default().images_fps;
        return images::probe(path, fps).map(|(info, _)| info);
    }
    let source = source::open(path)?;
    if source.info.width == 0 || source.info.height == 0 {
        return Err(VideoError::input(
            path,
            "its video stream has no size; the file is damaged, fetch or generate it again",
        ));
    }
    Ok(source.info)
}
