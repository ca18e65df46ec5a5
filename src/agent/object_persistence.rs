//! Scenario: what stands in one part of the clip, does it stand there in the other?
//!
//! Every surface point that one view saw is looked for in all the others: each sees it again, sees through the place
//! where it was, or has something else before it. A place that is seen again before one moment and through after it, all
//! of it at once, lost something; the other way round something appeared. One of each at the same moment, near each
//! other, is a thing that moved. Who walks leaves a place bit by bit, and stays nowhere.

use std::collections::BTreeMap;

use glam::{DVec3, Vec3};
use rayon::prelude::*;

use super::cluster::{heart, regions};
use super::inspect::{Field, Findings};
use super::sight::{Noise, Sight, lattice, noise};
use super::{AgentError, Evidence, Severity, Violation, What};
use crate::numeric::median;
use crate::world::DepthView;

const SCENARIO: &str = "object_persistence";

// Fitted on tuning seeds: `cargo test --test it -- --ignored --nocapture agent::persistence::tuned`.
/// Views that are compared, one bit each.
const MOST_VIEWS: usize = 48;
/// Surface points of all views together.
const POINTS: usize = 60_000;
/// So many times the margin behind a point, and it is seen through.
const THROUGH: f32 = 1.5;
/// Share of the views that must see a thing where it was, and that must see through the place where it is not.
const LASTING: f64 = 0.2;
/// Share of a point's votes that may be wrong.
const WRONG: f64 = 0.1;
/// Share of the points that change near a region that must do so at its moment.
const AT_ONCE: f64 = 0.6;
/// Fewest cells of a region.
const CELLS: usize = 6;
/// Light must differ by so many times what it differs by while nothing changes.
const LIGHT: f32 = 3.0;
/// The same for what changed while nobody looked.
const UNSEEN_LIGHT: f32 = 4.0;
/// In the moment of a change light differs by so many times what it differs by around it.
const POP: f32 = 2.0;
/// A thing that moved farther is one that went and one that came, in radii of the agent.
const REACH: f64 = 5.0;

/// A surface point, and what each view says of it.
struct Point {
    at: Vec3,
    same: u64,
    through: u64,
    /// Difference of light to the source over views that see it again, and over those that see through.
    light: [f32; 2],
}

/// A change: gone in the views from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    from: usize,
    to: usize,
}

impl Gap {
    fn bits(self) -> u64 {
        let below = |n: usize| if n >= 64 { u64::MAX } else { (1u64 << n) - 1 };
        below(self.to) & !below(self.from)
    }
}

/// A region that was solid and is seen through during a gap.
struct Region {
    gap: Gap,
    cells: Vec<[i64; 3]>,
    low: DVec3,
    high: DVec3,
    heart: DVec3,
    /// Share of the changing points in its cells that change at its moment.
    at_once: f64,
    sigmas: f64,
}

/// Runs the scenario.
///
/// # Errors
/// [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    if timeless(field.views) {
        found.notes.push(
            "whether things last was not tested: the views are not of one clip, so they have no order in time"
                .to_owned(),
        );
        return Ok(found);
    }
    let sights = Sight::of(field.views, MOST_VIEWS);
    if sights.len() < 6 {
        found
            .notes
            .push("whether things last was not tested: that takes six views".to_owned());
        return Ok(found);
    }
    let noise = noise(&sights);
    field.go_on()?;
    let points = points(&sights, &noise);
    field.go_on()?;
    let margins: Vec<f32> = noise.iter().flatten().map(|n| n.margin).collect();
    found.metric(
        "persistence_margin",
        f64::from(median(&mut margins.clone()).unwrap_or(0.0)),
    );
    found.metric("persistence_points", points.len() as f64);
    let cell = field.body.radius / 3.0;
    let regions = changed(&sights, &points, [cell, field.body.radius]);
    found.violations = told(field, &sights, regions);
    Ok(found)
}

/// Whether there are views, and none is later than another.
fn timeless(views: &[DepthView]) -> bool {
    let first = views.first().map(|v| v.camera.time);
    first.is_some_and(|first| views.iter().all(|v| v.camera.time == first)) && views.len() > 1
}

/// Points with the votes of all views; only those that some view sees through.
fn points(sights: &[Sight<'_>], noise: &[Vec<Noise>]) -> Vec<Point> {
    let pixels: usize = sights.iter().map(|s| s.near.len()).sum();
    let step = ((pixels as f64 / POINTS as f64).sqrt().ceil() as u32).max(1);
    let lit = sights.iter().all(|s| !s.light.is_empty());
    let each = sights.par_iter().enumerate().map(|(i, source)| {
        let mut out = Vec::new();
        for (x, y, d) in lattice(source, step, i as u32) {
            // What is known to walk lasts nowhere. What goes or comes may be masked too in that moment: the views still tell
            // whether they see it.
            if source.view.moves((y * source.size[0] + x) as usize) {
                continue;
            }
            let at = source.place(x, y, d);
            let mut point = Point {
                at,
                same: 1 << i,
                through: 0,
                light: [0.0; 2],
            };
            let own =
                lit.then(|| Vec3::from_array(source.light[(y * source.size[0] + x) as usize]));
            let mut light = [(0.0f32, 0.0f32); 2];
            for (j, sight) in sights.iter().enumerate() {
                if i == j {
                    continue;
                }
                let Some((uv, z)) = sight.project(at, 1.5) else {
                    continue;
                };
                let Noise { bias, margin, .. } = noise[i][j];
                let k = sight.index(uv);
                // Views from opposite sides share few surfaces, and what they differ by is hardly known: that alone makes
                // nothing seen through.
                let behind = z.max(z * bias.exp()) * (1.0 + THROUGH * margin);
                let z = z * bias.exp();
                let side = if sight.near[k] == 0.0 {
                    continue;
                } else if sight.near[k] > behind {
                    point.through |= 1 << j;
                    1
                } else if sight.near[k] < z * (1.0 + margin) && sight.far[k] > z * (1.0 - margin) {
                    point.same |= 1 << j;
                    0
                } else {
                    continue;
                };
                if let Some(own) = own {
                    light[side].0 += (sight.light_at(uv) - own).abs().element_sum();
                    light[side].1 += 1.0;
                }
            }
            point.light = light.map(|(sum, n)| if n > 0.0 { sum / n } else { 0.0 });
            if point.through.count_ones() >= 2 {
                out.push(point);
            }
        }
        out
    });
    each.flatten().collect()
}

/// The two views before a moment and the two from it on; none at the clip's start.
fn around(moment: usize) -> u64 {
    match moment {
        0 => 0,
        _ => Gap {
            from: moment.saturating_sub(2),
            to: moment + 2,
        }
        .bits(),
    }
}

/// Whether a point tells of this gap: seen again outside it and through inside it.
fn tells(point: &Point, gap: Gap, views: usize) -> bool {
    let inside = gap.bits();
    let wrong = point.same & inside | point.through & !inside;
    // At the moment itself none may be wrong: who walks leaves within a few views.
    if wrong & (around(gap.from) | around(gap.to)) != 0 {
        return false;
    }
    let wrong = wrong.count_ones();
    let all = (point.same | point.through).count_ones();
    let count = |side: u64, of: u64| f64::from((of & side).count_ones());
    // Of the views that can tell: a place that the camera turns away from is seen by few.
    let share = |share: f64| (share * f64::from(all)).max(3.0);
    let before = Gap {
        from: 0,
        to: gap.from,
    }
    .bits();
    let after = Gap {
        from: gap.to,
        to: views,
    }
    .bits();
    // What comes back may be gone for two views; what does not must be missed for as long as it was there.
    let both = gap.from > 0 && gap.to < views;
    let missed = if both { 2.0 } else { share(LASTING) };
    let there =
        |side: u64| side == 0 || count(side, point.same) >= if both { 3.0 } else { share(LASTING) };
    f64::from(wrong) <= WRONG * f64::from(all)
        && count(inside, point.through) >= missed
        && there(before)
        && there(after)
}

/// Whether a point's votes are those of this gap, however few.
fn agrees(point: &Point, gap: Gap) -> bool {
    let inside = gap.bits();
    let wrong = point.same & inside | point.through & !inside;
    // At the moment itself none may be wrong: who walks leaves within a few views.
    if wrong & (around(gap.from) | around(gap.to)) != 0 {
        return false;
    }
    let wrong = wrong.count_ones();
    f64::from(wrong) <= WRONG * f64::from((point.same | point.through).count_ones())
}

/// Regions that changed, the largest first.
fn changed(sights: &[Sight<'_>], points: &[Point], [cell, reach]: [f64; 2]) -> Vec<Region> {
    let views = sights.len();
    let gaps: Vec<Gap> = (0..views)
        .flat_map(|from| (from + 2..=views).map(move |to| Gap { from, to }))
        .filter(|g| g.from > 0 || g.to < views)
        .collect();
    let cell_of = |p: &Point| {
        p.at.to_array()
            .map(|v| (f64::from(v) / cell).floor() as i64)
    };
    // Each point's gaps; those that no gap explains belong to what moves all the time.
    let told: Vec<Vec<Gap>> = points
        .par_iter()
        .map(|p| {
            gaps.iter()
                .copied()
                .filter(|g| tells(p, *g, views))
                .collect()
        })
        .collect();
    let mut left: Vec<bool> = told.iter().map(|t| !t.is_empty()).collect();
    let mut out = Vec::new();
    for _ in 0..24 {
        let mut support: BTreeMap<Gap, usize> = BTreeMap::new();
        for (k, _) in told.iter().enumerate().filter(|(k, _)| left[*k]) {
            for gap in &told[k] {
                *support.entry(*gap).or_default() += 1;
            }
        }
        // The most points; of equals the shortest gap.
        let Some((&gap, _)) = support
            .iter()
            .max_by_key(|(g, n)| (**n, std::cmp::Reverse(g.to - g.from)))
        else {
            break;
        };
        let mut cells: BTreeMap<[i64; 3], Vec<usize>> = BTreeMap::new();
        for (k, point) in points.iter().enumerate() {
            if left[k] && told[k].contains(&gap) {
                cells.entry(cell_of(point)).or_default().push(k);
            }
        }
        let keys: Vec<[i64; 3]> = cells.keys().copied().collect();
        let Some(cluster) = regions(&keys, 2).into_iter().next() else {
            break;
        };
        let own: Vec<usize> = cluster
            .iter()
            .flat_map(|c| cells[c].iter().copied())
            .collect();
        for &k in &own {
            left[k] = false;
        }
        if cluster.len() < CELLS {
            break;
        }
        out.extend(region(sights, points, &own, cluster, gap, [cell, reach]));
    }
    out
}

fn region(
    sights: &[Sight<'_>],
    points: &[Point],
    own: &[usize],
    cells: Vec<[i64; 3]>,
    gap: Gap,
    [cell, reach]: [f64; 2],
) -> Option<Region> {
    let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    for &k in own {
        (low, high) = (low.min(points[k].at), high.max(points[k].at));
    }
    // Whatever else is seen through near it at other moments: who walks takes a place bit by bit.
    let other = Gap {
        from: if gap.from == 0 { gap.to } else { 0 },
        to: if gap.from == 0 {
            sights.len()
        } else {
            gap.from
        },
    };
    let reach = reach as f32;
    let near = points
        .iter()
        .filter(|p| (p.at.clamp(low, high) - p.at).length() < reach);
    let (mut all, mut with) = (0usize, 0usize);
    for point in near {
        all += 1;
        with += usize::from(agrees(point, gap) || agrees(point, other));
    }
    let at_once = with as f64 / all.max(1) as f64;
    let mut ratio: Vec<f32> = own
        .iter()
        .map(|&k| points[k].light[1] / (points[k].light[0] + 0.01))
        .collect();
    let light = median(&mut ratio).unwrap_or(0.0);
    let dark = own.iter().all(|&k| points[k].light[1] == 0.0);
    let pops: Vec<Option<[f32; 2]>> = [gap.from, gap.to]
        .into_iter()
        .filter(|t| (1..sights.len()).contains(t))
        .map(|t| pop(sights, own.iter().map(|&k| points[k].at), t))
        .collect();
    // All that was looked at from one frame to the next must have changed in that moment.
    let popped = pops
        .iter()
        .flatten()
        .all(|[at, around]| *at > POP * around.max(0.005));
    let least = if pops.iter().all(Option::is_none) {
        UNSEEN_LIGHT
    } else {
        LIGHT
    };
    let middle = heart(&cells).map(|c| (c as f64 + 0.5) * cell);
    tracing::debug!(
        ?gap,
        cells = cells.len(),
        ?middle,
        at_once,
        light,
        least,
        ?pops,
        "a change"
    );
    if at_once < AT_ONCE || !popped || (light < least && !dark) {
        return None;
    }
    Some(Region {
        gap,
        low: low.as_dvec3(),
        high: high.as_dvec3(),
        heart: DVec3::from_array(middle),
        cells,
        at_once,
        sigmas: f64::from(light),
    })
}

/// How much the light of places changes from the view before `at` to that view, and in the moments before and after;
/// None where too few of them are in sight.
fn pop(sights: &[Sight<'_>], places: impl Iterator<Item = Vec3>, at: usize) -> Option<[f32; 2]> {
    if sights.iter().any(|s| s.light.is_empty()) {
        return None;
    }
    let change = |p: Vec3, t: usize| {
        let [a, b] = [t.checked_sub(1)?, t]
            .map(|v| Some(sights.get(v)?.light_at(sights[v].project(p, 1.0)?.0)));
        Some((a? - b?).abs().element_sum())
    };
    let (mut now, mut around) = (Vec::new(), Vec::new());
    for p in places {
        let Some(own) = change(p, at) else {
            continue;
        };
        let beside: Vec<f32> = [at.checked_sub(2), at.checked_sub(1)]
            .into_iter()
            .flatten()
            .filter_map(|t| change(p, t))
            .collect();
        let after: Vec<f32> = [at + 1, at + 2]
            .into_iter()
            .filter_map(|t| change(p, t))
            .collect();
        now.push(own);
        around.extend(beside.into_iter().chain(after));
    }
    (now.len() >= 6 && around.len() >= 6).then_some(())?;
    Some([median(&mut now)?, median(&mut around)?])
}

/// Violations: what vanished, what appeared, and both at once for what moved.
fn told(field: &Field<'_>, sights: &[Sight<'_>], regions: Vec<Region>) -> Vec<Violation> {
    let views = sights.len();
    let mut out = Vec::new();
    let mut used = vec![false; regions.len()];
    for i in 0..regions.len() {
        if used[i] {
            continue;
        }
        used[i] = true;
        let a = &regions[i];
        let came = a.gap.from == 0;
        let moment = if came { a.gap.to } else { a.gap.from };
        // The other half of a move: at the same moment, or while neither was looked at, within reach.
        let other = (0..regions.len()).find(|&j| {
            let b = &regions[j];
            let opposite = match came {
                true => b.gap.to == views && b.gap.from.abs_diff(moment) <= 1,
                false => a.gap.to == views && b.gap.from == 0 && b.gap.to.abs_diff(moment) <= 1,
            };
            !used[j] && opposite && a.heart.distance(b.heart) < REACH * field.body.radius
        });
        out.push(match other {
            Some(j) => {
                used[j] = true;
                let (from, to) = if came {
                    (&regions[j], a)
                } else {
                    (a, &regions[j])
                };
                moved(field, sights, from, to)
            }
            None => gone(field, sights, a),
        });
    }
    out
}

fn severity(field: &Field<'_>, size: DVec3) -> Severity {
    let wide = size.x.max(size.z);
    if size.y >= field.body.climb && wide >= 2.0 * field.body.radius {
        Severity::High
    } else if size.max_element() < field.body.climb {
        Severity::Low
    } else {
        Severity::Medium
    }
}

fn evidence(sights: &[Sight<'_>], region: &Region) -> Evidence {
    let gap = region.gap;
    // The last view before the change and the first after it.
    let around = match gap.from {
        0 => [gap.to, gap.to - 1],
        from => [from - 1, from],
    };
    let seen = |v: &usize| sights.get(*v).and_then(|s| s.pixel(region.heart)).is_some();
    let mut shown: Vec<usize> = around.into_iter().filter(seen).collect();
    if shown.is_empty() {
        shown = (0..sights.len()).filter(seen).take(1).collect();
    }
    Evidence {
        frames: shown.iter().map(|&v| sights[v].view.camera.frame).collect(),
        pixel: shown.first().and_then(|&v| sights[v].pixel(region.heart)),
        cells: region.cells.len(),
        sigmas: Some(region.sigmas),
        ..Evidence::default()
    }
}

fn fault(
    field: &Field<'_>,
    sights: &[Sight<'_>],
    what: What,
    region: &Region,
    words: String,
) -> Violation {
    let size = region.high - region.low;
    let moment = match region.gap.from {
        0 => region.gap.to,
        from => from,
    };
    Violation {
        size: size.to_array(),
        timestamp: sights[moment.min(sights.len() - 1)].view.camera.time,
        confidence: region.at_once.min(0.95),
        evidence: evidence(sights, region),
        ..field.violation(
            what,
            SCENARIO,
            severity(field, size),
            region.heart.to_array(),
            words,
        )
    }
}

fn gone(field: &Field<'_>, sights: &[Sight<'_>], region: &Region) -> Violation {
    let time = |v: usize| sights[v.min(sights.len() - 1)].view.camera.time;
    let Gap { from, to } = region.gap;
    let [w, h, d] = (region.high - region.low).to_array();
    let size = format!(
        "{} by {} by {}",
        field.length(w),
        field.length(h),
        field.length(d)
    );
    let words = if from == 0 {
        format!(
            "a thing of {size} is there from {:.2} s on and was not before",
            time(to)
        )
    } else if to >= sights.len() {
        format!("a thing of {size} is gone from {:.2} s on", time(from))
    } else {
        format!(
            "a thing of {size} is gone from {:.2} s to {:.2} s",
            time(from),
            time(to)
        )
    };
    fault(field, sights, What::Vanished, region, words)
}

fn moved(field: &Field<'_>, sights: &[Sight<'_>], from: &Region, to: &Region) -> Violation {
    let words = format!(
        "a thing stands elsewhere from {:.2} s on: it went from ({:.2}, {:.2}, {:.2}) to ({:.2}, {:.2}, {:.2})",
        sights[from.gap.from.min(sights.len() - 1)].view.camera.time,
        from.heart.x,
        from.heart.y,
        from.heart.z,
        to.heart.x,
        to.heart.y,
        to.heart.z
    );
    fault(field, sights, What::Moved, from, words)
}
