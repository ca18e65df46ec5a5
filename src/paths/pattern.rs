//! Paths with wildcards: what they match, in natural order.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::{PathError, is_video, natural};
use crate::picture::{self, Content};

/// Characters that make a path a pattern.
pub(crate) const WILD: [char; 3] = ['*', '?', '['];

/// What a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matches {
    /// Images: one sequence.
    Images(Vec<PathBuf>),
    /// Videos, animated pictures and folders: each a clip of its own.
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
/// [`PathError`] when it is no pattern, matches nothing, matches images and clips together, or something
/// that is neither.
pub fn matches(path: &Path) -> Result<Matches, PathError> {
    let refuse_at = |path: &Path, reason: String| PathError {
        path: path.to_owned(),
        reason,
    };
    let refuse = |reason: String| refuse_at(path, reason);
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
            refuse_at(
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
    let of_each: Vec<_> = found.iter().map(|file| Kind::of(file)).collect();
    let first = |wanted: Kind| {
        let at = of_each.iter().position(|&kind| kind == wanted);
        at.map(|at| &found[at])
    };
    if let Some(odd) = first(Kind::Neither) {
        return Err(refuse(format!(
            "the pattern also matches {}, which by its ending is neither a video nor an image; narrow it, such as to *.mp4",
            odd.display()
        )));
    }
    let (image, clip) = (first(Kind::Image), first(Kind::Clip));
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

/// What one match is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    Clip,
    Neither,
}

impl Kind {
    /// By its ending; a picture that moves is a clip whatever its ending.
    fn of(file: &Path) -> Self {
        let moves = || matches!(picture::content(file), Ok(Content::Moving(_)));
        match () {
            () if file.is_dir() || is_video(file) || moves() => Self::Clip,
            () if picture::is_read(file) => Self::Image,
            () => Self::Neither,
        }
    }
}
