//! Files outside the run that a step reads: their content, and by what a later start knows that it is still the same.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{StoreError, recipe::digest_of};

/// A file outside the run, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Absolute path.
    pub path: String,
    /// Path inside the folder that was named, with `/`; empty for a file that was named itself.
    pub name: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
    /// Time of the last write in nanoseconds since 1970; 0 where unknown.
    pub modified: u64,
}

/// Time of a file's last write in nanoseconds since 1970; 0 where unknown.
pub(super) fn modified(meta: &std::fs::Metadata) -> u64 {
    meta.modified()
        .ok()
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |t| t.as_nanos() as u64)
}

/// Adds the stamp of a file, or of all files of a folder; hidden ones and the folders of runs are left out.
pub(super) fn collect(
    path: &Path,
    known: &[Stamp],
    stamps: &mut Vec<Stamp>,
) -> Result<(), StoreError> {
    let root = std::path::absolute(path).map_err(|e| unreadable(path, &e))?;
    if !root.is_dir() {
        stamps.push(stamp(&root, String::new(), known)?);
        return Ok(());
    }
    let mut files = Vec::new();
    list(&root, &mut files)?;
    files.sort();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap_or(&file);
        let name = inside.to_string_lossy().replace('\\', "/");
        stamps.push(stamp(&file, name, known)?);
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        reason: format!(
            "the input cannot be read: {error}; give yourself the right to read it, or take it out of the input"
        ),
    }
}

fn stamp(path: &Path, name: String, known: &[Stamp]) -> Result<Stamp, StoreError> {
    let failed = |e: std::io::Error| unreadable(path, &e);
    let meta = path.metadata().map_err(failed)?;
    let shown = path.to_string_lossy();
    let (bytes, modified) = (meta.len(), modified(&meta));
    let same =
        |s: &&Stamp| s.path == shown && s.bytes == bytes && s.modified == modified && modified != 0;
    Ok(Stamp {
        sha256: match known.iter().find(same) {
            Some(known) => known.sha256.clone(),
            None => digest_of(path).map_err(failed)?,
        },
        path: shown.into_owned(),
        name,
        bytes,
        modified,
    })
}

/// Regular files, also behind links; folders behind links, pipes and links that lead nowhere are left out.
fn list(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<(), StoreError> {
    let failed = |e: std::io::Error| unreadable(folder, &e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            if !path.join("run.toml").exists() {
                list(&path, files)?;
            }
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}
