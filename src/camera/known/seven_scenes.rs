//! `NAME.pose.txt` and `camera-intrinsics.txt`, as 7-Scenes and 3DMatch have them.

use std::path::{Path, PathBuf};

use glam::DVec3;

use super::{Found, beside, fault, image_size, rotation};
use crate::camera::{CameraError, Intrinsics, Pose};

/// What such a folder holds.
pub(super) struct Folder {
    pub cameras: Option<Vec<Found>>,
    pub intrinsics: Option<Intrinsics>,
}

/// Poses of the images in image order, in the gauge of the first; intrinsics at the images' size.
pub(super) fn read(folder: &Path, images: &[PathBuf]) -> Result<Folder, CameraError> {
    let Some(lens_file) = lens_file(folder, &images[0]) else {
        return Ok(Folder {
            cameras: None,
            intrinsics: None,
        });
    };
    let lens = numbers(&lens_file, 9)?;
    let (width, height) = image_size(&images[0])?;
    let intrinsics = Intrinsics {
        width,
        height,
        fx: lens[0],
        fy: lens[4],
        cx: lens[2],
        cy: lens[5],
    };
    if !(intrinsics.fx > 0.0 && intrinsics.fy > 0.0) {
        return Err(fault(
            &lens_file,
            "the focal lengths (entries 1 and 5 of 9) must be positive",
        ));
    }
    let mut poses: Vec<(usize, Pose)> = Vec::new();
    for (index, image) in images.iter().enumerate() {
        let Some(file) = beside(image, "pose.txt") else {
            continue;
        };
        let m = numbers(&file, 12)?;
        // A frame whose tracking failed has no finite numbers; it is one without a pose.
        if m.iter().any(|x| !x.is_finite()) {
            continue;
        }
        let column = |c: usize| DVec3::new(m[c], m[4 + c], m[8 + c]);
        let rotation = rotation([column(0), column(1), column(2)], &file)?;
        poses.push((
            index,
            Pose {
                rotation,
                position: column(3),
            },
        ));
    }
    let Some((_, first)) = poses.first().copied() else {
        return Ok(Folder {
            cameras: None,
            intrinsics: Some(intrinsics),
        });
    };
    let gauge = Pose::gauge().rotation;
    let turn = gauge * first.rotation.transpose();
    let cameras = poses
        .iter()
        .map(|(index, pose)| Found {
            index: *index,
            intrinsics,
            pose: Pose {
                rotation: turn * pose.rotation,
                position: turn * (pose.position - first.position),
            },
        })
        .collect();
    Ok(Folder {
        cameras: Some(cameras),
        intrinsics: Some(intrinsics),
    })
}

/// `camera-intrinsics.txt` beside the image, in the folder, or one above either.
fn lens_file(folder: &Path, image: &Path) -> Option<PathBuf> {
    let beside = image.parent();
    [
        beside,
        Some(folder),
        beside.and_then(Path::parent),
        folder.parent(),
    ]
    .into_iter()
    .flatten()
    .map(|place| place.join("camera-intrinsics.txt"))
    .find(|file| file.is_file())
}

fn numbers(file: &Path, needed: usize) -> Result<Vec<f64>, CameraError> {
    let text = std::fs::read_to_string(file).map_err(|e| fault(file, e))?;
    let values: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let values = values.map_err(|e| {
        fault(
            file,
            format!("a number cannot be read ({e}); mend it or use --ignore-known-cameras"),
        )
    })?;
    if values.len() < needed {
        return Err(fault(
            file,
            format!("{} numbers where {needed} are needed", values.len()),
        ));
    }
    Ok(values)
}
