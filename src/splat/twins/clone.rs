//! Twin of `kernels/splat/clone.wgsl`.

use crate::gpu::Call;
use glam::{DQuat, DVec3};

use super::choose::uniform;
use crate::splat::records::Splat;
use crate::splat::relocate::{CloneParams, Credit, NONE};

fn normal(i: u32, draw: u32, seed: u32) -> f64 {
    let radius = (-2.0 * uniform(i, draw, seed).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(i, draw + 1, seed)).cos()
}

/// One of `parts` splats in place of one: together they let through what it did, `(1 - o)^(1/parts)` each; smaller by `parts^(2/3)`, off its
/// middle by a draw from what they are.
pub fn part(whole: &Splat, parts: u32, i: u32, seed: u32) -> Splat {
    let mut s = *whole;
    let clear = 1.0 / (1.0 + f64::from(s.centre[3]).exp());
    let clear = clear.powf(1.0 / f64::from(parts)).clamp(0.01, 0.99);
    s.centre[3] = ((1.0 - clear) / clear).ln() as f32;
    for v in &mut s.log_scale[..3] {
        *v -= (f64::from(parts).ln() * 2.0 / 3.0) as f32;
    }
    let [w, x, y, z] = s.rotation.map(f64::from);
    let draw = |k: usize| normal(i, 100 + 2 * k as u32, seed) * f64::from(s.log_scale[k]).exp();
    let draw = DVec3::new(draw(0), draw(1), draw(2));
    let shift = (DQuat::from_xyzw(x, y, z, w).normalize() * draw).to_array();
    for (v, shift) in s.centre.iter_mut().zip(shift) {
        *v += shift as f32;
    }
    s
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: CloneParams = call.params();
    let (source, copies): (&[u32], &[u32]) = (call.read(0), call.read(1));
    let n = p.n as usize;
    let [splats, mean, square] = [2, 3, 4].map(|k| call.write::<Splat>(k));
    let [sh, sh_mean, sh_square] = [5, 6, 7].map(|k| call.write::<[f32; 4]>(k));
    let credit: &mut [Credit] = call.write(8);
    for (i, from) in source[..n].iter().enumerate() {
        if *from == NONE {
            continue;
        }
        let from = *from as usize;
        splats[i] = part(&splats[from], copies[from] + 1, i as u32, p.seed);
        mean[i] = Splat::default();
        square[i] = Splat::default();
        credit[i] = Credit::default();
        for at in (0..p.planes as usize).map(|plane| plane * n) {
            sh[at + i] = sh[at + from];
            sh_mean[at + i] = [0.0; 4];
            sh_square[at + i] = [0.0; 4];
        }
    }
}
