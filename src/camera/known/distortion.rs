//! Lenses that are no pinhole: refused by name, until pictures are undistorted here.

use std::path::Path;

use super::notes::Notes;
use super::{IGNORE, fault};
use crate::camera::{CameraError, Intrinsics};
use crate::capture::Lens;

/// Camera models that are a pinhole, given that their coefficients are 0.
const PINHOLES: [&str; 8] = [
    "PINHOLE",
    "SIMPLE_PINHOLE",
    "OPENCV",
    "FULL_OPENCV",
    "RADIAL",
    "SIMPLE_RADIAL",
    "PERSPECTIVE",
    "",
];

/// Terms that say by being there, and not 0, that the lens is another than a pinhole with coefficients.
const KINDS: [&str; 5] = [
    "is_fisheye",
    "fisheye_crop_radius",
    "ftheta_p0",
    "latlong",
    "equirectangular",
];

/// Pixels that a passed-over distortion may move a point.
const NEGLIGIBLE: f64 = 0.05;

const UNDISTORT: &str = "undistort the pictures first, such as with `colmap image_undistorter`, and give their transforms.json";

/// Power of the radius, and greatest factor, with which a coefficient moves a point.
fn reach(name: &str) -> Option<(i32, f64)> {
    Some(match name {
        "k1" => (3, 1.0),
        "k2" => (5, 1.0),
        "k3" => (7, 1.0),
        "k4" => (9, 1.0),
        "p1" | "p2" => (2, 3.0),
        _ => return None,
    })
}

/// Refuses a lens with distortion, told by `own` or `shared`; `k` are its intrinsics in the pixels of the file, `at` what
/// stands before a frame's own fields.
pub(super) fn check(
    own: &Lens,
    shared: &Lens,
    k: &Intrinsics,
    at: &str,
    path: &Path,
    notes: &mut Notes,
) -> Result<(), CameraError> {
    let refuse = |field: String, why: &str| {
        Err(fault(
            path,
            format!("{field}: {why}; {UNDISTORT}, or {IGNORE}"),
        ))
    };
    let model = match (&own.model, &shared.model) {
        (Some(model), _) => Some((model, at)),
        (None, model) => model.as_ref().map(|m| (m, "")),
    };
    if let Some((model, at)) = model
        && !PINHOLES.contains(&model.trim().to_ascii_uppercase().as_str())
    {
        let field = format!("{at}camera_model is {model}");
        return refuse(field, "only pinhole cameras are read");
    }
    // A frame's own number counts in place of the file's.
    let theirs = |(name, _): &&(&str, f64)| own.get(name).is_none();
    let shared = shared.terms.iter().filter(theirs).map(|t| (t, ""));
    let terms: Vec<_> = own.terms.iter().map(|t| (t, at)).chain(shared).collect();
    for &(&(name, value), at) in &terms {
        if KINDS.contains(&name) && value != 0.0 {
            let field = format!("{at}{name} is {value}");
            return refuse(field, "only pinhole cameras are read");
        }
    }
    let coefficients: Vec<_> = terms
        .into_iter()
        .filter(|((name, value), _)| is_coefficient(name) && *value != 0.0)
        .collect();
    if coefficients.is_empty() {
        return Ok(());
    }
    let told = coefficients
        .iter()
        .map(|((name, value), at)| format!("{at}{name} is {value}"))
        .collect::<Vec<_>>()
        .join(", ");
    // The corner that lies farthest from the axis.
    let far = |c: f64, side: u32, f: f64| c.abs().max((f64::from(side) - c).abs()) / f;
    let radius = far(k.cx, k.width, k.fx).hypot(far(k.cy, k.height, k.fy));
    let moved: Option<f64> = coefficients
        .iter()
        .map(|((name, value), _)| {
            let (power, factor) = reach(name)?;
            Some(value.abs() * factor * radius.powi(power) * k.fx.max(k.fy))
        })
        .sum();
    match moved {
        Some(moved) if moved < NEGLIGIBLE => {
            let words = format!(
                "the lens' distortion ({told}) moves no point of the picture by more than {:.4} px and is passed over",
                (moved * 1e4).ceil() / 1e4
            );
            notes.add("distortion", words);
            Ok(())
        }
        Some(moved) if moved.is_finite() => {
            let why = format!(
                "the lens distorts (by up to {moved:.1} px at the corners), and only pinhole cameras are read"
            );
            refuse(told, &why)
        }
        _ => refuse(told, "the lens distorts, and only pinhole cameras are read"),
    }
}

/// A coefficient of distortion by its name.
fn is_coefficient(name: &str) -> bool {
    matches!(name.as_bytes(), [b'k' | b'p', b'0'..=b'9']) || name.starts_with("distortion_params")
}
