//! Drops artifacts that can be made again, and remembers that they were dropped, so that a resumed run stays done.

use std::path::Path;

use serde::Serialize;

use super::contract::At;
use super::folder::entries;
use super::{Run, StoreError};

/// What to drop.
pub struct Clean<'a> {
    /// Rows to look at, in the order in which they lose their artifacts.
    pub rows: &'a [String],
    /// Whether an artifact (path relative to the round's folder, with `/`) is to go.
    pub drops: &'a dyn Fn(&str) -> bool,
    /// Stop once the run's files have no more bytes than this.
    pub keep_under: Option<u64>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What was dropped, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// Rows that lost something.
    pub rows: usize,
    /// Files.
    pub files: usize,
    /// Bytes of these files.
    pub bytes: u64,
    /// Bytes of the run before.
    pub before: u64,
}

/// Drops artifacts of finished steps. The record is marked first and the file removed after it: a kill in between
/// leaves a file that the next clean removes.
///
/// # Errors
/// [`StoreError`].
pub fn clean(run: &Run, what: &Clean<'_>) -> Result<Cleaned, StoreError> {
    let mut cleaned = Cleaned {
        before: bytes_under(run.root()),
        ..Cleaned::default()
    };
    for id in what.rows {
        let small = |limit| cleaned.before.saturating_sub(cleaned.bytes) <= limit;
        if what.keep_under.is_some_and(small) {
            break;
        }
        let files = cleaned.files;
        for at in run.store().list(id)? {
            drop_from(run, &at, what, &mut cleaned)?;
        }
        cleaned.rows += usize::from(cleaned.files > files);
    }
    Ok(cleaned)
}

fn drop_from(
    run: &Run,
    at: &At,
    what: &Clean<'_>,
    cleaned: &mut Cleaned,
) -> Result<(), StoreError> {
    let Some(mut record) = run.record(at)? else {
        return Ok(());
    };
    let mut going = Vec::new();
    for artifact in &mut record.artifacts {
        // Also one that was marked before: a kill may have come between mark and removal.
        let there = || run.get(&at.id, at.iteration, &artifact.path).is_ok();
        if (what.drops)(&artifact.path) && there() {
            artifact.dropped = true;
            cleaned.files += 1;
            cleaned.bytes += artifact.bytes;
            going.push(artifact.path.clone());
        }
    }
    match what.dry_run || going.is_empty() {
        true => Ok(()),
        false => run.store().drop_files(at, &record, &going),
    }
}

/// Bytes of all files under a folder; links are not followed.
pub fn bytes_under(folder: &Path) -> u64 {
    entries(folder)
        .iter()
        .map(|path| match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => bytes_under(path),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
