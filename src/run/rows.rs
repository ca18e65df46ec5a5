//! The rows of a run, from the manifest's copy that it keeps.

use std::path::{Path, PathBuf};

use crate::manifest::{self, Format, Prompt};
use crate::record::RunView;
use crate::store::{StoreError, write_atomic};

/// Copies that a run may hold, by the extension that tells the manifest's format.
const COPIES: [&str; 4] = [
    "manifest.csv",
    "manifest.tsv",
    "manifest.jsonl",
    "manifest.toml",
];

/// Keeps the manifest's bytes in the run.
pub(super) fn keep(root: &Path, manifest: &Path) -> Result<(), StoreError> {
    let bytes = std::fs::read(manifest).map_err(|e| StoreError::io(manifest, e))?;
    let copy = copy_of(root, manifest);
    for other in COPIES.map(|name| root.join(name)) {
        if other != copy && other.exists() {
            std::fs::remove_file(&other).map_err(|e| StoreError::io(&other, e))?;
        }
    }
    write_atomic(&copy, &bytes)
}

fn copy_of(root: &Path, manifest: &Path) -> PathBuf {
    root.join(format!("manifest.{}", Format::of(manifest).extension()))
}

/// The rows of a run, from its manifest's copy; what they name lies where the manifest did.
///
/// # Errors
/// As [`RunView::load`], and [`StoreError::Broken`] when the copy does not parse.
pub fn rows(root: &Path) -> Result<Vec<Prompt>, StoreError> {
    let folder = RunView::load(root)?.folder;
    let copy = COPIES
        .map(|n| root.join(n))
        .into_iter()
        .find(|p| p.exists());
    let copy = copy.ok_or_else(|| StoreError::Gone(root.join(COPIES[0])))?;
    let folder = folder.as_deref().unwrap_or(root);
    let manifest = manifest::read_copy(&copy, folder).map_err(|e| StoreError::Broken {
        path: copy.clone(),
        reason: e.to_string(),
    })?;
    if let (true, Some(fault)) = (manifest.rows.is_empty(), manifest.faults.first()) {
        return Err(StoreError::Broken {
            path: copy,
            reason: fault.to_string(),
        });
    }
    Ok(manifest.rows)
}
