//! `transforms*.json` of nerfstudio and of Blender's NeRF scenes.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use glam::{DMat3, DVec3};
use serde::Deserialize;

use super::{Found, fault, image_size, rotation};
use crate::camera::{CameraError, Intrinsics, Pose};

/// Lengths in pixels of the image, as in the file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Lens {
    camera_angle_x: Option<f64>,
    fl_x: Option<f64>,
    fl_y: Option<f64>,
    cx: Option<f64>,
    cy: Option<f64>,
    w: Option<f64>,
    h: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(flatten)]
    lens: Lens,
    frames: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    #[serde(flatten)]
    lens: Lens,
    file_path: String,
    transform_matrix: [[f64; 4]; 4],
}

/// All cameras of the folder's (or else its parent's) files that belong to one of the images, in image order.
pub(super) fn read(folder: &Path, images: &[PathBuf]) -> Result<Option<Vec<Found>>, CameraError> {
    let here = match folder.extension().is_some_and(|e| e == "json") {
        true => vec![folder.to_path_buf()],
        false => listing(folder),
    };
    let files = match folder.canonicalize().ok().as_deref().and_then(Path::parent) {
        Some(parent) if here.is_empty() => listing(parent),
        _ => here,
    };
    let mut frames: HashMap<usize, (Lens, Frame, PathBuf)> = HashMap::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|e| fault(&path, e))?;
        let file: File = serde_json::from_str(&text).map_err(|e| {
            fault(
                &path,
                format!("not a transforms file ({e}); mend it or use --ignore-known-cameras"),
            )
        })?;
        for frame in file.frames {
            if let Some(index) = image_of(&frame.file_path, images) {
                frames
                    .entry(index)
                    .or_insert((file.lens, frame, path.clone()));
            }
        }
    }
    let mut found = Vec::with_capacity(frames.len());
    for (index, image) in images.iter().enumerate() {
        let Some((lens, frame, path)) = frames.get(&index) else {
            continue;
        };
        found.push(Found {
            index,
            intrinsics: intrinsics(lens, &frame.lens, image, path)?,
            pose: pose(&frame.transform_matrix, path)?,
        });
    }
    Ok((!found.is_empty()).then_some(found))
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            name.starts_with("transforms") && name.ends_with(".json")
        })
        .collect();
    files.sort();
    files
}

/// The image whose path ends with `file_path`, with or without its extension; a lone file name counts too.
fn image_of(file_path: &str, images: &[PathBuf]) -> Option<usize> {
    let wanted: PathBuf = Path::new(file_path)
        .components()
        .filter(|c| matches!(c, Component::Normal(_)))
        .collect();
    let ends = |tail: &Path| {
        images
            .iter()
            .position(|image| image.ends_with(tail) || image.with_extension("").ends_with(tail))
    };
    let name = || {
        images
            .iter()
            .all(|i| i.parent() == images[0].parent())
            .then(|| wanted.file_name())
            .flatten()
    };
    ends(&wanted).or_else(|| name().and_then(|n| ends(Path::new(n))))
}

fn intrinsics(
    shared: &Lens,
    own: &Lens,
    image: &Path,
    path: &Path,
) -> Result<Intrinsics, CameraError> {
    let (width, height) = image_size(image)?;
    let w = own.w.or(shared.w).unwrap_or(f64::from(width));
    let h = own.h.or(shared.h).unwrap_or(f64::from(height));
    let angle = own.camera_angle_x.or(shared.camera_angle_x);
    let fx = own
        .fl_x
        .or(shared.fl_x)
        .or_else(|| angle.map(|a| w / 2.0 / (a / 2.0).tan()));
    let Some(fx) = fx.filter(|f| f.is_finite() && *f > 0.0) else {
        return Err(fault(
            path,
            "holds neither fl_x nor camera_angle_x: add one, or use --ignore-known-cameras",
        ));
    };
    let fy = own.fl_y.or(shared.fl_y).unwrap_or(fx);
    let (sx, sy) = (f64::from(width) / w, f64::from(height) / h);
    Ok(Intrinsics {
        width,
        height,
        fx: fx * sx,
        fy: fy * sy,
        cx: own.cx.or(shared.cx).unwrap_or(w / 2.0) * sx,
        cy: own.cy.or(shared.cy).unwrap_or(h / 2.0) * sy,
    })
}

/// OpenGL camera (x right, y up, z back) in a world with +Z up, to ours: x right, y down, z forward, +Y up.
fn pose(m: &[[f64; 4]; 4], path: &Path) -> Result<Pose, CameraError> {
    let column = |c: usize| DVec3::new(m[0][c], m[1][c], m[2][c]);
    let upright = DMat3::from_cols(DVec3::X, -DVec3::Z, DVec3::Y);
    let r = rotation([column(0), -column(1), -column(2)], path)?;
    Ok(Pose {
        rotation: upright * r,
        position: upright * column(3),
    })
}
