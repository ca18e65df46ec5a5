//! Panes between two edges, and whether what is seen through them says so.

use glam::{Vec2, Vec3};
use rayon::prelude::*;

use super::super::sight::lattice;
use super::edges::Line;
use super::{
    AGREE, COLUMNS, EXPLAINED, LEAST_STEP, Look, NULL_SIGMAS, NULLS, OPACITY, PLAIN, PLAIN_OPACITY,
    PLAIN_SIGMAS, ROWS, SECOND, SEEN, SHOWN, SIGMAS, STEPS, WIDTH, same,
};
use crate::numeric::median;

/// A pane between two lines.
#[derive(Clone, Debug)]
pub struct Pane {
    pub left: Vec2,
    pub right: Vec2,
    pub opacity: f32,
    /// Light behind it less light beside it.
    pub change: f32,
    pub sigmas: f32,
    /// Share of the changes of light in its cells that a pane explains.
    pub explained: f32,
    /// Share of its cells that change as they should.
    pub agree: f32,
    /// How surely it is one: by its edges and by what it explains.
    pub weight: f32,
    /// Views that show it.
    pub views: Vec<usize>,
}

/// Panes between pairs of lines, the surest first, none twice.
pub fn panes(look: &Look<'_>, lines: &[Line]) -> Vec<Pane> {
    let sights = &look.sights;
    let radius = look.field.body.radius as f32;
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
    if pairs.is_empty() {
        return Vec::new();
    }
    let null = null(look);
    let mut tried: Vec<Pane> = pairs
        .par_iter()
        .filter_map(|(_, a, b)| {
            let mut pane = verify(look, [a.at, b.at]);
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
            let plain = p.sigmas >= PLAIN_SIGMAS
                && p.explained >= PLAIN
                && p.agree >= PLAIN
                && p.opacity < PLAIN_OPACITY;
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
fn null(look: &Look<'_>) -> f32 {
    let sights = &look.sights;
    let tall = look.field.body.height as f32;
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
                verify(look, [at - half * aside, at + half * aside])?
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
fn samples(look: &Look<'_>, place: &Place) -> Vec<Sample> {
    let Look {
        sights,
        noise,
        gains,
        ..
    } = look;
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
fn verify(look: &Look<'_>, [left, right]: [Vec2; 2]) -> Option<Pane> {
    let Look {
        field,
        sights,
        clear,
        ..
    } = look;
    let place = Place {
        left,
        right,
        floor: field.world.floor,
        tall: field.body.height as f32,
        slack: field.body.radius as f32 / 3.0,
        clear: *clear,
    };
    let samples = samples(look, &place);
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
