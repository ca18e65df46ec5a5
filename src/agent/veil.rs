//! Scenario: does something hardly visible stand in the way?
//!
//! A pane that is seen through changes the light of what stands behind it, and moves over it as the camera moves. So
//! each pixel is compared with what other views show of the same surface: what is left are the pane's edges. Upright
//! lines in the free space of the whole place are swept: a pane's edge is a step of light that stays on one line in
//! all views, in front of a surface that goes on behind it. Two such lines make a pane, and the surfaces behind it must
//! show it: light behind the pane is light beside it, some of it lost and some of the pane's own added.

use glam::{DVec3, Vec2, Vec3};
use rayon::prelude::*;

use super::inspect::{Field, Findings};
use super::sight::{Noise, Sight, lattice, noise};
use super::{AgentError, Evidence, Severity, What};
use crate::numeric::median;

const SCENARIO: &str = "veil";

// Fitted on tuning seeds: `cargo test --test it -- --ignored --nocapture agent::persistence::tuned`.
/// Views that are compared.
const MOST_VIEWS: usize = 48;
/// Other views that a pixel is compared with.
const OTHERS: usize = 12;
/// Heights on a line that are looked at.
const HEIGHTS: usize = 18;
/// Share of the views that must see a line.
const SEEN: f64 = 0.3;
/// Sigmas of a line that may be an edge.
const EDGE_SIGMAS: f32 = 5.0;
/// Least step of light across an edge.
const LEAST_STEP: f32 = 0.008;
/// Lines of each sign that are paired.
const LINES: usize = 24;
/// Sigmas of a pane.
const SIGMAS: f32 = 6.0;
/// Share of light that a pane keeps back, least and most.
const OPACITY: [f32; 2] = [0.02, 0.85];

/// An upright line on which light steps.
#[derive(Clone, Copy, Debug)]
struct Line {
    at: Vec2,
    /// From left to right, linear light.
    step: f32,
    sigmas: f32,
}

/// A pane between two lines.
#[derive(Clone, Debug)]
struct Pane {
    left: Vec2,
    right: Vec2,
    opacity: f32,
    /// Light behind it less light beside it.
    change: f32,
    sigmas: f32,
    /// Views that show it.
    views: Vec<usize>,
}

/// Runs the scenario.
///
/// # Errors
/// [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    let sights = Sight::of(field.views, MOST_VIEWS);
    if sights.len() < 6 || sights.iter().any(|s| s.light.is_empty()) {
        found
            .notes
            .push("under six views with pixels: veils were not looked for".to_owned());
        return Ok(found);
    }
    let noise = noise(&sights);
    let gains = gains(&sights, &noise);
    let left = residuals(&sights, &noise, &gains);
    field.go_on()?;
    let lines = sweep(field, &sights, &left);
    found.metric("veil_lines", lines.len() as f64);
    field.go_on()?;
    let panes = panes(field, &sights, &noise, &gains, &lines);
    for pane in panes {
        let floor = field.world.floor;
        let middle = (pane.left + pane.right) / 2.0;
        let size = (pane.right - pane.left).abs();
        let tall = field.body.height as f32;
        let place = DVec3::new(
            middle.x.into(),
            f64::from(floor + tall / 2.0),
            middle.y.into(),
        );
        let wide = f64::from((pane.right - pane.left).length());
        let mut fault = field.violation(
            What::Veil,
            SCENARIO,
            if wide >= 2.0 * field.body.radius { Severity::High } else { Severity::Medium },
            place.to_array(),
            format!(
                "something hardly visible stands in the way, {} wide: it keeps back {:.0}% of the light behind it and shows in {} views",
                field.length(wide),
                100.0 * pane.opacity,
                pane.views.len()
            ),
        );
        fault.size = [size.x.into(), tall.into(), size.y.into()];
        let best = pane.views.first().copied();
        fault.evidence = Evidence {
            share: Some(pane.views.len() as f64 / sights.len().max(1) as f64),
            frames: pane
                .views
                .iter()
                .map(|&v| sights[v].view.camera.frame)
                .collect(),
            pixel: best.and_then(|v| sights[v].pixel(place)),
            cells: (wide / f64::from(field.world.voxel)).ceil() as usize,
            sigmas: Some(pane.sigmas.into()),
        };
        fault.timestamp = best.map_or(fault.timestamp, |v| sights[v].view.camera.time);
        fault.confidence = 0.9;
        found.violations.push(fault);
    }
    Ok(found)
}

/// Exposure of each view against the first, by what two neighbours see of the same surfaces.
fn gains(sights: &[Sight<'_>], noise: &[Vec<Noise>]) -> Vec<f32> {
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

/// Whether a view sees the same surface at a pixel.
fn same(sight: &Sight<'_>, uv: [f32; 2], z: f32, noise: Noise) -> bool {
    let k = sight.index(uv);
    let z = z * noise.bias.exp();
    sight.near[k] > z * (1.0 - noise.margin) && sight.far[k] < z * (1.0 + noise.margin)
}

/// What stands behind a pixel, the sky far off.
fn behind(sight: &Sight<'_>, x: u32, y: u32) -> Option<Vec3> {
    let i = (y * sight.size[0] + x) as usize;
    match sight.near[i] {
        d if d.is_infinite() => Some(sight.place(x, y, 1e4)),
        _ => Some(sight.place(x, y, sight.view.surface(x, y)?)),
    }
}

/// Light of each pixel less the median of what other views show of the same surface; NaN where too few do.
fn residuals(sights: &[Sight<'_>], noise: &[Vec<Noise>], gains: &[f32]) -> Vec<Vec<f32>> {
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

/// Lines of free space on which light steps in most views that see them, the surest of each sign.
fn sweep(field: &Field<'_>, sights: &[Sight<'_>], left: &[Vec<f32>]) -> Vec<Line> {
    let step = (field.body.radius / 4.0) as f32;
    let world = field.world;
    let size = [0, 2].map(|a| world.dims[a] as f32 * world.voxel);
    let [nx, nz] = size.map(|s| (s / step).ceil() as usize);
    let least = ((SEEN * sights.len() as f64).ceil() as usize).max(6);
    let lines: Vec<Option<Line>> = (0..nx * nz)
        .into_par_iter()
        .map(|i| {
            let at = Vec2::new(
                world.origin[0] + ((i % nx) as f32 + 0.5) * step,
                world.origin[2] + ((i / nx) as f32 + 0.5) * step,
            );
            let mut steps: Vec<f32> = (0..sights.len())
                .filter_map(|t| across(field, &sights[t], &left[t], at))
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
fn across(field: &Field<'_>, sight: &Sight<'_>, left: &[f32], at: Vec2) -> Option<f32> {
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
        if !(da > 1.08 * z && db > 1.08 * z && one(da, dm) && one(db, dm)) {
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

/// Panes between pairs of lines, the surest first, none twice.
fn panes(
    field: &Field<'_>,
    sights: &[Sight<'_>],
    noise: &[Vec<Noise>],
    gains: &[f32],
    lines: &[Line],
) -> Vec<Pane> {
    let radius = field.body.radius as f32;
    let eye = sights.iter().map(|s| s.eye).sum::<Vec3>() / sights.len() as f32;
    let eye = Vec2::new(eye.x, eye.z);
    let mut pairs = Vec::new();
    for a in lines {
        for b in lines {
            let wide = a.at.distance(b.at);
            let ratio = a.step / -b.step;
            // Seen from where the cameras stand, a lies to the left of b.
            let turned = (a.at - eye).perp_dot(b.at - eye) > 0.0;
            if (2.0 * radius..13.0 * radius).contains(&wide)
                && (0.3..3.3).contains(&ratio)
                && turned
            {
                pairs.push((
                    a.sigmas.abs().min(b.sigmas.abs()) * a.step.abs().min(b.step.abs()),
                    a,
                    b,
                ));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    pairs.truncate(48);
    let mut tried: Vec<Pane> = pairs
        .par_iter()
        .filter_map(|(_, a, b)| {
            let pane = verify(field, sights, noise, gains, a, b);
            if std::env::var("VEIL_DEBUG").is_ok() {
                eprintln!(
                    "    pair {:.2} {:.1} {:.3} | {:.2} {:.1} {:.3}: {pane:?}",
                    a.at, a.sigmas, a.step, b.at, b.sigmas, b.step
                );
            }
            pane
        })
        .filter(|p| p.sigmas >= SIGMAS && (OPACITY[0]..OPACITY[1]).contains(&p.opacity))
        .collect();
    tried.sort_by(|a, b| (b.sigmas * b.change.abs()).total_cmp(&(a.sigmas * a.change.abs())));
    let mut out: Vec<Pane> = Vec::new();
    for pane in tried {
        let middle = (pane.left + pane.right) / 2.0;
        let near = |o: &Pane| {
            middle.distance((o.left + o.right) / 2.0)
                < 0.7
                    * (o.right - o.left)
                        .length()
                        .max((pane.right - pane.left).length())
        };
        if !out.iter().any(near) {
            out.push(pane);
        }
    }
    out
}

/// Compares what is seen through a pane with the same surfaces seen past it.
fn verify(
    field: &Field<'_>,
    sights: &[Sight<'_>],
    noise: &[Vec<Noise>],
    gains: &[f32],
    a: &Line,
    b: &Line,
) -> Option<Pane> {
    let along = (b.at - a.at).normalize();
    let wide = a.at.distance(b.at);
    let normal = Vec2::new(-along.y, along.x);
    let (floor, tall) = (field.world.floor, field.body.height as f32);
    let slack = field.body.radius as f32 / 3.0;
    // Some(true) through the pane, Some(false) past it, None too near its rim to tell.
    let through = |eye: Vec3, p: Vec3| -> Option<bool> {
        let (e, q) = (Vec2::new(eye.x, eye.z) - a.at, Vec2::new(p.x, p.z) - a.at);
        let (de, dq) = (e.dot(normal), q.dot(normal));
        if de * dq >= 0.0 {
            return (dq.abs() > slack).then_some(false);
        }
        let s = de / (de - dq);
        let x = e.lerp(q, s).dot(along);
        let y = eye.y + (p.y - eye.y) * s - floor;
        let inside = x > slack && x < wide - slack && y > slack && y < tall;
        let outside = x < -slack || x > wide + slack || y > 1.5 * tall;
        match (inside, outside) {
            (true, _) if dq.abs() > slack => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    };
    let sign = a.step.signum();
    let mut means = Vec::new();
    let mut views = Vec::new();
    let mut sums = [0.0f64; 5];
    for (t, sight) in sights.iter().enumerate() {
        let step = (sight.size[0] / 80).max(1);
        let mut changes = Vec::new();
        for (x, y, d) in lattice(sight, step, t as u32) {
            let at = sight.place(x, y, d);
            if through(sight.eye, at) != Some(true) {
                continue;
            }
            let (mut sum, mut count) = (Vec3::ZERO, 0.0f32);
            for (s, other) in sights.iter().enumerate() {
                if s == t || through(other.eye, at) != Some(false) {
                    continue;
                }
                if let Some((uv, z)) = other.project(at, 1.0)
                    && same(other, uv, z, noise[t][s])
                {
                    sum += other.light_at(uv) / gains[s];
                    count += 1.0;
                }
            }
            if count >= 2.0 {
                let past = sum / count;
                let own =
                    Vec3::from_array(sight.light[(y * sight.size[0] + x) as usize]) / gains[t];
                changes.push((own - past).element_sum() / 3.0);
                for k in 0..3 {
                    let (x, y) = (f64::from(past[k]), f64::from(own[k]));
                    for (sum, v) in sums.iter_mut().zip([1.0, x, y, x * x, x * y]) {
                        *sum += v;
                    }
                }
            }
        }
        if changes.len() >= 8 {
            means.push(sign * median(&mut changes)?);
            views.push(t);
        }
    }
    if means.len() < ((SEEN * sights.len() as f64) as usize).max(5) {
        return None;
    }
    let change = median(&mut means.clone())?;
    let mut off: Vec<f32> = means.iter().map(|m| (m - change).abs()).collect();
    let sigma = 1.25 * 1.483 * median(&mut off)?.max(0.002) / (means.len() as f32).sqrt();
    let [n, x, y, xx, xy] = sums;
    let slope = (n * xy - x * y) / (n * xx - x * x).max(1e-12);
    Some(Pane {
        left: a.at,
        right: b.at,
        opacity: (1.0 - slope) as f32,
        change: sign * change,
        sigmas: change / sigma,
        views,
    })
}
