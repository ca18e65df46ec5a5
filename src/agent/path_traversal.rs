//! Scenario: can agents walk from anywhere to anywhere?
//!
//! Shortest paths over the walkable columns between spread starts and goals; capsules walk them in steps, each step a
//! batch of rays. Violations: floor that is cut off from the rest by what was observed, and solid across the camera's
//! own path, which must be free.

use std::collections::BTreeMap;

use glam::DVec3;

use super::cluster::{extent, heart, regions};
use super::inspect::{Field, Findings};
use super::raycast::{HitState, Ray};
use super::traverse::Column;
use super::{AgentError, Severity, What};
use crate::world::Voxel;

const SCENARIO: &str = "path_traversal";
/// Rays a step: this many heights times as many offsets across.
const FAN: usize = 4;
/// Ways that are kept for maps, at most.
const SHOWN: usize = 32;

/// Runs the scenario.
///
/// # Errors
/// GPU errors, [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    camera_path(field, &mut found)?;
    let (nav, body) = (&field.nav, &field.body);
    let standable: Vec<usize> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, body))
        .collect();
    found.metric("nav_cells", standable.len() as f64);
    if standable.is_empty() {
        let walkable = nav.kind.contains(&Column::Walkable);
        found.notes.push(
            if walkable {
                "no place on the floor is wide enough for the agent: paths were not tested"
            } else {
                "no walkable floor was seen: paths and stability were not tested"
            }
            .to_owned(),
        );
        return Ok(found);
    }
    let mut clearance: Vec<f32> = standable.iter().map(|&i| nav.clearance[i]).collect();
    clearance.sort_by(f32::total_cmp);
    found.metric(
        "clearance_p5",
        f64::from(clearance[clearance.len() / 20]).min(1e6),
    );
    let seen = nav.components(body, |i| nav.standable(i, body));
    found.metric("largest_island_share", largest_share(&standable, &seen));
    // Never cut by what was not seen: unknown columns connect.
    let perhaps = nav.components(body, |i| {
        nav.standable(i, body)
            || (nav.kind[i] == Column::Unknown && f64::from(nav.clearance[i]) >= body.radius)
    });
    islands(field, &standable, &perhaps, &mut found);
    walk(field, &standable, &seen, &perhaps, &mut found)?;
    Ok(found)
}

fn largest_share(cells: &[usize], label: &[Option<usize>]) -> f64 {
    let mut sizes = BTreeMap::new();
    for &i in cells {
        *sizes.entry(label[i]).or_insert(0usize) += 1;
    }
    sizes
        .values()
        .max()
        .map_or(0.0, |&n| n as f64 / cells.len() as f64)
}

fn islands(field: &Field<'_>, cells: &[usize], label: &[Option<usize>], found: &mut Findings) {
    let (nav, body) = (&field.nav, &field.body);
    let mut groups: BTreeMap<Option<usize>, Vec<[i64; 3]>> = BTreeMap::new();
    for &i in cells {
        let cell = [(i % nav.nx) as i64, 0, (i / nav.nx) as i64];
        groups.entry(label[i]).or_default().push(cell);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|g| std::cmp::Reverse(g.len()));
    found.metric("islands", groups.len() as f64);
    let area = nav.voxel * nav.voxel;
    let least = (2.0 * body.radius).powi(2);
    for group in groups.iter().skip(1) {
        let size = group.len() as f64 * area;
        if size < least {
            continue;
        }
        let [w, _, d] = extent(group).map(|n| n as f64 * nav.voxel);
        let [x, _, z] = heart(group);
        let place = nav.place(field.world, x as usize + nav.nx * z as usize);
        let share = group.len() as f64 / cells.len() as f64;
        found.violations.push(field.violation(
            What::CutOffFloor,
            SCENARIO,
            if share > 0.1 { Severity::High } else { Severity::Medium },
            place,
            format!(
                "a piece of floor of {} by {} ({:.0}% of what agents can stand on) is cut off from the rest",
                field.length(w),
                field.length(d),
                share * 100.0
            ),
        ));
    }
}

/// The camera went there, so its path is free.
fn camera_path(field: &Field<'_>, found: &mut Findings) -> Result<(), AgentError> {
    let world = field.world;
    let places: Vec<DVec3> = field
        .cameras
        .cameras
        .iter()
        .map(|c| c.pose.position)
        .collect();
    let states: Vec<Voxel> = places
        .iter()
        .map(|p| world.at(world.voxel_of(p.to_array())))
        .collect();
    let n = places.len() as f64;
    let share = |v: Voxel| states.iter().filter(|&&s| s == v).count() as f64 / n;
    found.metric("cameras_free_share", share(Voxel::Free));
    found.metric("cameras_unknown_share", share(Voxel::Unknown));
    let mut rays: Vec<Ray> = places
        .windows(2)
        .map(|w| Ray::new(w[0].to_array(), (w[1] - w[0]).to_array(), 1.0))
        .collect();
    // A camera that stands still has no way to go; its own voxel is tested below.
    let moves: Vec<usize> = (0..rays.len())
        .filter(|&i| places[i] != places[i + 1])
        .collect();
    rays = moves.iter().map(|&i| rays[i]).collect();
    let hits = field.caster.cast(&rays, false, field.monitor)?;
    let mut blocked: Vec<[i64; 3]> = Vec::new();
    for (&i, hit) in moves.iter().zip(&hits) {
        if hit.end() == HitState::Solid {
            let p = places[i].lerp(places[i + 1], f64::from(hit.t));
            let voxel = world.coordinates(hit.voxel as usize).map(i64::from);
            blocked.push(if hit.face == 6 {
                world.voxel_of(p.to_array())
            } else {
                voxel
            });
        }
    }
    found.metric(
        "camera_path_blocked_share",
        blocked.len() as f64 / (moves.len().max(1)) as f64,
    );
    blocked.extend(
        places
            .iter()
            .zip(&states)
            .filter(|(_, s)| **s == Voxel::Solid)
            .map(|(p, _)| world.voxel_of(p.to_array())),
    );
    let gap = (field.body.radius / f64::from(world.voxel)).ceil() as i64;
    for region in regions(&blocked, gap.clamp(1, 6)) {
        let [w, h, d] = extent(&region).map(|n| n as f64 * f64::from(world.voxel));
        found.violations.push(field.violation(
            What::BlockedCamera,
            SCENARIO,
            Severity::High,
            world.centre(heart(&region)),
            format!(
                "the camera's own path runs into solid over {} by {} by {}, so the world is wrong there",
                field.length(w),
                field.length(h),
                field.length(d)
            ),
        ));
    }
    Ok(())
}

/// One agent's way: the rays of its steps lie at `first..first + steps * FAN^2`.
struct Way {
    length: f64,
    steps: Vec<f64>,
    first: usize,
    shortest: f64,
    /// Columns from the start to the goal.
    path: Vec<usize>,
}

fn walk(
    field: &Field<'_>,
    cells: &[usize],
    seen: &[Option<usize>],
    perhaps: &[Option<usize>],
    found: &mut Findings,
) -> Result<(), AgentError> {
    let (nav, body) = (&field.nav, &field.body);
    // Spread by the golden ratio over the cells in their order: the same every time.
    let pick =
        |k: usize| cells[((k as f64 * 0.618_033_988_75).fract() * cells.len() as f64) as usize];
    let starts = field.options.starts.clamp(1, cells.len());
    let (mut ways, mut rays) = (Vec::new(), Vec::new());
    let (mut tried, mut unseen, mut failed) = (0usize, 0usize, 0usize);
    let loose = |i: usize| nav.kind[i] == Column::Walkable || nav.kind[i] == Column::Unknown;
    for s in 0..starts {
        field.go_on()?;
        let from = pick(s + 1);
        let (best, before) = nav.shortest(from, body, |i| nav.standable(i, body));
        let (bound, _) = nav.shortest(from, body, loose);
        for g in 0..starts {
            let to = pick(1 + starts + s * starts + g);
            if to == from {
                continue;
            }
            if seen[from] != seen[to] {
                // Without a way over what was seen: a fault only if what was seen cuts them off.
                if perhaps[from] == perhaps[to] {
                    unseen += 1;
                } else {
                    tried += 1;
                    failed += 1;
                }
                continue;
            }
            tried += 1;
            let mut path = vec![to];
            while let Some(&last) = path.last()
                && last != from
            {
                path.push(before[last]);
            }
            path.reverse();
            let first = rays.len();
            let steps = step_rays(field, &path, &mut rays);
            ways.push(Way {
                length: best[to],
                steps,
                first,
                shortest: bound[to],
                path,
            });
        }
    }
    let hits = field.caster.cast(&rays, false, field.monitor)?;
    let (mut done, mut spl, mut walked, mut collisions) = (0usize, 0.0, 0.0, 0usize);
    let shown = ways.len().div_ceil(SHOWN).max(1);
    for (number, way) in ways.iter().enumerate() {
        let fan = FAN * FAN;
        let stopped = (0..way.steps.len()).find(|&k| {
            let at = way.first + k * fan;
            hits[at..at + fan]
                .iter()
                .any(|h| h.end() == HitState::Solid)
        });
        if number % shown == 0 {
            let to = stopped.unwrap_or(way.steps.len());
            let stops = stops_of(field, &way.path);
            let at = |&i: &usize| {
                let [x, _, z] = nav.place(field.world, i);
                [x as f32, z as f32]
            };
            found.paths.push(stops[..=to].iter().map(at).collect());
        }
        match stopped {
            Some(k) => {
                collisions += 1;
                walked += way.steps[..k].iter().sum::<f64>();
            }
            None => {
                done += 1;
                walked += way.length;
                spl += way.shortest.min(way.length) / way.length.max(1e-9);
            }
        }
    }
    found.metric("path_pairs", tried as f64);
    found.metric("path_pairs_unknown", unseen as f64);
    found.metric("path_pairs_cut_off", failed as f64);
    found.metric("agent_rays", rays.len() as f64);
    if tried > 0 {
        found.metric("path_completion", done as f64 / tried as f64);
        found.metric("spl", spl / tried as f64);
    }
    if walked > 0.0 {
        found.metric("collisions_per_length", collisions as f64 / walked);
    }
    Ok(())
}

/// The columns between which an agent steps along a path: a radius apart, and the last.
fn stops_of(field: &Field<'_>, path: &[usize]) -> Vec<usize> {
    let stride = ((field.body.radius / field.nav.voxel).floor() as usize).max(1);
    let mut stops: Vec<usize> = path.iter().copied().step_by(stride).collect();
    if stops.last() != path.last() {
        stops.extend(path.last());
    }
    stops
}

/// Rays of one agent's steps along a path of columns, and the steps' lengths.
fn step_rays(field: &Field<'_>, path: &[usize], rays: &mut Vec<Ray>) -> Vec<f64> {
    let (nav, body) = (&field.nav, &field.body);
    let voxel = nav.voxel;
    let stops = stops_of(field, path);
    let mut steps = Vec::new();
    for pair in stops.windows(2) {
        let [a, b] = [pair[0], pair[1]].map(|i| DVec3::from_array(nav.place(field.world, i)));
        let flat = DVec3::new(b.x - a.x, 0.0, b.z - a.z);
        let (step, forward) = (flat.length(), flat.normalize_or_zero());
        let across = DVec3::new(-forward.z, 0.0, forward.x);
        // Feet clear a step; the path's own floor may rise on the way.
        let low = a.y.max(b.y) + body.climb + voxel;
        let high = (a.y.min(b.y) + body.height - voxel).max(low);
        for h in 0..FAN {
            let y = low + (high - low) * h as f64 / (FAN - 1) as f64;
            for s in 0..FAN {
                let offset = body.radius * 0.9 * (2.0 * s as f64 / (FAN - 1) as f64 - 1.0);
                let front = (body.radius * body.radius - offset * offset)
                    .max(0.0)
                    .sqrt();
                let o = DVec3::new(a.x, y, a.z) + across * offset;
                // From the centre line to the capsule's front at the step's end, less a voxel of rounding.
                let reach = (step + front - voxel).max(step);
                rays.push(Ray::new(o.to_array(), forward.to_array(), reach));
            }
        }
        steps.push(step);
    }
    steps
}
