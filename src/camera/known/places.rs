//! Which image a list means.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// How surely a frame of a list is an image, surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// The very file.
    Itself,
    /// The end of its path, with or without extension.
    End,
    /// Its name alone.
    Name,
}

/// Images by what a list may call them.
pub(super) struct Places<'a> {
    images: &'a [PathBuf],
    paths: HashMap<PathBuf, usize>,
    /// By name with and without extension.
    names: HashMap<&'a OsStr, Vec<usize>>,
}

impl<'a> Places<'a> {
    pub fn of(images: &'a [PathBuf]) -> Self {
        let mut paths = HashMap::with_capacity(images.len());
        let mut names: HashMap<_, Vec<usize>> = HashMap::with_capacity(2 * images.len());
        for (index, image) in images.iter().enumerate() {
            paths.entry(whole(image)).or_insert(index);
            for name in [image.file_name(), image.file_stem()].into_iter().flatten() {
                names.entry(name).or_default().push(index);
            }
        }
        Self {
            images,
            paths,
            names,
        }
    }

    /// The image that is the `file`, or else is `called` so.
    pub fn find(&self, file: Option<&Path>, called: &str) -> Option<(Match, usize)> {
        if let Some(&index) = file.and_then(|file| self.paths.get(&whole(file))) {
            return Some((Match::Itself, index));
        }
        let tail: PathBuf = Path::new(&called.replace('\\', "/"))
            .components()
            .filter(|c| matches!(c, Component::Normal(_)))
            .collect();
        let alike = self.names.get(tail.file_name()?)?;
        let ends = |&&index: &&usize| {
            let image = &self.images[index];
            image.ends_with(&tail) || image.with_extension("").ends_with(&tail)
        };
        match (alike.iter().find(ends), alike.as_slice()) {
            (Some(&index), _) if tail.components().nth(1).is_some() => Some((Match::End, index)),
            // A name that several folders have says nothing.
            (_, &[index]) => Some((Match::Name, index)),
            _ => None,
        }
    }
}

/// A path that does not depend on how it was written.
fn whole(path: &Path) -> PathBuf {
    path.canonicalize()
        .unwrap_or_else(|_| path.components().collect())
}
