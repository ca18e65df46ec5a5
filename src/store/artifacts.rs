//! Files that are whole or not there: temporary name, fsync, rename.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::StoreError;

/// Writes a file so that it is either the old or the new one, whatever happens.
///
/// # Errors
/// [`StoreError::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, e))?;
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        sync_folder(folder)
    };
    write().map_err(|e| {
        let _ = std::fs::remove_file(&temporary);
        StoreError::io(path, e)
    })
}

/// Makes renames inside a folder durable.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes pretty JSON atomically, with a final newline.
///
/// # Errors
/// [`StoreError::Io`].
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), StoreError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| StoreError::io(path, e))?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

/// Reads JSON.
///
/// # Errors
/// [`StoreError::Io`] when it cannot be read, [`StoreError::Broken`] when it does not parse.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let bytes = std::fs::read(path).map_err(|e| StoreError::io(path, e))?;
    serde_json::from_slice(&bytes).map_err(|e| StoreError::Broken {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}
