//! Cameras turned with pictures that EXIF turns upright.
//!
//! Frames are always upright. Poses that were solved on pixels as they are stored are turned about the optical axis by the
//! same right angle, so that pictures and cameras agree.

use glam::{DMat3, DVec3};
use image::metadata::Orientation;

use crate::camera::{Intrinsics, Pose};
use crate::picture::swaps;

/// Intrinsics of stored pixels as those of the upright picture.
pub(super) fn intrinsics(k: &Intrinsics, orientation: Orientation) -> Intrinsics {
    use Orientation as O;
    let mut k = *k;
    if swaps(orientation) {
        k = Intrinsics {
            width: k.height,
            height: k.width,
            fx: k.fy,
            fy: k.fx,
            cx: k.cy,
            cy: k.cx,
        };
    }
    if matches!(
        orientation,
        O::FlipHorizontal | O::Rotate180 | O::Rotate90 | O::Rotate270FlipH
    ) {
        k.cx = f64::from(k.width) - k.cx;
    }
    if matches!(
        orientation,
        O::FlipVertical | O::Rotate180 | O::Rotate270 | O::Rotate270FlipH
    ) {
        k.cy = f64::from(k.height) - k.cy;
    }
    k
}

/// The pose of a camera whose picture is turned upright; `None` where it is mirrored, which no camera can follow.
pub(super) fn pose(pose: &Pose, orientation: Orientation) -> Option<Pose> {
    let quarters = match orientation {
        Orientation::NoTransforms => 0,
        Orientation::Rotate90 => 1,
        Orientation::Rotate180 => 2,
        Orientation::Rotate270 => 3,
        _ => return None,
    };
    // Clockwise by a right angle, right is what was up. Columns are the turned camera's axes in those of the one before.
    let quarter = DMat3::from_cols(-DVec3::Y, DVec3::X, DVec3::Z);
    Some(Pose {
        rotation: (0..quarters).fold(pose.rotation, |r, _| r * quarter),
        position: pose.position,
    })
}

#[cfg(test)]
mod tests {
    use glam::{DMat3, DVec2, DVec3};
    use image::metadata::Orientation;

    use super::{intrinsics, pose};
    use crate::camera::{Intrinsics, Pose};

    #[test]
    fn a_point_stays_on_its_pixel_of_the_turned_picture() {
        let stored = Intrinsics {
            width: 64,
            height: 48,
            fx: 60.0,
            fy: 62.0,
            cx: 31.0,
            cy: 25.0,
        };
        let camera = Pose {
            rotation: DMat3::from_rotation_y(0.3) * DMat3::from_rotation_x(-0.4),
            position: DVec3::new(1.0, 2.0, 3.0),
        };
        let point = camera.to_world(DVec3::new(0.2, -0.1, 1.5));
        let at = |k: &Intrinsics, p: &Pose| k.project(p.to_camera(point)).expect("in front");
        let DVec2 { x, y } = at(&stored, &camera);
        // Where the pixel of the stored picture comes to lie, by EXIF's definitions.
        for (exif, want) in [
            (1, DVec2::new(x, y)),
            (6, DVec2::new(48.0 - y, x)),
            (3, DVec2::new(64.0 - x, 48.0 - y)),
            (8, DVec2::new(y, 64.0 - x)),
        ] {
            let orientation = Orientation::from_exif(exif).expect("1 to 8");
            let turned = pose(&camera, orientation).expect("no mirror");
            let found = at(&intrinsics(&stored, orientation), &turned);
            assert!(found.distance(want) < 1e-9, "{exif}: {found} for {want}");
        }
        // Mirrored pictures have intrinsics only.
        for (exif, centre) in [
            (2, (33.0, 25.0)),
            (4, (31.0, 23.0)),
            (5, (25.0, 31.0)),
            (7, (23.0, 33.0)),
        ] {
            let orientation = Orientation::from_exif(exif).expect("1 to 8");
            assert!(pose(&camera, orientation).is_none());
            let k = intrinsics(&stored, orientation);
            assert_eq!((k.cx, k.cy), centre, "{exif}");
            assert_eq!(k.fx, if exif > 4 { 62.0 } else { 60.0 });
        }
    }
}
