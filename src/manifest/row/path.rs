//! Paths that a row names.

use std::path::{Path, PathBuf};

use crate::paths::pattern::{WILD, is_pattern};

/// A path as it is written, from `folder` if it is relative. Where it is a pattern, `folder` stays literal.
pub(super) fn below(folder: &Path, written: &str) -> PathBuf {
    let path = Path::new(written);
    let plain = folder.join(path);
    match folder.to_str() {
        Some(text)
            if path.is_relative()
                && text.contains(WILD)
                && written.contains(WILD)
                && is_pattern(&plain) =>
        {
            Path::new(&glob::Pattern::escape(text)).join(path)
        }
        _ => plain,
    }
}
