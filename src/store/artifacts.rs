//! Stored documents: whole or not there, with the version of their format.

use std::path::Path;

use super::{FORMAT, StoreError};
use crate::files::{self, sync_folder};

/// Writes a file so that it is either the old or the new one, whatever happens.
///
/// # Errors
/// [`StoreError::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder).map_err(|e| StoreError::io(folder, e))?;
    files::write_atomic(path, bytes).map_err(|e| StoreError::io(path, e))
}

/// Creates a folder and those above it; what is new is durable.
pub(super) fn create_folder(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let new: Vec<&Path> = folder
        .ancestors()
        .take_while(|f| !f.as_os_str().is_empty() && !f.exists())
        .collect();
    std::fs::create_dir_all(folder)?;
    for folder in new.into_iter().rev() {
        match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent)?,
            _ => sync_folder(Path::new("."))?,
        }
    }
    Ok(())
}

/// A document with the format's version beside its own fields.
#[derive(serde::Serialize)]
struct Versioned<'a, T> {
    format: u32,
    #[serde(flatten)]
    document: &'a T,
}

/// Writes a struct or map as pretty JSON atomically, with the format's version and a final newline.
///
/// # Errors
/// [`StoreError::Io`], [`StoreError::Unwritable`].
pub fn write_json(path: &Path, document: &impl serde::Serialize) -> Result<(), StoreError> {
    let bytes = json_bytes(path, document)?;
    write_atomic(path, &bytes)
}

/// A document as stored JSON; `path` is for words.
pub(super) fn json_bytes(
    path: &Path,
    document: &impl serde::Serialize,
) -> Result<Vec<u8>, StoreError> {
    let versioned = Versioned {
        format: FORMAT,
        document,
    };
    let mut bytes = serde_json::to_vec_pretty(&versioned).map_err(|e| StoreError::io(path, e))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[derive(serde::Deserialize)]
struct Peek {
    #[serde(default)]
    format: u32,
}

/// Reads JSON that [`write_json`] wrote.
///
/// # Errors
/// [`StoreError::Io`] when it cannot be read, [`StoreError::Newer`] when a newer program wrote it,
/// [`StoreError::Broken`] when it does not parse.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let bytes = std::fs::read(path).map_err(|e| StoreError::io(path, e))?;
    parse_json(path, &bytes)
}

/// The document in JSON that [`write_json`] wrote; `path` is for words.
pub(super) fn parse_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
) -> Result<T, StoreError> {
    let broken = |e: serde_json::Error| StoreError::Broken {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    let found = serde_json::from_slice::<Peek>(bytes)
        .map_err(broken)?
        .format;
    newer(path, found)?;
    serde_json::from_slice(bytes).map_err(broken)
}

fn newer(path: &Path, found: u32) -> Result<(), StoreError> {
    if found > FORMAT {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
        });
    }
    Ok(())
}

/// The format of a `run.toml`; one of a newer program is refused. A missing or broken one has none, and is let pass,
/// since it is written anew.
///
/// # Errors
/// [`StoreError::Newer`].
pub fn check_format(run_toml: &Path) -> Result<Option<u32>, StoreError> {
    let Ok(text) = std::fs::read_to_string(run_toml) else {
        return Ok(None);
    };
    let found = text
        .parse::<toml::Table>()
        .ok()
        .and_then(|t| t.get("format").and_then(toml::Value::as_integer));
    let found = found.and_then(|f| f.try_into().ok());
    newer(run_toml, found.unwrap_or(0))?;
    Ok(found)
}
