//! What a camera would see of a world's voxels: for worlds that no camera has seen.

use glam::{DMat3, DVec3};
use image::{Rgb, RgbImage};

use crate::camera::{Camera, Intrinsics, Pose};
use crate::world::World;
use crate::world::rays::{HitState, Ray};

const SKY: [f64; 3] = [222.0, 230.0, 238.0];

/// The solid voxels that a camera sees, lit by which way their faces look; unknown ones are passed. The picture has the size
/// of the camera's intrinsics.
pub fn shade(world: &World, camera: &Camera) -> RgbImage {
    let k = camera.intrinsics;
    let rays: Vec<Ray> = (0..k.height)
        .flat_map(|y| (0..k.width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let through = k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
            let direction = camera.pose.rotation * through;
            Ray::new(
                camera.pose.position.to_array(),
                direction.to_array(),
                f64::INFINITY,
            )
        })
        .collect();
    let hits = world.cast(&rays, false);
    let near = hits
        .iter()
        .filter(|h| h.end() == HitState::Solid)
        .map(|h| f64::from(h.t))
        .fold(0.0, f64::max)
        .max(1e-6);
    let mut picture = RgbImage::new(k.width, k.height);
    for (pixel, hit) in picture.pixels_mut().zip(&hits) {
        let [r, g, b] = match hit.end() {
            HitState::Solid => {
                let light = match hit.face {
                    3 => 0.92,
                    0 | 1 => 0.66,
                    4 | 5 => 0.54,
                    2 => 0.36,
                    _ => 0.2,
                };
                let fog = 0.5 * f64::from(hit.t) / near;
                // Edges of voxels give the eye a scale.
                let [x, y, z] = world.coordinates(hit.voxel as usize);
                let check = if (x + y + z) % 2 == 0 { 1.0 } else { 0.965 };
                [228.0, 216.0, 200.0].map(|c| c * light * check * (1.0 - fog) + 190.0 * fog)
            }
            _ => SKY,
        };
        *pixel = Rgb([r as u8, g as u8, b as u8]);
    }
    picture
}

/// A camera that looks at a place from as far as nothing stands between, at most `reach`, from above.
pub fn beside(world: &World, place: DVec3, reach: f64, [width, height]: [u32; 2]) -> Camera {
    let voxel = f64::from(world.voxel);
    let mut best: Option<(f64, DVec3, DVec3)> = None;
    for lift in [2.0, 5.0, 9.0] {
        let from = place + DVec3::Y * lift * voxel;
        for degrees in [35f64, 55.0] {
            let (up, flat) = degrees.to_radians().sin_cos();
            for turn in 0..12 {
                let (sin, cos) = (f64::from(turn) * std::f64::consts::TAU / 12.0).sin_cos();
                let direction = DVec3::new(flat * sin, up, flat * cos);
                let ray = Ray::new(from.to_array(), direction.to_array(), reach);
                let hit = world.cast(&[ray], false)[0];
                let t = match hit.end() {
                    HitState::Solid => (f64::from(hit.t) - 2.0 * voxel).max(0.0),
                    _ => reach,
                };
                if best.is_none_or(|b| t > b.0 + 1e-6) {
                    best = Some((t, from, direction));
                }
            }
        }
    }
    let (t, from, direction) = best.unwrap_or((reach, place, DVec3::new(0.0, 0.6, 0.8)));
    let eye = from + direction * t.max(voxel);
    let z = -direction;
    let x = z.cross(DVec3::Y).try_normalize().unwrap_or(DVec3::X);
    Camera {
        frame: 0,
        time: 0.0,
        intrinsics: Intrinsics::from_fov_x(width, height, 75f64.to_radians()),
        pose: Pose {
            rotation: DMat3::from_cols(x, z.cross(x), z),
            position: eye,
        },
        depth_scale: 1.0,
        depth_shift: 0.0,
    }
}
