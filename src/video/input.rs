//! What an input is: images, one picture that moves, or a video.

use std::path::Path;

use super::{VideoError, source};
use crate::capture::{Foreign, colmap};
use crate::paths::{is_list, pattern};
use crate::picture::{self, Content, animation::Container};

/// How an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder, a pattern, an image, or a list of images.
    Images,
    /// An animated picture, by its content, whatever its name says.
    Animation(Container),
    /// Anything else, by FFmpeg.
    Video,
}

/// What `path` is.
///
/// # Errors
/// [`VideoError::Input`] for what is missing, empty, no file, or another tool's cameras.
pub(super) fn kind(path: &Path) -> Result<Kind, VideoError> {
    if pattern::is_pattern(path) {
        return Ok(Kind::Images);
    }
    source::check_file(path)?;
    if path.is_dir() || is_list(path) {
        return Ok(Kind::Images);
    }
    let foreign = Foreign::of_file(path).map(Foreign::refusal);
    if let Some(refusal) = foreign.or_else(|| colmap::refusal(path)) {
        return Err(VideoError::input(path, refusal));
    }
    let named = picture::is_read(path);
    // Of these FFmpeg would decode a tile or a thumbnail, if anything.
    if let Some(kind @ ("HEIC" | "camera raw")) = picture::unread(path) {
        return Err(VideoError::input(
            path,
            format!(
                "it is a picture of a kind that is not read ({kind}); {}",
                picture::CONVERT
            ),
        ));
    }
    let content = picture::content(path)
        .map_err(|error| VideoError::input(path, format!("it cannot be read: {error}")))?;
    Ok(match content {
        Content::Moving(container) => Kind::Animation(container),
        // A stream of JPEGs begins as one does, so a name that says otherwise holds.
        Content::Still(_) if named || path.extension().is_none() => Kind::Images,
        // FFmpeg reads them, moving or not.
        Content::Unread("GIF") => Kind::Video,
        _ if named => Kind::Images,
        _ => Kind::Video,
    })
}
