//! Scenario: can agents walk from anywhere to anywhere?
//!
//! Shortest paths over the walkable columns between spread starts and goals; capsules walk them in lockstep on the GPU.
//! Violations: floor that is cut off from the rest by what was observed, and solid across the camera's own path, which
//! must be free.

use std::collections::BTreeMap;

use glam::DVec3;

use super::cluster::{extent, heart, regions};
use super::inspect::{Field, Findings};
use super::raycast::{HitState, Ray};
use super::terrain::Terrain;
use super::traverse::Column;
use super::walk::{End, Trip, Walked, Walker, walk as walk_all};
use super::{AgentError, Severity, What};
use crate::world::Voxel;

const SCENARIO: &str = "path_traversal";
/// Ways that are kept for maps, at most.
const SHOWN: usize = 32;
/// Columns of all starts' costs at a time; beside them lie as many bounds.
const FIELDS: usize = 32 << 20;

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

/// Pairs of starts and goals, walked by agents all at once. They walk from the goals: each start has one field of costs, and
/// a way is as long both ways.
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
    let (mut unseen, mut cut_off) = (0usize, 0usize);
    let mut walked = Sums::default();
    // So many fields at a time as fit into memory with ease.
    let most = (FIELDS / nav.kind.len()).clamp(1, starts);
    for first in (0..starts).step_by(most) {
        field.go_on()?;
        let some: Vec<usize> = (first..starts.min(first + most)).collect();
        let ends: Vec<usize> = some.iter().map(|s| pick(s + 1)).collect();
        let terrain = Terrain::new(nav, body, &ends);
        let mut trips = Vec::new();
        for (goal, (&s, &end)) in some.iter().zip(&ends).enumerate() {
            for g in 0..starts {
                let from = pick(1 + starts + s * starts + g);
                if from == end {
                    continue;
                }
                if seen[from] == seen[end] {
                    trips.push(Trip {
                        from: nav.place(field.world, from).map(|a| a as f32),
                        goal,
                        shortest: terrain.bounds[goal][from],
                    });
                } else if perhaps[from] == perhaps[end] {
                    // Without a way over what was seen: a fault only if what was seen cuts them off.
                    unseen += 1;
                } else {
                    cut_off += 1;
                }
            }
        }
        let part = walk_all(&field.caster, &terrain, body, &trips, false, field.monitor)?;
        let share = SHOWN * some.len() / starts;
        found
            .paths
            .extend(shown(field, &terrain, &trips, &part, share.max(1))?);
        walked.add(&part);
    }
    // What ended in space that nothing tells of is no fault.
    unseen += walked.unseen;
    let tried = cut_off + walked.agents - walked.unseen;
    found.metric("path_pairs", tried as f64);
    found.metric("path_pairs_unknown", unseen as f64);
    found.metric("path_pairs_cut_off", cut_off as f64);
    found.metric("path_pairs_collided", walked.collided as f64);
    found.metric("path_pairs_fell", walked.fell as f64);
    found.metric("agent_steps", walked.steps as f64);
    if tried > 0 {
        found.metric("path_completion", walked.done as f64 / tried as f64);
        found.metric("spl", walked.shares / tried as f64);
    }
    if walked.length > 0.0 {
        found.metric(
            "collisions_per_length",
            walked.collided as f64 / walked.length,
        );
    }
    Ok(())
}

/// The ways of some of the agents on the map, as far as they came: x and z of their corners.
fn shown(
    field: &Field<'_>,
    terrain: &Terrain,
    trips: &[Trip],
    walked: &Walked,
    most: usize,
) -> Result<Vec<Vec<[f32; 2]>>, AgentError> {
    let (nav, world) = (&field.nav, field.world);
    let walkers = walked.walkers(field.caster.gpu())?;
    let some = trips
        .iter()
        .zip(&walkers)
        .step_by(trips.len().div_ceil(most).max(1));
    let way = |(trip, walker): (&Trip, &Walker)| {
        let [x, _, z] = trip.from.map(f64::from);
        let from = nav.cell_of(world, x, z)?;
        let mut path = terrain.path(nav, &field.body, from, trip.goal)?;
        let [x, _, z, _] = walker.place;
        let arrived = walker.end() == End::Arrived;
        if !arrived {
            let off = |i: usize| {
                let [px, _, pz] = nav.place(world, i);
                (px - f64::from(x)).hypot(pz - f64::from(z))
            };
            let nearest = (0..path.len()).min_by(|&a, &b| off(path[a]).total_cmp(&off(path[b])));
            path.truncate(nearest? + 1);
        }
        let line = Terrain::line(world, nav, &path).into_iter();
        let line = line.map(|p| [p[0] as f32, p[2] as f32]);
        Some(line.chain((!arrived).then_some([x, z])).collect())
    };
    Ok(some.filter_map(way).collect())
}

/// What came of all walks.
#[derive(Default)]
struct Sums {
    agents: usize,
    /// Arrived without running into anything.
    done: usize,
    /// Ran into something, or began in it.
    collided: usize,
    fell: usize,
    unseen: usize,
    steps: u64,
    length: f64,
    shares: f64,
}

impl Sums {
    fn add(&mut self, walked: &Walked) {
        let ended = |end| walked.ended(end) as usize;
        self.agents += End::ALL.into_iter().map(ended).sum::<usize>();
        self.done += walked.clean(End::Arrived) as usize;
        self.collided += walked.touched() as usize + ended(End::Inside);
        self.fell += ended(End::Fell);
        self.unseen += ended(End::Unseen);
        self.steps += walked.steps;
        self.length += walked.length;
        self.shares += walked.shares;
    }
}
