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
/// Most lines along a side of the place; what lies farther is not looked at.
const MOST_LINES: usize = 600;
/// Share of the views that must see a line.
const SEEN: f64 = 0.3;
/// Sigmas of a line that may be an edge.
const EDGE_SIGMAS: f32 = 5.0;
/// Least step of light across an edge.
const LEAST_STEP: f32 = 0.008;
/// Lines of each sign that are paired.
const LINES: usize = 24;
/// Cells of a pane.
const COLUMNS: usize = 6;
const ROWS: usize = 4;
/// Places of which it is asked how much changes where no pane stands.
const NULLS: usize = 24;
/// Sigmas of a pane.
const SIGMAS: f32 = 7.0;
/// So many times what light changes by where no pane stands.
const NULL_SIGMAS: f32 = 1.5;
/// Least share of the changes of light that a pane must explain, and of its cells that agree with it.
const EXPLAINED: f32 = 0.55;
const AGREE: f32 = 0.85;
/// Change of light behind a pane to the step at its edges, least and most.
const STEPS: [f32; 2] = [0.4, 3.0];
/// Width of a pane in radii of the agent, least and most.
const WIDTH: [f32; 2] = [3.0, 13.0];
/// A second pane must be so much as sure as the first: lines of the first pair with what is beside it.
const SECOND: f32 = 0.5;
/// Both of them for a pane that fewer views show, or that keeps back more.
const PLAIN: f32 = 0.88;
/// Share of the views that should show a pane.
const SHOWN: f64 = 0.45;
/// Share of its depth that a surface lies behind a pane at least, whatever the noise of the depth.
const CLEAR: f32 = 0.08;
/// Share of light that a pane keeps back as fitted, least and most: where light behind it hardly differs, the fit is
/// no better than this.
const OPACITY: [f32; 2] = [-0.3, 0.75];

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
    /// Share of the changes of light in its cells that a pane explains.
    explained: f32,
    /// Share of its cells that change as they should.
    agree: f32,
    /// How surely it is one: by its edges and by what it explains.
    weight: f32,
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
    let mut margins: Vec<f32> = noise.iter().flatten().map(|n| n.margin).collect();
    let clear = 1.0 + median(&mut margins).unwrap_or(CLEAR).max(CLEAR);
    let lines = sweep(field, &sights, &left, clear);
    found.metric("veil_lines", lines.len() as f64);
    field.go_on()?;
    let panes = panes(field, &sights, &noise, &gains, &lines, clear);
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
                100.0 * pane.opacity.clamp(0.0, 1.0),
                pane.views.len()
            ),
        );
        fault.size = [size.x.into(), tall.into(), size.y.into()];
        let best = pane.views.first().copied();
        fault.evidence = Evidence {
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
fn sweep(field: &Field<'_>, sights: &[Sight<'_>], left: &[Vec<f32>], clear: f32) -> Vec<Line> {
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
                .filter_map(|t| across(field, &sights[t], &left[t], at, clear))
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
fn across(field: &Field<'_>, sight: &Sight<'_>, left: &[f32], at: Vec2, clear: f32) -> Option<f32> {
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

/// Panes between pairs of lines, the surest first, none twice.
fn panes(
    field: &Field<'_>,
    sights: &[Sight<'_>],
    noise: &[Vec<Noise>],
    gains: &[f32],
    lines: &[Line],
    clear: f32,
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
            if (WIDTH[0] * radius..WIDTH[1] * radius).contains(&wide)
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
    let null = null(field, sights, noise, gains, clear);
    let mut tried: Vec<Pane> = pairs
        .par_iter()
        .filter_map(|(_, a, b)| {
            let mut pane = verify(field, sights, noise, gains, [a.at, b.at], clear);
            if let Some(p) = &mut pane {
                let edge = |l: &Line| (l.sigmas * l.step).abs();
                p.weight = p.explained * p.agree * edge(a).min(edge(b));
                // Light changes behind a pane as it steps at its edges.
                let ratio = p.change / ((a.step - b.step) / 2.0);
                if !(STEPS[0]..STEPS[1]).contains(&ratio) {
                    pane = None;
                }
            }
            pane
        })
        .filter(|p| {
            // What few views show, or what keeps nearly all light back, must be plain.
            let plain = p.sigmas >= 1.5 * SIGMAS && p.explained >= PLAIN && p.agree >= PLAIN;
            let common = p.explained >= EXPLAINED
                && p.agree >= AGREE
                && p.views.len() as f64 >= SHOWN * sights.len() as f64
                && p.opacity < OPACITY[1];
            p.sigmas >= SIGMAS
                && p.change.abs() >= NULL_SIGMAS * null
                && p.opacity > OPACITY[0]
                && (plain || common)
        })
        .collect();
    tried.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut out: Vec<Pane> = Vec::new();
    for pane in tried {
        // Lines of one pane pair with each other's neighbours: before the cameras there is one pane at a place.
        let seen = |p: &Pane| [p.left, p.right].map(|q| (q - eye).to_angle());
        let [low, high] = seen(&pane);
        let wide = |low: f32, high: f32| (high - low).rem_euclid(std::f32::consts::TAU);
        let over = |o: &Pane| {
            let [a, b] = seen(o);
            let inside = |x: f32| wide(a, x) < wide(a, b);
            inside(low) || inside(high) || wide(low, a) < wide(low, high)
        };
        let second = out.first().is_some_and(|o| pane.weight < SECOND * o.weight);
        if !second && !out.iter().any(over) {
            out.push(pane);
        }
    }
    out
}

/// What light changes by, as a rule, where no pane stands: the median over places before the cameras.
fn null(
    field: &Field<'_>,
    sights: &[Sight<'_>],
    noise: &[Vec<Noise>],
    gains: &[f32],
    clear: f32,
) -> f32 {
    let tall = field.body.height as f32;
    let mut changes: Vec<f32> = (0..NULLS)
        .into_par_iter()
        .filter_map(|k| {
            // A fixed walk by the golden ratio and its powers.
            let [u, v, w] =
                [0.618_034f32, 0.754_878, 0.569_84].map(|g| (g * (k + 1) as f32).fract());
            let sight = &sights[(k * 7 + 3) % sights.len()];
            let [wide, high] = sight.size;
            let ahead = sight.place(wide / 2, high / 2, 1.0) - sight.eye;
            let ahead = Vec2::new(ahead.x, ahead.z).normalize_or(Vec2::Y);
            let aside = Vec2::new(-ahead.y, ahead.x);
            let eye = Vec2::new(sight.eye.x, sight.eye.z);
            let at = eye + ahead * tall * (1.2 + 1.8 * u) + aside * tall * (v - 0.5);
            let half = tall * (0.3 + 0.5 * w);
            Some(
                verify(
                    field,
                    sights,
                    noise,
                    gains,
                    [at - half * aside, at + half * aside],
                    clear,
                )?
                .change
                .abs(),
            )
        })
        .collect();
    median(&mut changes)
        .unwrap_or(LEAST_STEP)
        .max(LEAST_STEP / 4.0)
}

/// One surface seen through a pane by one view, and past it by others.
struct Sample {
    view: usize,
    cell: usize,
    past: Vec3,
    own: Vec3,
}

/// A place that a pane may take: from its left edge to its right one, upright on the floor.
#[derive(Clone, Copy, Debug)]
struct Place {
    left: Vec2,
    right: Vec2,
    floor: f32,
    tall: f32,
    /// So near its rim it is not told what lies behind it.
    slack: f32,
    /// A surface lies so many times as far as the pane to stand behind it.
    clear: f32,
}

impl Place {
    /// Cell of the pane that the ray from `eye` to `p` passes, None past it; and neither, as an error, near its rim.
    fn cell(&self, eye: Vec3, p: Vec3) -> Result<Option<usize>, ()> {
        let wide = self.left.distance(self.right);
        let along = (self.right - self.left) / wide;
        let normal = Vec2::new(-along.y, along.x);
        let flat = |v: Vec3| Vec2::new(v.x, v.z) - self.left;
        let (e, q) = (flat(eye), flat(p));
        let (de, dq) = (e.dot(normal), q.dot(normal));
        if de * dq >= 0.0 {
            return if dq.abs() > self.slack {
                Ok(None)
            } else {
                Err(())
            };
        }
        let s = de / (de - dq);
        let x = e.lerp(q, s).dot(along);
        let y = eye.y + (p.y - eye.y) * s - self.floor;
        let slack = self.slack;
        if x < -slack || x > wide + slack || y > 1.5 * self.tall {
            return Ok(None);
        }
        if !(x > slack && x < wide - slack && y > slack && y < self.tall)
            || dq.abs() < slack
            || s * self.clear > 1.0
        {
            return Err(());
        }
        let column = (x / wide * COLUMNS as f32) as usize;
        let row = (y / self.tall * ROWS as f32) as usize;
        Ok(Some(column.min(COLUMNS - 1) + COLUMNS * row.min(ROWS - 1)))
    }
}

/// What is seen through a place, beside the same surfaces seen past it.
fn samples(
    sights: &[Sight<'_>],
    noise: &[Vec<Noise>],
    gains: &[f32],
    place: &Place,
) -> Vec<Sample> {
    let mut out = Vec::new();
    for (view, sight) in sights.iter().enumerate() {
        let step = (sight.size[0] / 80).max(1);
        for (x, y, d) in lattice(sight, step, view as u32) {
            let at = sight.place(x, y, d);
            let Ok(Some(cell)) = place.cell(sight.eye, at) else {
                continue;
            };
            let (mut sum, mut count) = (Vec3::ZERO, 0.0f32);
            for (s, other) in sights.iter().enumerate() {
                if s == view || place.cell(other.eye, at) != Ok(None) {
                    continue;
                }
                if let Some((uv, z)) = other.project(at, 1.0)
                    && same(other, uv, z, noise[view][s])
                {
                    sum += other.light_at(uv) / gains[s];
                    count += 1.0;
                }
            }
            if count >= 2.0 {
                let own = sight.light[(y * sight.size[0] + x) as usize];
                out.push(Sample {
                    view,
                    cell,
                    past: sum / count,
                    own: Vec3::from_array(own) / gains[view],
                });
            }
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
    [left, right]: [Vec2; 2],
    clear: f32,
) -> Option<Pane> {
    let place = Place {
        left,
        right,
        floor: field.world.floor,
        tall: field.body.height as f32,
        slack: field.body.radius as f32 / 3.0,
        clear,
    };
    let samples = samples(sights, noise, gains, &place);
    // Light behind it is a share of the light past it, and the pane's own.
    let mut sums = [0.0f64; 5];
    let mut per_view = vec![Vec::new(); sights.len()];
    let mut units = vec![[0.0f32; 3]; sights.len() * COLUMNS * ROWS];
    for s in &samples {
        let (past, own) = (s.past.element_sum() / 3.0, s.own.element_sum() / 3.0);
        per_view[s.view].push(own - past);
        let unit = &mut units[s.view * COLUMNS * ROWS + s.cell];
        for (sum, v) in unit.iter_mut().zip([1.0, past, own]) {
            *sum += v;
        }
        let (x, y) = (f64::from(past), f64::from(own));
        for (sum, v) in sums.iter_mut().zip([1.0, x, y, x * x, x * y]) {
            *sum += v;
        }
    }
    let (mut means, mut views) = (Vec::new(), Vec::new());
    for (t, changes) in per_view.iter_mut().enumerate() {
        if changes.len() >= 8 {
            means.push(median(changes)?);
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
    let shift = (y - slope * x) / n;
    // How much of what changes in its cells, view by view, a pane explains; and in how many of them.
    let (mut rest, mut all, mut agree, mut told) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for [n, past, own] in units.iter().filter(|u| u[0] >= 3.0) {
        let (past, own) = (past / n, own / n);
        let (seen, model) = (own - past, slope as f32 * past + shift as f32 - past);
        rest += (seen - model).powi(2);
        all += seen.powi(2);
        if model.abs() > 0.4 * change.abs() {
            told += 1.0;
            agree += f32::from(u8::from(seen * model > 0.25 * model * model));
        }
    }
    Some(Pane {
        left,
        right,
        opacity: (1.0 - slope) as f32,
        change,
        sigmas: change.abs() / sigma,
        explained: 1.0 - rest / all.max(1e-9),
        agree: agree / told.max(1.0),
        weight: 0.0,
        views,
    })
}
