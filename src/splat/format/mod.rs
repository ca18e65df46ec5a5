//! Splat files, chosen by extension: `.ply` and `.splat` are read and written, `.glb` is written.

use std::path::{Path, PathBuf};

use super::Splats;

pub mod glb;
pub mod ply;
pub mod splat;

pub(crate) const SH0: f32 = 0.282_094_8;

/// What can go wrong with a splat file.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file system.
    #[error("{}: cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No format goes by this extension, or it goes the other way only.
    #[error("{}: {reason}", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
        /// What to use in its place.
        reason: String,
    },
    /// The content is not what the extension says.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads splats from a `.ply` or `.splat` file. Coefficients above degree 1 are dropped with a warning.
///
/// # Errors
/// [`FormatError`], naming the file and what is wrong.
pub fn read(path: &Path) -> Result<Splats, FormatError> {
    let parse = match extension(path).as_str() {
        "ply" => ply::parse,
        "splat" => splat::parse,
        "glb" => {
            return Err(refuse(
                path,
                "glb is written, not read; give the .ply or .splat it was made from",
            ));
        }
        _ => return Err(refuse(path, "not a splat file; use .ply or .splat")),
    };
    let bytes = std::fs::read(path).map_err(|source| FormatError::Io {
        path: path.to_owned(),
        source,
    })?;
    parse(&bytes).map_err(|reason| FormatError::Content {
        path: path.to_owned(),
        reason,
    })
}

/// Writes splats as `.ply`, `.splat` or `.glb`, replacing the file. `.splat` keeps no view-dependent colour.
///
/// # Errors
/// [`FormatError`], naming the file and what is wrong.
pub fn write(path: &Path, splats: &Splats) -> Result<(), FormatError> {
    let encode = match extension(path).as_str() {
        "ply" => ply::encode,
        "splat" => splat::encode,
        "glb" => glb::encode,
        _ => return Err(refuse(path, "cannot be written; use .ply, .splat or .glb")),
    };
    splats.check().map_err(|error| FormatError::Content {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    std::fs::write(path, encode(splats)).map_err(|source| FormatError::Io {
        path: path.to_owned(),
        source,
    })
}

fn extension(path: &Path) -> String {
    path.extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

fn refuse(path: &Path, reason: &str) -> FormatError {
    FormatError::Extension {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
