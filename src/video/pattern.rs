//! Paths with wildcards: what they match, in natural order.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::VideoError;
use super::folder::{is_image, is_video, natural};

/// Characters that make a path a pattern.
pub(crate) const WILD: [char; 3] = ['*', '?', '['];

/// What a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matches {
    /// Images: one sequence.
    Images(Vec<PathBuf>),
    /// Videos and folders: each a clip of its own.
    Clips(Vec<PathBuf>),
}

/// Whether `path` is a pattern: it has wildcards, and nothing goes by its very name.
pub fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(WILD) && std::fs::symlink_metadata(path).is_err()
}

/// What the pattern `path` matches, in natural order (`2.png` before `10.png`), hidden files left out. `*` and `?`
/// stay within a name, `[...]` is one of the characters in it, `**` is any folders.
///
/// # Errors
/// [`VideoError::Input`] when it is no pattern, matches nothing, matches images and clips together, or something
/// that is neither.
pub fn matches(path: &Path) -> Result<Matches, VideoError> {
    let refuse = |reason: String| VideoError::input(path, reason);
    let text = path.to_str().ok_or_else(|| {
        refuse("it is not UTF-8, which a pattern must be; name the file itself".to_owned())
    })?;
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let entries = glob_with(text, options).map_err(|error| {
        refuse(format!(
            "it is no pattern: {} at character {}; write [*], [?] or [[] for the characters themselves",
            error.msg,
            error.pos + 1
        ))
    })?;
    let mut found = Vec::new();
    for entry in entries {
        found.push(entry.map_err(|error| {
            VideoError::input(
                error.path(),
                format!("it cannot be listed: {}", error.error()),
            )
        })?);
    }
    found.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    if found.is_empty() {
        return Err(refuse(
            "the pattern matches nothing; see the path, and that its folder is there".to_owned(),
        ));
    }
    let odd = |file: &&PathBuf| !is_image(file) && !is_video(file) && !file.is_dir();
    if let Some(odd) = found.iter().find(odd) {
        return Err(refuse(format!(
            "the pattern also matches {}, which by its ending is neither a video nor an image; narrow it, such as to *.mp4",
            odd.display()
        )));
    }
    let image = found.iter().find(|file| is_image(file) && !file.is_dir());
    let clip = found.iter().find(|file| !is_image(file) || file.is_dir());
    match (image, clip) {
        (Some(image), Some(clip)) => Err(refuse(format!(
            "the pattern matches images ({}) and clips ({}) together; narrow it to one kind",
            image.display(),
            clip.display()
        ))),
        (Some(_), None) => Ok(Matches::Images(found)),
        (None, _) => Ok(Matches::Clips(found)),
    }
}
