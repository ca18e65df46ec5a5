//! Scenario: can agents leave the world?
//!
//! The floor's end before nothing, wide enough to walk out of: what the cameras saw of the ground tells it. Its end before what shows hardly
//! any texture, of which nothing tells what it is, or which depth has as nothing, too (`blank`). Beside them rays
//! from where agents can stand into all directions (a Fibonacci sphere): those that end in solid, leave the world through
//! what was seen to be free, or end where nothing was ever seen, which is no fault.

use glam::DVec3;

use super::blank::blank_ends;
use super::calibration::{TOLD, confidence};
use super::cluster::{extent, heart, regions};
use super::ground::open_ends;
use super::inspect::{Field, Findings};
use super::raycast::{HitState, Ray};
use super::traverse::{Column, neighbours4};
use super::{AgentError, Evidence, Severity, Violation, What};
use crate::world::Ground;

const SCENARIO: &str = "boundary_integrity";
const SEEDS: usize = 16;
const RAYS: usize = 4096;
/// Share of rays that end in the unknown, over which that is told.
const UNSEEN: f64 = 0.1;

/// Runs the scenario.
///
/// # Errors
/// GPU errors, [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    match &field.far_ground {
        Some(ground) => {
            let ends = open_ends(ground, field);
            found.metric("open_ends", ends.len() as f64);
            for end in ends {
                let width = end.size[0].hypot(end.size[1]);
                let place = [end.middle[0], f64::from(field.world.floor), end.middle[1]];
                let mut violation = field.violation(
                    What::OpenBoundary,
                    SCENARIO,
                    Severity::High,
                    place,
                    format!(
                        "the floor ends before nothing over {}: an agent can walk out of the world",
                        field.length(width)
                    ),
                );
                violation.size = [end.size[0], field.body.height, end.size[1]];
                violation.evidence = Evidence {
                    cells: end.cells.len(),
                    sigmas: Some(end.sigmas),
                    ..field.seen_at(place)
                };
                found.violations.push(violation);
            }
            if !field.cameras.measured {
                blanks(field, ground, &mut found);
            }
        }
        // Where views found no floor there is none that could end.
        None if field.without_floor() => {}
        None => open_columns(field, &mut found),
    }
    escapes(field, &mut found)?;
    Ok(found)
}

/// Ends of the floor of which nothing tells what they are.
fn blanks(field: &Field<'_>, ground: &Ground, found: &mut Findings) {
    let Some(ends) = blank_ends(ground, field) else {
        found.notes.push(
            "whether the floor ends before what shows nothing was not looked at: the views have no pictures"
                .to_owned(),
        );
        return;
    };
    for end in ends {
        let place = [end.middle[0], f64::from(field.world.floor), end.middle[1]];
        let width = field.length(end.size[0].hypot(end.size[1]));
        let told = |what, severity, description, sigmas| Violation {
            size: [end.size[0], field.body.height, end.size[1]],
            evidence: Evidence {
                cells: end.cells,
                share: Some(end.share),
                frames: end.frames.clone(),
                pixel: end.pixel,
                sigmas,
                ..Evidence::default()
            },
            ..field.violation(what, SCENARIO, severity, place, description)
        };
        let open = end.open.map(|sigmas| {
            let words = format!(
                "the floor ends before nothing over {width}: an agent can walk out of the world"
            );
            told(What::OpenBoundary, Severity::High, words, Some(sigmas))
        });
        // What depth has as nothing too, but not surely, is not known as before.
        let Some(open) = open.filter(sure) else {
            found.violations.push(told(
                What::BlankEnd,
                Severity::Medium,
                format!(
                    "over about {width} the floor ends before what shows nothing: a wall without texture, or the open; which of them cannot be seen"
                ),
                None,
            ));
            continue;
        };
        // The far ground may have told it, at grazing angles less surely.
        let same = |v: &Violation| v.what == What::OpenBoundary && overlap(v, &open, ground.cell);
        if !found.violations.iter().any(|v| same(v) && sure(v)) {
            found.violations.retain(|v| !same(v));
            found.violations.push(open);
        }
    }
    let of = |what| found.violations.iter().filter(|v| v.what == what).count() as f64;
    let (open, blank) = (of(What::OpenBoundary), of(What::BlankEnd));
    found.metric("open_ends", open);
    found.metric("blank_ends", blank);
}

/// Whether it is told and no doubt, as far as its own sigmas say.
fn sure(violation: &Violation) -> bool {
    confidence(violation) >= TOLD
}

/// Whether two lie on the same part of the floor, or `slack` apart.
fn overlap(a: &Violation, b: &Violation, slack: f64) -> bool {
    let off = [a.location.x - b.location.x, a.location.z - b.location.z];
    let reach = [a.size[0] + b.size[0], a.size[2] + b.size[2]];
    (0..2).all(|k| off[k].abs() <= 0.5 * reach[k] + slack)
}

/// Without views: columns without floor that reach the end of the grid, beside floor.
fn open_columns(field: &Field<'_>, found: &mut Findings) {
    let nav = &field.nav;
    let open: Vec<[i64; 3]> = (0..nav.kind.len())
        .filter(|&i| nav.kind[i] == Column::Open)
        .map(|i| [(i % nav.nx) as i64, 0, (i / nav.nx) as i64])
        .collect();
    for region in regions(&open, 1) {
        let last = [nav.nx as i64 - 1, nav.nz as i64 - 1];
        let ends = region
            .iter()
            .any(|c| c[0] == 0 || c[2] == 0 || c[0] == last[0] || c[2] == last[1]);
        if !ends {
            continue;
        }
        let mut front: Vec<[i64; 3]> = region
            .iter()
            .flat_map(|c| neighbours4(c[0] as usize + nav.nx * c[2] as usize, nav.nx, nav.nz))
            .filter(|&j| nav.kind[j] == Column::Walkable)
            .map(|j| [(j % nav.nx) as i64, 0, (j / nav.nx) as i64])
            .collect();
        front.sort_unstable();
        front.dedup();
        for piece in regions(&front, 2) {
            let [w, _, d] = extent(&piece).map(|n| n as f64 * nav.voxel);
            // An end that goes round corners is longer than from end to end.
            let length = w.hypot(d).max(piece.len() as f64 * nav.voxel);
            if length < 2.0 * field.body.radius {
                continue;
            }
            let [x, _, z] = heart(&piece);
            let mut violation = field.violation(
                What::OpenBoundary,
                SCENARIO,
                Severity::High,
                nav.place(field.world, x as usize + nav.nx * z as usize),
                format!(
                    "the floor ends before nothing over {}: an agent can walk out of the world",
                    field.length(length)
                ),
            );
            violation.size = [w, field.body.height, d];
            violation.evidence.cells = piece.len();
            found.violations.push(violation);
        }
    }
}

/// Rays into all directions from where agents can stand.
fn escapes(field: &Field<'_>, found: &mut Findings) -> Result<(), AgentError> {
    let nav = &field.nav;
    let places: Vec<usize> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, &field.body))
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    let golden = std::f64::consts::PI * (3.0 - 5f64.sqrt());
    let mut rays = Vec::with_capacity(SEEDS * RAYS);
    for k in 0..SEEDS.min(places.len()) {
        let at = places[k * places.len() / SEEDS.min(places.len())];
        let mut from = nav.place(field.world, at);
        from[1] += 0.5 * field.body.height;
        for n in 0..RAYS {
            let y = 1.0 - 2.0 * (n as f64 + 0.5) / RAYS as f64;
            let r = (1.0 - y * y).sqrt();
            let a = golden * n as f64;
            let to = DVec3::new(r * a.cos(), y, r * a.sin());
            rays.push(Ray::new(from, to.to_array(), f64::INFINITY));
        }
    }
    let hits = field.caster.cast(&rays, true, field.monitor)?;
    let share =
        |end: HitState| hits.iter().filter(|h| h.end() == end).count() as f64 / hits.len() as f64;
    found.metric("enclosure", share(HitState::Solid));
    found.metric("escapes_seen", share(HitState::Left));
    found.metric("escapes_unknown", share(HitState::Unknown));
    let unseen = share(HitState::Unknown);
    if unseen > UNSEEN {
        found.notes.push(format!(
            "{:.0}% of the looks around from the floor end where nothing was ever seen: whether the world is closed there is not known",
            100.0 * unseen
        ));
    }
    Ok(())
}
