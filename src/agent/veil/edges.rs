//! Edges of panes: upright lines of free space on which light steps in most views.

use glam::{Vec2, Vec3};
use rayon::prelude::*;

use super::super::sight::{Noise, Sight, lattice};
use super::{EDGE_SIGMAS, HEIGHTS, LEAST_STEP, LINES, Look, MOST_LINES, OTHERS, SEEN, same};
use crate::numeric::median;

/// An upright line on which light steps.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Where it stands, x and z.
    pub at: Vec2,
    /// From left to right, linear light.
    pub step: f32,
    /// By how many sigmas of what views differ in.
    pub sigmas: f32,
}

/// Exposure of each view against the first, by what two neighbours see of the same surfaces.
pub fn gains(sights: &[Sight<'_>], noise: &[Vec<Noise>]) -> Vec<f32> {
    let mut gains = vec![1.0f32];
    for i in 1..sights.len() {
        let (a, b) = (&sights[i - 1], &sights[i]);
        let mut ratios: Vec<f32> = lattice(a, (a.size[0] / 64).max(1), 0)
            .filter_map(|(x, y, d)| {
                let (uv, z) = b.project(a.place(x, y, d), 1.0)?;
                same(b, uv, z, noise[i - 1][i]).then_some(())?;
                let one = Vec3::from_array(a.light[(y * a.size[0] + x) as usize]).element_sum();
                let two = b.light_at(uv).element_sum();
                (one > 0.02 && two > 0.02).then(|| (two / one).ln())
            })
            .collect();
        let ratio = if ratios.len() < 40 {
            0.0
        } else {
            median(&mut ratios).unwrap_or(0.0)
        };
        // What is under a percent is texture.
        gains.push(gains[i - 1] * if ratio.abs() < 0.01 { 1.0 } else { ratio.exp() });
    }
    gains
}

/// Light of each pixel less the median of what other views show of the same surface; NaN where too few do.
pub fn residuals(look: &Look<'_>) -> Vec<Vec<f32>> {
    let Look {
        sights,
        noise,
        gains,
        ..
    } = look;
    let step = sights.len().div_ceil(OTHERS).max(1);
    let all: Vec<usize> = (0..sights.len()).collect();
    all.par_iter()
        .map(|&t| {
            let sight = &sights[t];
            let [w, h] = sight.size;
            let others: Vec<usize> = (t % step..sights.len())
                .step_by(step)
                .filter(|s| *s != t)
                .collect();
            let mut out = vec![f32::NAN; (w * h) as usize];
            let mut seen: Vec<f32> = Vec::with_capacity(OTHERS);
            for y in 1..h - 1 {
                for x in 1..w - 1 {
                    let i = (y * w + x) as usize;
                    let Some(at) = behind(sight, x, y) else {
                        continue;
                    };
                    seen.clear();
                    for &s in &others {
                        let Some((uv, z)) = sights[s].project(at, 1.0) else {
                            continue;
                        };
                        let sky = z > 1e3 && sights[s].near[sights[s].index(uv)].is_infinite();
                        if sky || same(&sights[s], uv, z, noise[t][s]) {
                            seen.push(sights[s].light_at(uv).element_sum() / (3.0 * gains[s]));
                        }
                    }
                    if seen.len() >= 4.min(others.len()) {
                        let own = Vec3::from_array(sight.light[i]).element_sum() / (3.0 * gains[t]);
                        out[i] = own - median(&mut seen).unwrap_or(own);
                    }
                }
            }
            out
        })
        .collect()
}

/// What stands behind a pixel, the sky far off.
fn behind(sight: &Sight<'_>, x: u32, y: u32) -> Option<Vec3> {
    let i = (y * sight.size[0] + x) as usize;
    match sight.near[i] {
        d if d.is_infinite() => Some(sight.place(x, y, 1e4)),
        _ => Some(sight.place(x, y, sight.view.surface(x, y)?)),
    }
}

/// Lines of free space on which light steps in most views that see them, the surest of each sign.
pub fn sweep(look: &Look<'_>, left: &[Vec<f32>]) -> Vec<Line> {
    let Look { field, sights, .. } = look;
    let step = (field.body.radius / 4.0) as f32;
    let world = field.world;
    // The grid's extent, and where the cameras stand.
    let (mut low, mut high) = (Vec2::INFINITY, Vec2::NEG_INFINITY);
    let origin = Vec2::new(world.origin[0], world.origin[2]);
    let size = Vec2::new(world.dims[0] as f32, world.dims[2] as f32) * world.voxel;
    let eyes = sights.iter().map(|s| Vec2::new(s.eye.x, s.eye.z));
    for p in eyes.chain([origin, origin + size]) {
        (low, high) = (low.min(p), high.max(p));
    }
    let [nx, nz] = ((high - low) / step)
        .to_array()
        .map(|n| (n.ceil() as usize).clamp(1, MOST_LINES));
    let least = ((SEEN * sights.len() as f64).ceil() as usize).max(6);
    let lines: Vec<Option<Line>> = (0..nx * nz)
        .into_par_iter()
        .map(|i| {
            let at = Vec2::new(
                low.x + ((i % nx) as f32 + 0.5) * step,
                low.y + ((i / nx) as f32 + 0.5) * step,
            );
            let mut steps: Vec<f32> = (0..sights.len())
                .filter_map(|t| across(look, t, &left[t], at))
                .collect();
            if steps.len() < least {
                return None;
            }
            let step = median(&mut steps)?;
            let mut off: Vec<f32> = steps.iter().map(|s| (s - step).abs()).collect();
            let sigma = 1.25 * 1.483 * median(&mut off)?.max(0.002) / (steps.len() as f32).sqrt();
            Some(Line {
                at,
                step,
                sigmas: step / sigma,
            })
        })
        .collect();
    // The surest of their surroundings.
    let mut out = Vec::new();
    let reach = 2i64;
    for sign in [1.0f32, -1.0] {
        let mut best: Vec<Line> = (0..nx * nz)
            .filter_map(|i| {
                let line = lines[i]
                    .filter(|l| sign * l.sigmas >= EDGE_SIGMAS && sign * l.step >= LEAST_STEP)?;
                let (x, z) = ((i % nx) as i64, (i / nx) as i64);
                let beaten = (-reach..=reach).any(|dz| {
                    (-reach..=reach).any(|dx| {
                        let (x, z) = (x + dx, z + dz);
                        let inside = x >= 0 && z >= 0 && x < nx as i64 && z < nz as i64;
                        inside
                            && lines[z as usize * nx + x as usize].is_some_and(|o| {
                                sign * o.sigmas * o.step.abs()
                                    > sign * line.sigmas * line.step.abs()
                            })
                    })
                });
                (!beaten).then_some(line)
            })
            .collect();
        best.sort_by(|a, b| (b.sigmas * b.step).total_cmp(&(a.sigmas * a.step)));
        best.truncate(LINES);
        out.extend(best);
    }
    out
}

/// Mean step of what is left of the light across a line, from left to right in one view.
fn across(look: &Look<'_>, view: usize, left: &[f32], at: Vec2) -> Option<f32> {
    let Look {
        field,
        sights,
        clear,
        ..
    } = look;
    let sight = &sights[view];
    let [w, _] = sight.size;
    let gap = (w as f32 / 128.0).max(1.5);
    let (mut sum, mut count) = (0.0, 0);
    let tall = field.body.height as f32;
    let depth = |k: usize| sight.near[k];
    for h in 0..HEIGHTS {
        let y = field.world.floor + tall * (0.08 + 0.97 * h as f32 / (HEIGHTS - 1) as f32);
        let Some(([u, v], z)) = sight.project(Vec3::new(at.x, y, at.y), gap + 3.0) else {
            continue;
        };
        let row = v.round() as usize * w as usize;
        let (a, b) = (
            row + (u - gap).round() as usize,
            row + (u + gap).round() as usize,
        );
        let m = row + u.round() as usize;
        // One surface well behind it, on both sides.
        let (da, db, dm) = (depth(a), depth(b), depth(m));
        let one = |p: f32, q: f32| p.is_infinite() && q.is_infinite() || (p / q - 1.0).abs() < 0.06;
        if !(da > clear * z && db > clear * z && one(da, dm) && one(db, dm)) {
            continue;
        }
        let step = (left[b] + left[b + 1] - left[a] - left[a - 1]) / 2.0;
        if step.is_finite() {
            sum += step.clamp(-0.15, 0.15);
            count += 1;
        }
    }
    (count >= 5).then(|| sum / count as f32)
}
