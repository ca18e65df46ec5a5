//! Splat files: `.ply`, `.splat`, `.spz`, `.sog` and `.glb` are read and written, `.usdz` is written. What is read goes by the content where it can be told
//! from it, what is written by the extension.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Splats;
use crate::files::write_atomic;

mod builder;
pub mod glb;
mod kind;
mod morton;
pub mod ply;
pub mod sog;
pub mod splat;
pub mod spz;
pub mod usdz;

pub(crate) const SH0: f32 = super::harmonics::SH0 as f32;

/// First bytes that tell what a file is.
const HEAD: usize = 4096;

/// What is said of a file that is no splats at all, as far as can be told.
pub const NO_SPLATS: &str = "not a splat file; use .ply, .splat, .spz, .sog or .glb";

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
    /// No format goes by this extension or content, or it goes the other way only.
    #[error("{}: {reason}", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
        /// What to use in its place.
        reason: String,
    },
    /// The content is not what it should be.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a splat file holds.
#[derive(Clone, Debug, Default)]
pub struct SplatFile {
    /// Its splats, up to degree 3, without those of [`Self::not_finite`].
    pub splats: Splats,
    /// Its format, for people.
    pub format: String,
    /// Degree of its spherical harmonics, 0 to 4.
    pub sh_degree: u32,
    /// Splats with values that are no numbers: NaN anywhere, or infinite where that has no meaning. An infinite opacity
    /// (opaque or clear) and a scale of minus infinity (no size) have one.
    pub not_finite: usize,
    /// Guesses, and what was passed over, in words.
    pub notes: Vec<String>,
    /// What it holds besides, which [`Self::splats`] do not, in words; higher harmonics are told by the degree.
    pub unused: Vec<String>,
}

/// What became of splats that were written.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Splats in the file.
    pub splats: usize,
    /// Splats left out, as their values are no numbers.
    pub dropped: usize,
    /// Degree of the spherical harmonics in the file.
    pub sh_degree: u32,
    /// What the format could not hold, in words; higher harmonics are told by the degree.
    pub lost: Vec<String>,
}

/// Reads splats from a `.ply`, `.splat`, `.spz`, `.sog` or `.glb` file, warning of what is left out: coefficients above degree 3, and splats whose
/// values are no numbers.
///
/// # Errors
/// [`FormatError`], naming the file and what is wrong.
pub fn read(path: &Path) -> Result<Splats, FormatError> {
    let file = load(path)?;
    let name = path.display();
    for note in &file.notes {
        tracing::warn!("{name}: {note}");
    }
    if file.sh_degree > file.splats.sh_degree {
        let kept = file.splats.sh_degree;
        tracing::warn!("{name}: spherical harmonics above degree {kept} are dropped");
    }
    if file.not_finite > 0 {
        let dropped = counted(file.not_finite);
        tracing::warn!("{name}: {dropped} with values that are no numbers are dropped");
    }
    Ok(file.splats)
}

/// Reads a `.ply`, `.splat`, `.spz`, `.sog` or `.glb` file, with all that can be told of it.
///
/// # Errors
/// [`FormatError`], naming the file and what is wrong.
pub fn load(path: &Path) -> Result<SplatFile, FormatError> {
    let failed = |source| FormatError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let data = file.metadata().map_err(failed)?;
    if data.is_dir() {
        return Err(refuse(
            path,
            "is a folder; give a .ply, .splat, .spz, .sog or .glb file",
        ));
    }
    let mut bytes = Vec::new();
    file.by_ref()
        .take(HEAD as u64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let (kind, note) = kind::of(path, &bytes, data.len()).map_err(|reason| refuse(path, reason))?;
    let rest = (data.len() as usize).saturating_sub(bytes.len());
    bytes.try_reserve_exact(rest).map_err(|_| {
        refuse(
            path,
            format!("its {} bytes do not fit the memory", data.len()),
        )
    })?;
    file.read_to_end(&mut bytes).map_err(failed)?;
    let parsed = match kind {
        kind::Kind::Ply => ply::parse(&bytes),
        kind::Kind::Splat => splat::parse(&bytes),
        kind::Kind::Glb => glb::parse(&bytes),
        kind::Kind::Spz => spz::parse(&bytes),
        kind::Kind::Sog => sog::parse(&bytes),
    };
    let mut out = parsed.map_err(|reason| FormatError::Content {
        path: path.to_owned(),
        reason,
    })?;
    out.notes.splice(0..0, note);
    Ok(out)
}

/// Extensions that are written.
const WRITTEN: &str = ".ply, .compressed.ply, .splat, .spz, .sog, .glb or .usdz";

/// What goes into a file beside the splats, where its format holds that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// A mesh that bodies collide with.
    pub collision: Option<usdz::Collision<'a>>,
    /// How long a unit of the splats is, where it is known.
    pub metres_per_unit: Option<f64>,
}

/// Writes splats as `.ply`, `.compressed.ply`, `.splat`, `.spz`, `.sog`, `.glb` or `.usdz`, replacing the file. Those with values that are no numbers are left out,
/// with a warning; `.splat` keeps no view-dependent colour.
///
/// # Errors
/// [`FormatError`], naming the file and what is wrong.
pub fn write(path: &Path, splats: &Splats) -> Result<Written, FormatError> {
    write_with(path, splats, &Beside::default())
}

/// As [`write()`], with what else a `.usdz` holds; other formats hold none of it, and refuse a mesh.
///
/// # Errors
/// As [`write()`].
pub fn write_with(
    path: &Path,
    splats: &Splats,
    beside: &Beside<'_>,
) -> Result<Written, FormatError> {
    let content = |reason: String| FormatError::Content {
        path: path.to_owned(),
        reason,
    };
    let extension = extension(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let packed = name.to_lowercase().ends_with(".compressed.ply");
    if !["ply", "splat", "spz", "sog", "glb", "usdz"].contains(&extension.as_str()) {
        return Err(refuse(path, format!("cannot be written; use {WRITTEN}")));
    }
    if beside.metres_per_unit.is_some() && extension != "usdz" {
        return Err(refuse(
            path,
            "has no unit of length; metres a unit are for .usdz, leave them out",
        ));
    }
    if beside.collision.is_some() && extension != "usdz" {
        return Err(refuse(
            path,
            "holds no mesh to collide with; use .usdz, or leave the mesh out",
        ));
    }
    splats.check().map_err(|error| content(error.to_string()))?;
    let kept = finite(splats);
    let dropped = splats.len() - kept.len();
    if dropped > 0 {
        tracing::warn!(
            "{}: {} with values that are no numbers are left out",
            path.display(),
            counted(dropped)
        );
    }
    let (bytes, lost) = match extension.as_str() {
        "splat" => splat::encode(&kept),
        "spz" => spz::encode(&kept).map_err(content)?,
        "sog" => sog::encode(&kept).map_err(content)?,
        "glb" => glb::encode(&kept).map_err(content)?,
        "usdz" => usdz::encode(&kept, beside.collision.as_ref(), beside.metres_per_unit)
            .map_err(content)?,
        _ if packed => ply::encode_compressed(&kept).map_err(content)?,
        _ => (ply::encode(&kept), Vec::new()),
    };
    // Whole or not at all: the file that was there may be the input.
    write_atomic(path, &bytes).map_err(|source| FormatError::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok(Written {
        splats: kept.len(),
        dropped,
        sh_degree: match extension.as_str() {
            "splat" => 0,
            _ => kept.sh_degree,
        },
        lost,
    })
}

/// The splats whose values are numbers.
fn finite(splats: &Splats) -> Cow<'_, Splats> {
    match (0..splats.len()).all(|i| splats.is_usable(i)) {
        true => Cow::Borrowed(splats),
        false => {
            let mut kept = splats.clone();
            kept.retain_usable();
            Cow::Owned(kept)
        }
    }
}

fn extension(path: &Path) -> String {
    path.extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

fn refuse(path: &Path, reason: impl Into<String>) -> FormatError {
    FormatError::Extension {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// So many splats, in words.
pub(crate) fn counted(n: usize) -> String {
    match n {
        1 => "1 splat".into(),
        n => format!("{n} splats"),
    }
}

/// Opacity in [0, 1] of a logit, infinite ones included.
pub(crate) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Standard deviations, and whether one had to be clamped to what 32 bits hold.
fn linear_scales(logs: [f32; 3]) -> ([f32; 3], bool) {
    let scales = logs.map(f32::exp);
    let large = scales.iter().any(|s| s.is_infinite());
    (scales.map(|s| s.min(f32::MAX)), large)
}

/// What [`linear_scales`] clamped, in words.
fn too_large(n: usize) -> Option<String> {
    (n > 0).then(|| format!("sizes beyond 32-bit floats of {}, clamped", counted(n)))
}

/// A quaternion of length 1, kept to the bit where it has that length already; the identity for zero.
fn unit(q: [f32; 4]) -> [f32; 4] {
    let norm = q.iter().map(|v| v * v).sum::<f32>().sqrt();
    if (norm - 1.0).abs() < 1e-5 {
        return q;
    }
    if norm > 1e-15 && norm < 1e15 {
        return q.map(|v| v / norm);
    }
    // The squares may leave the range of 32 bits where the numbers do not.
    let q = q.map(f64::from);
    let norm = q.iter().map(|v| v * v).sum::<f64>().sqrt();
    if norm > 0.0 && norm.is_finite() {
        q.map(|v| (v / norm) as f32)
    } else {
        [1.0, 0.0, 0.0, 0.0]
    }
}
