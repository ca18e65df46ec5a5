//! Splats: kernels against twins, gradients against finite differences, fits, files.

use glam::{DMat3, DVec3};
use sora_director::camera::{Camera, Intrinsics, Pose};
use sora_director::splat::Splats;

use crate::common::Rng;

mod backward;
mod bench;
mod commands;
mod compressed;
mod faulty;
mod files;
mod fit;
mod forward;
mod kinds;
mod maker;
mod ply;
mod relocate;
mod spz;
mod usdz;
mod variants;

/// A camera at `eye` that looks at the origin.
pub fn camera(eye: DVec3, width: u32, height: u32) -> Camera {
    let z = -eye.normalize();
    let x = z.cross(DVec3::Y).normalize();
    Camera {
        frame: 0,
        time: 0.0,
        intrinsics: Intrinsics::from_fov_x(width, height, 0.9),
        pose: Pose {
            rotation: DMat3::from_cols(x, z.cross(x), z),
            position: eye,
        },
        depth_scale: 1.0,
        depth_shift: 0.0,
    }
}

/// Random splats around the origin.
pub fn cloud(rng: &mut Rng, n: usize, sh_degree: u32) -> Splats {
    let mut out = Splats {
        sh_degree,
        ..Default::default()
    };
    for _ in 0..n {
        out.positions
            .push(std::array::from_fn(|_| 0.5 * rng.normal()));
        out.log_scales
            .push(std::array::from_fn(|_| rng.range(-4.0, -1.5)));
        out.rotations.push(std::array::from_fn(|_| rng.normal()));
        out.opacity_logits.push(rng.range(-3.0, 4.0));
        for _ in 0..out.coefficients() {
            out.sh.push(std::array::from_fn(|_| 0.8 * rng.normal()));
        }
    }
    out
}
