//! A path for people who look at a world: along its cameras, swaying about them, so that near and far move apart.

use glam::{DMat3, DQuat, DVec3};

use super::{Camera, Cameras, Pose};

/// How far off the cameras the path sways, as a share of the depth that it looks at: about as far as what was filmed bears.
const REACH: f64 = 0.06;
/// Times that it goes round.
const TURNS: f64 = 2.0;

/// `frames` cameras from the first registered one to the last, all with the first one's intrinsics, numbered from 0. Each keeps what lies `depth` before the path
/// (world units) in the middle of the picture. Empty where no camera is registered.
pub fn sway(cameras: &Cameras, depth: f64, frames: usize) -> Vec<Camera> {
    let all = &cameras.cameras;
    let (Some(first), Some(last)) = (all.first(), all.len().checked_sub(1)) else {
        return Vec::new();
    };
    let at = |k: usize| {
        let share = k as f64 / frames.saturating_sub(1).max(1) as f64;
        let along = share * last as f64;
        let near = (along as usize).min(last);
        let (a, b) = (&all[near].pose, &all[(near + 1).min(last)].pose);
        let pose = between(a, b, along - near as f64);
        let angle = std::f64::consts::TAU * TURNS * share;
        // Starts and ends on the path, and more to the sides than up and down.
        let off = REACH * depth * DVec3::new(angle.sin(), 0.5 * (1.0 - angle.cos()), 0.0);
        let eye = pose.to_world(off);
        let z = (pose.to_world(depth * DVec3::Z) - eye).normalize();
        let x = pose.rotation.y_axis.cross(z).normalize();
        Camera {
            frame: k,
            time: k as f64,
            pose: Pose {
                rotation: DMat3::from_cols(x, z.cross(x), z),
                position: eye,
            },
            ..*first
        }
    };
    (0..frames).map(at).collect()
}

fn between(a: &Pose, b: &Pose, share: f64) -> Pose {
    let [p, q] = [a, b].map(|pose| DQuat::from_mat3(&pose.rotation));
    Pose {
        rotation: DMat3::from_quat(p.slerp(q, share)),
        position: a.position.lerp(b.position, share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Intrinsics, LengthUnit};

    fn path(count: usize) -> Cameras {
        let camera = |i: usize| Camera {
            frame: 3 * i,
            time: i as f64,
            intrinsics: Intrinsics::from_fov_x(64, 36, 1.0),
            pose: Pose {
                rotation: Pose::gauge().rotation * DMat3::from_rotation_y(0.1 * i as f64),
                position: DVec3::new(0.0, 1.5, -(i as f64)),
            },
            depth_scale: 1.0,
            depth_shift: 0.0,
        };
        Cameras::known((0..count).map(camera).collect(), LengthUnit::Arbitrary)
    }

    #[test]
    fn it_goes_from_the_first_camera_to_the_last_and_stays_near_them() {
        let cameras = path(4);
        let way = sway(&cameras, 5.0, 61);
        assert_eq!(way.len(), 61);
        for (k, of) in [(0, 0), (60, 3)] {
            let (got, want) = (&way[k].pose, &cameras.cameras[of].pose);
            assert!((got.position - want.position).length() < 1e-9);
            assert!(got.turned_from(want) < 1e-5);
        }
        let mut furthest = 0.0f64;
        for (k, camera) in way.iter().enumerate() {
            assert_eq!(
                (camera.frame, camera.intrinsics),
                (k, cameras.cameras[0].intrinsics)
            );
            let r = camera.pose.rotation;
            assert!(
                (r.transpose() * r - DMat3::IDENTITY)
                    .to_cols_array()
                    .iter()
                    .all(|v| v.abs() < 1e-12)
            );
            assert!((r.determinant() - 1.0).abs() < 1e-12);
            // Off the line that the cameras are on.
            let off = camera.pose.position.x.hypot(camera.pose.position.y - 1.5);
            furthest = furthest.max(off);
        }
        assert!(furthest > 0.25 && furthest < 0.45, "{furthest}");
        // What is five before the path is in the middle.
        let middle = &way[30].pose;
        let on = between(&cameras.cameras[1].pose, &cameras.cameras[2].pose, 0.5);
        let seen = middle.to_camera(on.to_world(5.0 * DVec3::Z));
        assert!(seen.x.abs() < 1e-9 && seen.y.abs() < 1e-9 && seen.z > 4.9);
    }

    #[test]
    fn one_camera_and_none() {
        assert_eq!(sway(&path(1), 2.0, 5).len(), 5);
        assert_eq!(sway(&path(3), 2.0, 1).len(), 1);
        assert!(sway(&path(0), 2.0, 5).is_empty());
    }
}
