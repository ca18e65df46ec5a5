//! Moves splats that show nothing to where they are needed, under a fixed number of splats.
//!
//! Kheradmand et al., "3D Gaussian splatting as Markov chain Monte Carlo", NeurIPS 2024: a dead splat becomes the
//! twin of a live one and both get the opacity that leaves their sum as it was. Live ones are drawn by opacity
//! times the root of their mean squared position gradient, so that splats that are pulled about get help.

use super::SplatError;
use super::records::Splat;
use super::trainer::{State, Trainer};
use crate::numeric::Rng;

/// Opacity logit under which a splat is dead (opacity 0.005).
const DEAD: f32 = -5.3;
/// A splat whose largest sum of blending weights over an image stayed under this is dead ...
const UNSEEN: f32 = 0.05;
/// ... once so many steps had it in view.
const VIEWS: f32 = 20.0;
/// At most this share moves at once.
const SHARE: f64 = 0.1;

/// Moves dead splats; returns how many. Waits.
pub fn relocate(trainer: &Trainer, rng: &mut Rng) -> Result<usize, SplatError> {
    let mut state = trainer.state()?;
    let moved = relocate_state(&mut state, rng);
    trainer.set_state(&state)?;
    Ok(moved)
}

fn relocate_state(state: &mut State, rng: &mut Rng) -> usize {
    let [splats, first, second] = &mut state.splats;
    let n = splats.len();
    // The fourth of the log-scale holds: the step of the last look, steps, the largest sum of weights since.
    let looked: Vec<bool> = (0..n)
        .map(|i| first[i].log_scale[3] - splats[i].log_scale[3] >= VIEWS)
        .collect();
    let is_dead: Vec<bool> = (0..n)
        .map(|i| {
            splats[i].centre[3].is_nan()
                || splats[i].centre[3] <= DEAD
                || (looked[i] && second[i].log_scale[3] < UNSEEN)
        })
        .collect();
    for i in (0..n).filter(|&i| looked[i]) {
        splats[i].log_scale[3] = first[i].log_scale[3];
        second[i].log_scale[3] = 0.0;
    }
    let mut dead: Vec<usize> = (0..n).filter(|&i| is_dead[i]).collect();
    rng.shuffle(&mut dead);
    dead.truncate((SHARE * n as f64) as usize);
    // Running sums of the scores, to draw from.
    let mut total = 0.0;
    let sums: Vec<f64> = (0..n)
        .map(|i| {
            if !is_dead[i] {
                let pull: f32 = second[i].centre[..3].iter().sum();
                let opacity = 1.0 / (1.0 + f64::from(-splats[i].centre[3]).exp());
                total += opacity * f64::from(pull).sqrt();
            }
            total
        })
        .collect();
    let mut moved = 0;
    if total > 0.0 {
        for i in dead {
            let at = rng.unit() * total;
            let from = sums.partition_point(|s| *s <= at).min(n - 1);
            split(splats, i, from, rng);
            for k in [i, from] {
                first[k] = Splat::default();
                second[k] = Splat::default();
            }
            let [sh, sh_first, sh_second] = &mut state.sh;
            for plane in (0..sh.len()).step_by(n) {
                sh[plane + i] = sh[plane + from];
                for k in [plane + i, plane + from] {
                    sh_first[k] = [0.0; 4];
                    sh_second[k] = [0.0; 4];
                }
            }
            moved += 1;
        }
    }
    moved
}

/// Two splats in place of one: opacity `1 - sqrt(1 - o)` each, shifted apart by a draw from the splat itself.
fn split(splats: &mut [Splat], to: usize, from: usize, rng: &mut Rng) {
    let mut s = splats[from];
    let opacity = 1.0 / (1.0 + f64::from(-s.centre[3]).exp());
    let half = (1.0 - (1.0 - opacity).sqrt()).clamp(0.01, 0.99);
    s.centre[3] = (half / (1.0 - half)).ln() as f32;
    for v in &mut s.log_scale[..3] {
        *v -= 0.2;
    }
    s.log_scale[3] = 0.0;
    let [w, x, y, z] = s.rotation.map(f64::from);
    let turn = glam::DQuat::from_xyzw(x, y, z, w).normalize();
    let draw = glam::DVec3::from(std::array::from_fn(|k| {
        0.5 * rng.normal() * f64::from(s.log_scale[k]).exp()
    }));
    let shift = (turn * draw).to_array();
    splats[from] = s;
    splats[to] = s;
    for (k, shift) in shift.iter().enumerate() {
        splats[from].centre[k] -= *shift as f32;
        splats[to].centre[k] += *shift as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_splat_takes_all_of_a_live_one_and_both_start_anew() {
        const PLANES: usize = 12;
        let n = 10;
        let splat = |opacity: f32| Splat {
            centre: [1.0, 2.0, 3.0, opacity],
            log_scale: [-2.0; 4],
            rotation: [1.0, 0.0, 0.0, 0.0],
        };
        // The first is dead, and only the last is pulled about.
        let mut splats = vec![splat(2.0); n];
        splats[0] = splat(DEAD - 1.0);
        let mut second = vec![Splat::default(); n];
        second[n - 1].centre[0] = 1.0;
        let plane = |sign: f32| -> Vec<[f32; 4]> {
            let all = 0..PLANES * n;
            all.map(|at| [0, 1, 2, 3].map(|k| sign * (4 * at + k + 1) as f32))
                .collect()
        };
        let mut state = State {
            splats: [splats, vec![splat(1.0); n], second],
            sh: [plane(1.0), plane(-1.0), plane(2.0)],
        };
        let before = state.clone();
        assert_eq!(relocate_state(&mut state, &mut Rng::new(3)), 1);
        let at = |state: &State, k: usize, i: usize| -> Vec<[f32; 4]> {
            (0..PLANES).map(|p| state.sh[k][p * n + i]).collect()
        };
        assert_eq!(at(&state, 0, 0), at(&before, 0, n - 1));
        assert_eq!(at(&state, 0, n - 1), at(&before, 0, n - 1));
        for k in [1, 2] {
            for i in [0, n - 1] {
                assert_eq!(at(&state, k, i), vec![[0.0; 4]; PLANES]);
                assert_eq!(state.splats[k][i], Splat::default());
            }
        }
        for i in 1..n - 1 {
            for k in 0..3 {
                assert_eq!(at(&state, k, i), at(&before, k, i));
                assert_eq!(state.splats[k][i], before.splats[k][i]);
            }
        }
        // Two half as opaque about where the one was.
        let [a, b] = [&state.splats[0][0], &state.splats[0][n - 1]];
        assert_eq!((a.centre[3], a.rotation), (b.centre[3], b.rotation));
        let middle = 0.5 * (a.centre[0] + b.centre[0]);
        assert!((middle - 1.0).abs() < 1e-6 && a.centre[3] < 2.0);
    }
}
