//! `NAME.pose.txt` and `camera-intrinsics.txt`, as 7-Scenes and 3DMatch have them.

use std::path::{Path, PathBuf};

use glam::DVec3;

use super::notes::Notes;
use super::{Found, IGNORE, beside, fault, header, rotation, turn, turned};
use crate::camera::{CameraError, Intrinsics, Pose};
use crate::capture::FARTHEST;

/// What such a folder holds.
pub(super) struct Folder {
    pub cameras: Option<Vec<Found>>,
    pub intrinsics: Option<Intrinsics>,
}

/// Poses of the images in image order, in the gauge of the first; intrinsics at the images' size. Both are of the pixels
/// as they are stored, and are turned with the pictures.
pub(super) fn read(
    folder: &Path,
    images: &[PathBuf],
    notes: &mut Notes,
) -> Result<Folder, CameraError> {
    let Some(lens_file) = lens_file(folder, &images[0]) else {
        return Ok(Folder {
            cameras: None,
            intrinsics: None,
        });
    };
    let lens = numbers(&lens_file, 9)?;
    let first = header(&images[0])?;
    let [width, height] = first.stored;
    let intrinsics = Intrinsics {
        width,
        height,
        fx: lens[0],
        fy: lens[4],
        cx: lens[2],
        cy: lens[5],
    };
    let finite = [intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy]
        .iter()
        .all(|x| x.is_finite());
    if !(finite && intrinsics.fx > 0.0 && intrinsics.fy > 0.0) {
        return Err(fault(
            &lens_file,
            "the focal lengths (entries 1 and 5 of 9) must be positive, and the centre (3 and 6) a number",
        ));
    }
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for (index, image) in images.iter().enumerate() {
        let Some(file) = beside(image, "pose.txt") else {
            continue;
        };
        let m = numbers(&file, 12)?;
        // A frame whose tracking failed has no finite numbers; it is one without a pose.
        if m.iter().any(|x| !x.is_finite()) {
            broken.push(file);
            continue;
        }
        let column = |c: usize| DVec3::new(m[c], m[4 + c], m[8 + c]);
        if column(3).abs().max_element() > FARTHEST {
            return Err(fault(
                &file,
                format!(
                    "the camera lies at {:?}, farther than {FARTHEST:e} away; take the file away, or {IGNORE}",
                    column(3).to_array()
                ),
            ));
        }
        let rotation = rotation([column(0), column(1), column(2)], "the pose", &file)?;
        let pose = Pose {
            rotation,
            position: column(3),
        };
        let header = header(image)?;
        if header.orientation != first.orientation {
            return Err(fault(
                image,
                format!(
                    "its EXIF orientation is another than that of the first picture; make them alike, or {IGNORE}"
                ),
            ));
        }
        let of_stored = Found {
            index,
            intrinsics,
            bent: None,
            pose,
        };
        found.push(turned(of_stored, &header, image)?);
    }
    if let Some(file) = broken.first() {
        notes.add(
            "broken poses",
            format!(
                "{} of {} pose files hold numbers that are not finite, as where tracking failed ({}{}): their images have no known pose",
                broken.len(),
                broken.len() + found.len(),
                file.display(),
                if broken.len() > 1 { " and others" } else { "" }
            ),
        );
    }
    let far = |at: f64, side: u32| !(-f64::from(side)..=2.0 * f64::from(side)).contains(&at);
    if far(intrinsics.cx, width) || far(intrinsics.cy, height) {
        return Err(fault(
            &lens_file,
            format!(
                "the centre ({}, {}; entries 3 and 6 of 9) lies far outside pictures of {width}x{height}; give that of these pictures, or {IGNORE}",
                intrinsics.cx, intrinsics.cy
            ),
        ));
    }
    let exif = first.orientation.to_exif();
    if exif != 1 {
        notes.add(
            "turned",
            format!(
                "the pictures are turned upright by their EXIF orientation ({exif}), and their cameras and depth with them: \
                 they were taken to be of the pixels as stored, which these files do not tell"
            ),
        );
    }
    let intrinsics = turn::intrinsics(&intrinsics, first.orientation);
    let Some(Pose {
        rotation: first,
        position: origin,
    }) = found.first().map(|f| f.pose)
    else {
        return Ok(Folder {
            cameras: None,
            intrinsics: Some(intrinsics),
        });
    };
    let gauge = Pose::gauge().rotation;
    let turn = gauge * first.transpose();
    for camera in &mut found {
        camera.pose = Pose {
            rotation: turn * camera.pose.rotation,
            position: turn * (camera.pose.position - origin),
        };
    }
    Ok(Folder {
        cameras: Some(found),
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
    let text = text.trim_start_matches('\u{feff}');
    let values: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let values = values.map_err(|e| {
        fault(
            file,
            format!("a number cannot be read ({e}); mend it or {IGNORE}"),
        )
    })?;
    if values.len() < needed {
        return Err(fault(
            file,
            format!(
                "{} numbers where {needed} are needed; write it again or {IGNORE}",
                values.len()
            ),
        ));
    }
    Ok(values)
}
