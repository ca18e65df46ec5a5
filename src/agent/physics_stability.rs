//! Scenario: does the floor hold?
//!
//! Nine down-rays within the agent's radius at each cell; bodies dropped for 60 steps of 1/60 s. Violations: observed
//! holes, steep places and steps higher than agents climb, bodies that slide or gain energy, and solids in mid-air.

use super::calibration::MATCHED;
use super::cluster::{extent, heart, regions};
use super::ground::{Gap, holes as holes_of, unmatched};
use super::inspect::{Field, Findings};
use super::raycast::{HitState, Ray};
use super::settle::{SettleParams, settle};
use super::traverse::{Column, neighbours4};
use super::{AgentError, Evidence, Severity, What};
use crate::world::Voxel;

const SCENARIO: &str = "physics_stability";
const STEPS: u32 = 60;
/// Of more views the pictures of so many are enough: a long walk leaves most places behind.
const MANY_VIEWS: usize = 32;

/// Runs the scenario.
///
/// # Errors
/// GPU errors, [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    let nav = &field.nav;
    let walkable = nav.kind.iter().filter(|&&k| k == Column::Walkable).count();
    let solid = field.world.counts()[2].max(1) as f64;
    let sound = 1.0 - field.see_through.len() as f64 / solid;
    floating(field, &mut found)?;
    if walkable == 0 {
        return Ok(found);
    }
    let hole_columns = holes(field, &mut found);
    let steep = ground(field, &mut found)?;
    // Where nothing can stand there is nothing to give marks for.
    let Some(resting) = bodies(field, &mut found)? else {
        return Ok(found);
    };
    let floor = (walkable + hole_columns) as f64;
    let even = 1.0 - (hole_columns + steep) as f64 / floor;
    found.metric("physics_score", (even * resting * sound).clamp(0.0, 1.0));
    Ok(found)
}

fn cell3(nx: usize, i: usize) -> [i64; 3] {
    [(i % nx) as i64, 0, (i / nx) as i64]
}

/// Floor that is missing amid floor; answers how many columns that are.
fn holes(field: &Field<'_>, found: &mut Findings) -> usize {
    let Some(ground) = &field.ground else {
        // Where views found no floor there is none for a hole to be in.
        return match field.without_floor() {
            true => 0,
            false => open_holes(field, found),
        };
    };
    let holes = holes_of(ground, field);
    let unmatched = unmatched(ground, field, &holes);
    let area = |cells: usize| cells as f64 * ground.cell * ground.cell;
    found.metric("ground_sigma", f64::from(ground.sigma));
    found.metric("holes_unmatched", unmatched.len() as f64);
    let views = field.views.len().clamp(1, MANY_VIEWS) as f64;
    let share = |hole: &Gap| (hole.telling / views).min(1.0);
    let mut violation = |hole: &Gap, by_depth: bool| {
        let [w, d] = hole.size;
        let place = [hole.middle[0], f64::from(field.world.floor), hole.middle[1]];
        let wide = w.max(d) >= 2.0 * field.body.radius;
        let mut words = hole_words(field, w, d, wide);
        if !by_depth {
            words += ", if the pictures are right: depth tells of no hole there";
        }
        let severity = match wide {
            true => Severity::High,
            false => Severity::Medium,
        };
        let mut violation = field.violation(What::Hole, SCENARIO, severity, place, words);
        violation.size = [w, 0.0, d];
        violation.evidence = Evidence {
            cells: hole.cells.len(),
            sigmas: by_depth.then_some(hole.sigmas),
            share: hole.pictures.map(|_| share(hole)),
            pictures: hole.pictures,
            ..field.seen_at(place)
        };
        found.violations.push(violation);
    };
    holes.iter().for_each(|hole| violation(hole, true));
    unmatched.iter().for_each(|hole| violation(hole, false));
    // What the pictures match as floor is walked on.
    let real: Vec<&Gap> = holes
        .iter()
        .filter(|h| h.pictures.is_none_or(|p| p >= MATCHED))
        .collect();
    let cells: usize = real.iter().map(|h| h.cells.len()).sum();
    found.metric("holes", real.len() as f64);
    found.metric("hole_area", area(cells));
    (area(cells) / (field.nav.voxel * field.nav.voxel)).round() as usize
}

fn hole_words(field: &Field<'_>, w: f64, d: f64, wide: bool) -> String {
    format!(
        "a hole in the floor of {} by {}{}",
        field.length(w),
        field.length(d),
        if wide { ": an agent falls into it" } else { "" }
    )
}

/// Without views: columns seen to have no floor, amid floor; answers how many lie in holes.
fn open_holes(field: &Field<'_>, found: &mut Findings) -> usize {
    let (nav, body) = (&field.nav, &field.body);
    let (nx, nz) = (nav.nx, nav.nz);
    let open: Vec<[i64; 3]> = (0..nav.kind.len())
        .filter(|&i| nav.kind[i] == Column::Open)
        .map(|i| cell3(nx, i))
        .collect();
    found.metric("open_columns", open.len() as f64);
    let least = ((0.5 * body.radius / nav.voxel).powi(2) * std::f64::consts::PI).max(6.0);
    let (mut columns, mut count) = (0, 0);
    for region in regions(&open, 1) {
        if (region.len() as f64) < least {
            continue;
        }
        // What reaches the end of the grid is where the world ends, which `boundary_integrity` tells.
        let last = [nx as i64 - 1, nz as i64 - 1];
        let ends = |c: &[i64; 3]| c[0] == 0 || c[2] == 0 || c[0] == last[0] || c[2] == last[1];
        if region.iter().any(ends) {
            continue;
        }
        // Floor around it makes it a hole; elsewhere it is the edge of what was seen.
        let (mut border, mut floor) = (0usize, 0usize);
        for &[x, _, z] in &region {
            let i = x as usize + nx * z as usize;
            let rim = neighbours4(i, nx, nz).filter(|&j| nav.kind[j] != Column::Open);
            for j in rim {
                border += 1;
                floor +=
                    usize::from(nav.kind[j] == Column::Walkable || nav.kind[j] == Column::Blocked);
            }
        }
        if floor * 2 < border || border == 0 {
            continue;
        }
        count += 1;
        columns += region.len();
        let [w, _, d] = extent(&region).map(|n| n as f64 * nav.voxel);
        let [x, _, z] = heart(&region);
        let wide = w.min(d) >= 2.0 * body.radius;
        let mut violation = field.violation(
            What::Hole,
            SCENARIO,
            if wide {
                Severity::High
            } else {
                Severity::Medium
            },
            nav.place(field.world, x as usize + nx * z as usize),
            hole_words(field, w, d, wide),
        );
        violation.size = [w, 0.0, d];
        violation.evidence.cells = region.len();
        found.violations.push(violation);
    }
    found.metric("holes", f64::from(count));
    found.metric("hole_area", columns as f64 * nav.voxel * nav.voxel);
    columns
}

/// Nine down-rays at each cell away from obstacles; answers how many cells are steep or stepped.
fn ground(field: &Field<'_>, found: &mut Findings) -> Result<usize, AgentError> {
    let (nav, body) = (&field.nav, &field.body);
    let cells: Vec<usize> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, body))
        .collect();
    if cells.is_empty() {
        return Ok(0);
    }
    let r = 0.9 * body.radius;
    let offsets: Vec<[f64; 2]> = (0..9)
        .map(|k| match k {
            0 => [0.0, 0.0],
            _ => {
                let a = f64::from(k - 1) * std::f64::consts::FRAC_PI_4;
                [r * a.cos(), r * a.sin()]
            }
        })
        .collect();
    // From as high as a step up, to as deep as the steepest slope and a step allow.
    let up = body.climb + 0.5 * nav.voxel;
    let deep = body.climb + r * body.slope + 2.0 * nav.voxel;
    let mut rays = Vec::with_capacity(cells.len() * 9);
    for &i in &cells {
        let [x, y, z] = nav.place(field.world, i);
        for [dx, dz] in &offsets {
            rays.push(Ray::new(
                [x + dx, y + up, z + dz],
                [0.0, -1.0, 0.0],
                up + deep,
            ));
        }
    }
    let hits = field.caster.cast(&rays, true, field.monitor)?;
    let (mut steep, mut misses, mut unknown) = (Vec::new(), 0usize, 0usize);
    for (&i, nine) in cells.iter().zip(hits.chunks(9)) {
        let mut heights = [None; 9];
        let mut missed = false;
        for (k, hit) in nine.iter().enumerate() {
            match hit.end() {
                HitState::Solid => heights[k] = Some(up - f64::from(hit.t)),
                HitState::None => missed = true,
                _ => unknown += 1,
            }
        }
        misses += usize::from(missed);
        // Opposite rays give the slope over the whole foot; the middle one tells two low steps, which a stair is, from one
        // that is too high.
        let rise = |a: usize, b: usize| Some((heights[a]? - heights[b]?).abs());
        let most = |of: &mut dyn Iterator<Item = Option<f64>>| of.flatten().fold(0.0f64, f64::max);
        let over = most(&mut (1..5).map(|k| rise(k, k + 4)));
        let step = most(&mut (1..9).map(|k| rise(k, 0)));
        // An even ramp rises by as much as its slope allows.
        let most = body.climb.max(r * body.slope) + nav.voxel;
        if over > 2.0 * r * body.slope || step > most {
            steep.push(i);
        }
    }
    found.metric("ground_cells", cells.len() as f64);
    found.metric("ground_missing_share", misses as f64 / cells.len() as f64);
    found.metric(
        "ground_unknown_ray_share",
        unknown as f64 / rays.len() as f64,
    );
    found.metric("steep_cells", steep.len() as f64);
    let marked: Vec<[i64; 3]> = steep.iter().map(|&i| cell3(nav.nx, i)).collect();
    for region in regions(&marked, 2) {
        let [w, _, d] = extent(&region).map(|n| n as f64 * nav.voxel);
        if region.len() < 6 {
            continue;
        }
        let [x, _, z] = heart(&region);
        found.violations.push(field.violation(
            What::UnevenFloor,
            SCENARIO,
            if w.max(d) > 4.0 * body.radius {
                Severity::Medium
            } else {
                Severity::Low
            },
            nav.place(field.world, x as usize + nav.nx * z as usize),
            format!(
                "uneven floor over {} by {}: steeper than {:.0} degrees or stepped higher than {}",
                field.length(w),
                field.length(d),
                field.options.slope_degrees,
                field.length(body.climb)
            ),
        ));
    }
    Ok(steep.len())
}

/// Drops bodies; answers the share of those that came to rest, nothing where none can stand.
fn bodies(field: &Field<'_>, found: &mut Findings) -> Result<Option<f64>, AgentError> {
    let (nav, body) = (&field.nav, &field.body);
    let cells: Vec<usize> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, body))
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let step = cells.len().div_ceil(field.options.bodies.max(1));
    let cells: Vec<usize> = cells.into_iter().step_by(step).collect();
    let r = 0.9 * body.radius;
    let positions: Vec<[f32; 4]> = cells
        .iter()
        .map(|&i| {
            let [x, y, z] = nav.place(field.world, i);
            // On the highest floor under the foot, or standing would count as being pushed up.
            let under = [(-r, 0.0), (r, 0.0), (0.0, -r), (0.0, r)]
                .into_iter()
                .filter_map(|(dx, dz)| nav.cell_of(field.world, x + dx, z + dz))
                .filter(|&j| nav.kind[j] == Column::Walkable)
                .map(|j| f64::from(nav.height[j]))
                .filter(|h| *h <= y + body.climb)
                .fold(y, f64::max);
            [x as f32, (under + 0.5 * nav.voxel) as f32, z as f32, 0.0]
        })
        .collect();
    let params = SettleParams {
        steps: STEPS,
        dt: 1.0 / 60.0,
        gravity: body.gravity as f32,
        radius: r as f32,
        reach: body.climb as f32,
        friction: field.options.friction as f32,
        drop: (body.climb + 2.0 * nav.voxel) as f32,
        ..Default::default()
    };
    let rests = settle(&field.caster, &params, &positions)?;
    // Less than a voxel is what the surface's own rounding moves.
    let least = nav.voxel as f32;
    let (mut bad, mut unknown) = (Vec::new(), 0usize);
    for (&i, rest) in cells.iter().zip(&rests) {
        if rest.unknown {
            unknown += 1;
        } else if rest.fell || rest.drift > least || rest.energy_rise > params.gravity * least {
            bad.push((i, *rest));
        }
    }
    let known = rests.len() - unknown;
    found.metric("bodies_dropped", rests.len() as f64);
    found.metric("bodies_unknown", unknown as f64);
    found.metric("bodies_unstable", bad.len() as f64);
    let marked: Vec<[i64; 3]> = bad.iter().map(|(i, _)| cell3(nav.nx, *i)).collect();
    let gap = (2.0 * (step as f64).sqrt()).ceil() as i64 + 2;
    for region in regions(&marked, gap.min(12)) {
        if region.len() < 3 {
            continue;
        }
        let [x, _, z] = heart(&region);
        let drift = bad
            .iter()
            .filter(|(i, _)| region.contains(&cell3(nav.nx, *i)))
            .fold(0.0f32, |m, (_, r)| m.max(r.drift).max(r.fall));
        found.violations.push(field.violation(
            What::RestlessBody,
            SCENARIO,
            if f64::from(drift) > body.radius {
                Severity::Medium
            } else {
                Severity::Low
            },
            nav.place(field.world, x as usize + nav.nx * z as usize),
            format!(
                "{} of {} bodies put down here did not come to rest within a second (up to {} off)",
                region.len(),
                known,
                field.length(f64::from(drift))
            ),
        ));
    }
    Ok(Some(if known > 0 {
        1.0 - bad.len() as f64 / known as f64
    } else {
        1.0
    }))
}

/// Solid components that hang over observed free space.
fn floating(field: &Field<'_>, found: &mut Findings) -> Result<(), AgentError> {
    let world = field.world;
    let voxel = f64::from(world.voxel);
    field.go_on()?;
    let mut count = 0;
    for component in world.solid_components() {
        if component.len() < field.options.least_voxels {
            continue;
        }
        let region: Vec<[i64; 3]> = component
            .into_iter()
            .map(|i| world.coordinates(i).map(i64::from))
            .collect();
        let low = region.iter().map(|c| c[1]).min().unwrap_or(0);
        let bottom = f64::from(world.origin[1]) + low as f64 * voxel;
        let gap = bottom - f64::from(world.floor);
        if gap <= field.body.climb.max(2.0 * voxel) {
            continue;
        }
        // Seen around: most of its boundary, and most of what is under it, is free.
        let (mut free, mut hidden, mut under, mut under_free) = (0usize, 0usize, 0usize, 0usize);
        for &[x, y, z] in &region {
            for (d, [dx, dy, dz]) in [
                [0, -1, 0],
                [0, 1, 0],
                [1, 0, 0],
                [-1, 0, 0],
                [0, 0, 1],
                [0, 0, -1],
            ]
            .into_iter()
            .enumerate()
            {
                let state = world.at([x + dx, y + dy, z + dz]);
                free += usize::from(state == Voxel::Free);
                hidden += usize::from(state == Voxel::Unknown);
                if d == 0 && state != Voxel::Solid {
                    under += 1;
                    under_free += usize::from(state == Voxel::Free);
                }
            }
        }
        if hidden > free || under_free * 2 < under {
            continue;
        }
        count += 1;
        let [w, h, d] = extent(&region).map(|n| n as f64 * voxel);
        let in_the_way = gap < field.body.height;
        let share = field.through_share(&region);
        let place = world.centre(heart(&region));
        let mut violation = field.violation(
            What::FloatingSolid,
            SCENARIO,
            if in_the_way {
                Severity::Medium
            } else {
                Severity::Low
            },
            place,
            format!(
                "a solid of {} by {} by {} floats {} over the floor, held by nothing",
                field.length(w),
                field.length(h),
                field.length(d),
                field.length(gap)
            ),
        );
        violation.size = [w, h, d];
        violation.evidence = Evidence {
            cells: region.len(),
            share: Some(share),
            ..field.seen_at(place)
        };
        found.violations.push(violation);
    }
    found.metric("floating_solids", f64::from(count));
    Ok(())
}
