//! Agents that walk: kernels beside their twins, and what becomes of walks in worlds that are known.

use sora_director::agent::met::MetParams;
use sora_director::agent::raycast::{Caster, HitState, Path};
use sora_director::agent::sweep::{Capsule, Met, SWEEP, SweepParams};
use sora_director::agent::terrain::Terrain;
use sora_director::agent::traverse::Nav;
use sora_director::agent::walk::{End, TALLY, Trip, WALK, Walked, Walker, params, walk};
use sora_director::agent::{AgentOptions, Body, inspect};
use sora_director::camera::LengthUnit;
use sora_director::gpu::groups_1d;
use sora_director::monitor::Silent;
use sora_director::world::sweep::Sweep;
use sora_director::world::{Voxel, World};

use super::random_world;
use crate::common::parity::Case;
use crate::common::{Rng, gpu};
use crate::room::cameras;

const BODY: Body = Body {
    height: 1.7,
    radius: 0.3,
    climb: 0.2,
    gravity: 9.81,
    slope: 1.0,
};
const VOXEL: f32 = 0.1;

/// A hall of 6 x 4 with a floor at .8 and walls, but for what `other` says of a voxel.
fn hall(other: impl Fn([u32; 3]) -> Option<Voxel>) -> World {
    let dims = [60, 30, 40];
    let mut world = World::empty([0.0; 3], VOXEL, dims);
    (world.floor_found, world.unit, world.floor) = (true, LengthUnit::Metres, 0.8);
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| {
            let p = world.coordinates(i);
            let [x, y, z] = p;
            let wall = x == 0 || x == dims[0] - 1 || z == 0 || z == dims[2] - 1;
            let plain = if wall || y < 8 {
                Voxel::Solid
            } else {
                Voxel::Free
            };
            other(p).unwrap_or(plain)
        })
        .collect();
    world.fill(0, states);
    world
}

fn middle(x: u32, y: f32, z: u32) -> [f32; 3] {
    [(x as f32 + 0.5) * VOXEL, y, (z as f32 + 0.5) * VOXEL]
}

/// Where all of them go: a column of the hall.
const GOAL: [u32; 2] = [50, 20];

fn goal() -> usize {
    GOAL[0] as usize + 60 * GOAL[1] as usize
}

/// Walks through `world`, led by what an empty hall looks like.
fn led(world: &World, froms: &[[f32; 3]], stop: bool) -> (Walked, Vec<Walker>) {
    let gpu = gpu();
    let nav = Nav::new(&hall(|_| None), &BODY);
    let terrain = Terrain::new(&nav, &BODY, &[goal()]);
    let caster = Caster::new(&gpu, world).expect("upload");
    let trips: Vec<Trip> = froms
        .iter()
        .map(|&from| Trip {
            from,
            goal: 0,
            shortest: 1.0,
        })
        .collect();
    let walked = walk(&caster, &terrain, &BODY, &trips, stop, &Silent).expect("walk");
    let walkers = walked.walkers(&gpu).expect("read");
    (walked, walkers)
}

/// One agent along the middle of the hall, past x = 3.
fn one(other: impl Fn([u32; 3]) -> Option<Voxel>, z: u32, stop: bool) -> Walker {
    led(&hall(other), &[middle(10, 0.8, z)], stop).1[0]
}

/// A ramp with upright sides, too high to step on and too low to be steep over a body's width: floor, and in the way of
/// whoever walks beside it.
#[test]
fn floor_of_another_height_is_in_the_way_beside_it() {
    let gpu = gpu();
    let world = hall(|[x, y, z]| {
        let ramp = (20..36).contains(&x) && (14..26).contains(&z) && y < 8 + (x - 18) / 3;
        ramp.then_some(Voxel::Solid)
    });
    let nav = Nav::new(&world, &BODY);
    let at = |x: usize, z: usize| x + 60 * z;
    // On the ramp; beside its low end, where it can be stepped on; beside its high end, within the radius and not.
    for (x, z, stands) in [
        (25, 20, true),
        (32, 20, true),
        (23, 13, true),
        (26, 13, false),
        (32, 13, false),
        (32, 12, false),
        (32, 11, false),
        (31, 11, true),
        (32, 10, true),
        (37, 20, false),
        (40, 20, true),
    ] {
        assert_eq!(nav.standable(at(x, z), &BODY), stands, "{x} {z}");
    }
    let goals = [at(55, 6), at(33, 20), at(6, 33)];
    let terrain = Terrain::new(&nav, &BODY, &goals);
    let trips: Vec<Trip> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, &BODY))
        .flat_map(|from| (0..3).map(move |goal| (from, goal)))
        .filter(|&(from, goal)| terrain.costs[goal][from] < 1e6)
        .map(|(from, goal)| Trip {
            from: nav.place(&world, from).map(|a| a as f32),
            goal,
            shortest: terrain.costs[goal][from],
        })
        .collect();
    assert!(trips.len() > 3000, "{}", trips.len());
    let caster = Caster::new(&gpu, &world).expect("upload");
    let walked = walk(&caster, &terrain, &BODY, &trips, false, &Silent).expect("walk");
    assert_eq!(walked.touched(), 0);
    assert_eq!(walked.clean(End::Arrived), trips.len() as u64);
}

/// Treads of two columns, steps of two voxels: what a body can climb is not in its way. And a beam over floor that is lower
/// than the body's own, which has no room for its head beside it.
#[test]
fn stairs_stay_open_and_low_beams_do_not() {
    let gpu = gpu();
    let climber = Body { slope: 1.3, ..BODY };
    let world = hall(|[x, y, z]| {
        let raised = (8..14).contains(&x) && y < 10;
        let beam = (14..16).contains(&x) && z < 12 && (25..27).contains(&y);
        let stair = (20..28).contains(&x) && y < 8 + 2 * ((x - 18) / 2);
        let platform = x >= 28 && y < 16;
        (raised || beam || stair || platform).then_some(Voxel::Solid)
    });
    let nav = Nav::new(&world, &climber);
    let at = |x: usize, z: usize| x + 60 * z;
    for (x, z, stands) in [
        (11, 6, true),
        (12, 6, false),
        (13, 6, false),
        (13, 20, true),
        (17, 6, true),
        (22, 20, true),
        (23, 20, true),
        (27, 20, true),
        (40, 20, true),
    ] {
        assert_eq!(nav.standable(at(x, z), &climber), stands, "{x} {z}");
    }
    let terrain = Terrain::new(&nav, &climber, &[at(40, 20)]);
    let trips: Vec<Trip> = (5..35)
        .map(|z| at(5, z))
        .map(|from| Trip {
            from: nav.place(&world, from).map(|a| a as f32),
            goal: 0,
            shortest: terrain.costs[0][from],
        })
        .collect();
    let caster = Caster::new(&gpu, &world).expect("upload");
    let walked = walk(&caster, &terrain, &climber, &trips, false, &Silent).expect("walk");
    assert_eq!(walked.clean(End::Arrived), trips.len() as u64);
    for walker in walked.walkers(&gpu).expect("read") {
        assert!((walker.place[1] - 1.6).abs() < 1e-3, "{walker:?}");
    }
}

#[test]
fn agents_arrive_by_the_shortest_way() {
    let gpu = gpu();
    // A wall with a door, a pillar, and a platform with a kerb that can be stepped on.
    let world = hall(|[x, y, z]| {
        let wall = (28..31).contains(&x) && !(12..22).contains(&z);
        let pillar = (40..43).contains(&x) && (15..18).contains(&z);
        let platform = x >= 44 && y < 10;
        (wall || pillar || platform).then_some(Voxel::Solid)
    });
    let nav = Nav::new(&world, &BODY);
    let standable: Vec<usize> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, &BODY))
        .collect();
    let goals = [
        standable[0],
        standable[standable.len() / 2],
        standable[standable.len() - 1],
    ];
    let terrain = Terrain::new(&nav, &BODY, &goals);
    let trips: Vec<Trip> = standable
        .iter()
        .step_by(3)
        .enumerate()
        .map(|(k, &from)| Trip {
            from: nav.place(&world, from).map(|a| a as f32),
            goal: k % 3,
            shortest: terrain.costs[k % 3][from],
        })
        .collect();
    let mut kept: Option<Vec<Walker>> = None;
    for _ in 0..2 {
        let caster = Caster::new(&gpu, &world).expect("upload");
        let walked = walk(&caster, &terrain, &BODY, &trips, false, &Silent).expect("walk");
        assert_eq!(walked.clean(End::Arrived), trips.len() as u64);
        assert_eq!(
            (walked.touched(), walked.ended(End::Arrived)),
            (0, trips.len() as u64)
        );
        let walkers = walked.walkers(&gpu).expect("read");
        let (mut steps, mut length) = (0, 0.0);
        for (trip, walker) in trips.iter().zip(&walkers) {
            let aim = nav.place(&world, goals[trip.goal]);
            let off = |a: usize, b: f64| (f64::from(trip.from[a]) - b).abs();
            let [x, y, z, went] = walker.place.map(f64::from);
            let straight = off(0, aim[0]).hypot(off(2, aim[2]));
            assert!((x - aim[0]).hypot(z - aim[2]) < 1e-3, "{walker:?}");
            assert!((y - aim[1]).abs() < 1e-3, "{walker:?}");
            assert!(went < f64::from(trip.shortest) + 1e-3 && went > straight - 1e-3);
            (steps, length) = (steps + u64::from(walker.steps), length + went);
        }
        assert_eq!(walked.steps, steps);
        assert!((walked.length - length).abs() < 1e-4 * length);
        assert!(
            walked.shares > 0.98 * trips.len() as f64,
            "{}",
            walked.shares
        );
        // To the bit, again and again.
        assert!(kept.is_none_or(|kept| kept == walkers));
        kept = Some(walkers);
    }
    // The way as corners: from place to place, as long as it costs.
    let [from, last] = [standable[standable.len() - 1], goals[0]];
    let path = terrain.path(&nav, &BODY, from, 0).expect("a way");
    let line = Terrain::line(&world, &nav, &path);
    assert_eq!(
        (line[0], line[line.len() - 1]),
        (nav.place(&world, from), nav.place(&world, last))
    );
    let length: f64 = line
        .windows(2)
        .map(|w| (w[1][0] - w[0][0]).hypot(w[1][2] - w[0][2]))
        .sum();
    assert!(
        (length - f64::from(terrain.costs[0][from])).abs() < 1e-3,
        "{length}"
    );
    assert!(line.len() < 60, "{} corners", line.len());
}

#[test]
fn agents_climb_slide_and_fall() {
    let solid = |is: bool| is.then_some(Voxel::Solid);
    // A kerb as high as a step is climbed, a higher one is not.
    let kerb = |rows: u32| {
        move |[x, y, _]: [u32; 3]| solid((28..34).contains(&x) && (8..8 + rows).contains(&y))
    };
    let low = one(kerb(2), 20, false);
    assert_eq!((low.end(), low.counts[0]), (End::Arrived, 0), "{low:?}");
    for rows in [3, 6, 20] {
        let high = one(kerb(rows), 20, false);
        assert_eq!(high.end(), End::Stuck, "{rows}: {high:?}");
        assert!(
            high.counts[0] > 0 && high.place[0] < 2.81,
            "{rows}: {high:?}"
        );
        assert!((high.place[1] - 0.8).abs() < 1e-4, "{rows}: {high:?}");
    }
    // Only the head runs into a beam; under a higher one it passes.
    let beam = |y0: u32| move |[x, y, _]: [u32; 3]| solid((28..30).contains(&x) && y >= y0);
    assert_eq!(one(beam(23), 20, false).end(), End::Stuck);
    let under = one(beam(25), 20, false);
    assert_eq!((under.end(), under.counts[0]), (End::Arrived, 0));
    // A pillar that nothing tells of: round it by its corner, stuck before its face.
    let pillar = |first: u32, last: u32| {
        move |[x, _, z]: [u32; 3]| solid((28..32).contains(&x) && (first..last).contains(&z))
    };
    let round = one(pillar(10, 19), 20, false);
    assert!(
        round.end() == End::Arrived && round.counts[0] > 0,
        "{round:?}"
    );
    assert_eq!(one(pillar(17, 22), 20, false).end(), End::Stuck);
    // A crack under the middle is stepped over; a hole is fallen into, to its ground or out of the world.
    let gone = |wide: u32, ground: u32, state: Voxel| {
        move |[x, y, _]: [u32; 3]| {
            ((28..28 + wide).contains(&x) && (ground..8).contains(&y)).then_some(state)
        }
    };
    let crack = one(gone(2, 0, Voxel::Free), 20, false);
    assert_eq!(
        (crack.end(), crack.counts[0]),
        (End::Arrived, 0),
        "{crack:?}"
    );
    for (ground, y) in [(2, 0.2), (0, 0.0)] {
        let fell = one(gone(12, ground, Voxel::Free), 20, false);
        assert_eq!(fell.end(), End::Fell, "{fell:?}");
        assert!((fell.place[1] - y).abs() < 1e-3, "{fell:?}");
    }
    // A hollow as deep as a step is no hole.
    assert_eq!(one(gone(12, 6, Voxel::Free), 20, false).end(), End::Arrived);
    // What was never seen is no hole either, and stops a body where that is asked for.
    assert_eq!(
        one(gone(12, 0, Voxel::Unknown), 20, false).end(),
        End::Unseen
    );
    let curtain = |[x, y, _]: [u32; 3]| (x == 30 && y > 7).then_some(Voxel::Unknown);
    let passed = one(curtain, 20, false);
    assert_eq!((passed.end(), passed.counts[0]), (End::Arrived, 0));
    assert_eq!(one(curtain, 20, true).end(), End::Unseen);
}

#[test]
fn squat_agents_walk_on_their_floor() {
    let gpu = gpu();
    // Higher than its climb by less than its own width: it passes under a beam that is over its head, and nothing else.
    let squat = Body {
        height: 0.6,
        radius: 0.3,
        ..BODY
    };
    for (beam, end) in [(15, End::Arrived), (12, End::Stuck)] {
        let world = hall(|[x, y, _]| {
            ((28..31).contains(&x) && (beam..beam + 3).contains(&y)).then_some(Voxel::Solid)
        });
        let nav = Nav::new(&hall(|_| None), &squat);
        let terrain = Terrain::new(&nav, &squat, &[goal()]);
        let caster = Caster::new(&gpu, &world).expect("upload");
        let trip = Trip {
            from: middle(10, 0.8, 20),
            goal: 0,
            shortest: 4.0,
        };
        let walked = walk(&caster, &terrain, &squat, &[trip], false, &Silent).expect("walk");
        assert_eq!(walked.ended(end), 1, "{:?}", walked.walkers(&gpu));
        assert_eq!(walked.clean(end), u64::from(end == End::Arrived));
    }
}

#[test]
fn every_start_has_an_answer() {
    let nan = f32::NAN;
    let froms = [
        middle(0, 0.8, 20),
        [nan, 0.8, 2.0],
        [1.0, f32::INFINITY, 2.0],
        [-1.0, 0.8, 2.0],
        [1.0, 0.8, 1e17],
        middle(GOAL[0], 0.8, GOAL[1]),
        // In the air: down first.
        middle(10, 1.2, 20),
        // At a wall, nearer than agents are led.
        [0.37, 0.8, 2.05],
    ];
    let ends = |world: &World, stop: bool| -> Vec<End> {
        led(world, &froms, stop).1.iter().map(Walker::end).collect()
    };
    use End::{Arrived, Astray, Fell, Inside, Outside, Unseen};
    let lost = [Astray, Astray, Outside, Outside];
    let all = |first: End, rest: End| [&[first][..], &lost, &[rest; 3]].concat();
    assert_eq!(ends(&hall(|_| None), true), all(Inside, Arrived));
    let filled = |state: Voxel| hall(move |_| Some(state));
    assert_eq!(ends(&filled(Voxel::Solid), false), all(Inside, Inside));
    assert_eq!(ends(&filled(Voxel::Unknown), true), all(Unseen, Unseen));
    assert_eq!(ends(&filled(Voxel::Unknown), false)[1..5], lost);
    assert_eq!(ends(&filled(Voxel::Unknown), false)[6], Unseen);
    assert_eq!(ends(&filled(Voxel::Free), false)[6..], [Fell, Fell]);
    // Nobody, and a goal that cannot be reached.
    assert_eq!(led(&hall(|_| None), &[], false).1, []);
    let split = hall(|[x, _, _]| (x == 30).then_some(Voxel::Solid));
    let nav = Nav::new(&split, &BODY);
    let terrain = Terrain::new(&nav, &BODY, &[goal()]);
    let caster = Caster::new(&gpu(), &split).expect("upload");
    let trip = Trip {
        from: middle(10, 0.8, 20),
        goal: 0,
        shortest: 1.0,
    };
    let walked = walk(&caster, &terrain, &BODY, &[trip], false, &Silent).expect("walk");
    assert_eq!(walked.ended(End::Stuck), 1);
    assert!(terrain.path(&nav, &BODY, 10 + 60 * 20, 0).is_none());
    let none = Terrain::new(&nav, &BODY, &[]);
    let walked = walk(&caster, &none, &BODY, &[], false, &Silent).expect("walk");
    assert_eq!((walked.steps, walked.touched()), (0, 0));
}

/// Larger than the world, in each direction, and worlds of a single voxel.
#[test]
fn agents_larger_than_the_world_are_told() {
    let gpu = gpu();
    let world = hall(|[_, y, _]| (y == 29).then_some(Voxel::Solid));
    for (radius, height, end) in [
        // Over what it climbs it is swept no wider than it is high, and from nowhere leads a way.
        (50.0, 1.7, End::Stuck),
        // Where it stands all the same, it stands in something.
        (0.3, 50.0, End::Inside),
        (50.0, 500.0, End::Inside),
    ] {
        let options = AgentOptions {
            radius_metres: radius,
            height_metres: height,
            ..AgentOptions::default()
        };
        let found = inspect(&gpu, &world, &[], &cameras(2), &options, &Silent).expect("report");
        assert!(!found.report.metrics.contains_key("path_completion"));
        let told = |n: &String| n.contains("wide enough") || n.contains("no walkable floor");
        assert!(
            found.report.notes.iter().any(told),
            "{:?}",
            found.report.notes
        );
        let body = Body {
            radius,
            height,
            ..BODY
        };
        let nav = Nav::new(&world, &body);
        let terrain = Terrain::new(&nav, &body, &[goal()]);
        let caster = Caster::new(&gpu, &world).expect("upload");
        let trip = Trip {
            from: middle(10, 0.8, 20),
            goal: 0,
            shortest: 1.0,
        };
        let walked = walk(&caster, &terrain, &body, &[trip], false, &Silent).expect("walk");
        assert_eq!(walked.ended(end), 1, "{radius} {height}");
    }
    let mut grain = World::empty([0.0; 3], 1.0, [1, 1, 1]);
    let ball = Sweep {
        middle: [0.5; 3],
        height: 0.2,
        radius: 0.1,
        motion: [1.0, 0.0, 0.0],
    };
    let huge = Sweep {
        height: 1e6,
        radius: 1e5,
        ..ball
    };
    for (state, ends) in [
        (Voxel::Solid, [HitState::Solid; 2]),
        (Voxel::Free, [HitState::None; 2]),
        (Voxel::Unknown, [HitState::Unknown; 2]),
    ] {
        grain.fill(0, [state]);
        for path in [Path::Kernel, Path::Host] {
            let caster = Caster::on(&gpu, &grain, path).expect("upload");
            let met = caster.sweep(&[ball, huge], true, &Silent).expect("sweep");
            assert_eq!([met[0].state, met[1].state], ends, "{path:?}");
            if state != Voxel::Free {
                // The core lies in it.
                assert_eq!((met[0].t, met[0].normal, met[1].t), (0.0, [0.0; 3], 0.0));
            }
        }
    }
    let none = World::empty([0.0; 3], 1.0, [0, 4, 4]);
    assert_eq!(none.sweep(&[ball, huge], true)[1].state, HitState::None);
}

#[test]
fn kernels_of_capsules_match_their_twins() {
    for (count, dims, stop) in [
        (0usize, [4, 4, 4], 0u32),
        (1, [1, 1, 1], 1),
        (63, [3, 5, 7], 0),
        (64, [16, 8, 4], 1),
        (65, [17, 16, 16], 0),
        (1500, [40, 24, 33], 0),
        (1500, [70, 31, 20], 1),
    ] {
        let world = random_world(dims, count as u64 + 5);
        let mut rng = Rng(count as u64);
        let odd = [f32::NAN, f32::INFINITY, -1.0, 0.0, 1e18, -0.0];
        let capsules: Vec<Capsule> = (0..count)
            .map(|i| {
                let mut c = Capsule {
                    middle: std::array::from_fn(|a| match a {
                        3 => rng.range(0.0, 1.2),
                        _ => {
                            world.origin[a]
                                + rng.range(-0.3, 1.3) * world.dims[a] as f32 * world.voxel
                        }
                    }),
                    motion: std::array::from_fn(|a| match a {
                        3 => rng.range(0.02, 0.3),
                        _ => rng.normal(),
                    }),
                };
                match i % 8 {
                    1 => c.motion[1] = 0.0,
                    2 => (c.motion[0], c.motion[2]) = (0.0, 0.0),
                    3 => c.middle[rng.u32() as usize % 4] = odd[rng.u32() as usize % 6],
                    4 => c.motion[rng.u32() as usize % 4] = odd[rng.u32() as usize % 6],
                    _ => {}
                }
                c
            })
            .collect();
        let params = SweepParams {
            origin: [-1.5, 0.25, 2.0, 8.0],
            dims: [dims[0], dims[1], dims[2], 0],
            capsules: count as u32,
            stop_unknown: stop,
            pad: [0; 2],
        };
        let [masks, blocks, regions] = world.bricks().levels().map(|l| l.as_flattened());
        Case::new(&SWEEP, params)
            .input(world.bricks().tags())
            .input(masks)
            .input(blocks)
            .input(regions)
            .input(&capsules)
            .output::<Met>(count)
            .run(groups_1d(count, 64));
    }
}

#[test]
fn kernels_of_walks_match_their_twins() {
    // Cluttered beyond what agents are led by.
    let mut rng = Rng(8);
    let world = hall(|[x, y, z]| {
        let crate_ = x % 13 < 2 && z % 11 < 3 && y < 8 + (x + z) % 14;
        let pit = x % 17 < 4 && z > 30 && y > 1 && y < 8;
        let veil = x % 19 == 3 && z < 8 && y > 7;
        match () {
            () if crate_ => Some(Voxel::Solid),
            () if pit => Some(Voxel::Free),
            () if veil => Some(Voxel::Unknown),
            () => None,
        }
    });
    let gpu = gpu();
    let nav = Nav::new(&hall(|_| None), &BODY);
    let goals = [goal(), 10 + 60 * 10];
    let terrain = Terrain::new(&nav, &BODY, &goals);
    let fields = [&terrain.heights[..], &terrain.costs[0], &terrain.costs[1]].concat();
    let caster = Caster::new(&gpu, &world).expect("upload");
    let [masks, blocks, regions] = world.bricks().levels().map(|l| l.as_flattened());
    for (n, limit, stop) in [
        (0usize, 100, false),
        (1, 100, false),
        (63, 3, true),
        (65, 100, true),
        (700, 100, false),
    ] {
        let walkers: Vec<Walker> = (0..n)
            .map(|i| Walker {
                place: match i % 40 {
                    38 => [f32::NAN, 0.8, 1.0, 0.0],
                    39 => [9.0, 0.8, 1.0, 0.0],
                    _ => [rng.range(0.3, 5.7), 0.8, rng.range(0.3, 3.7), 0.0],
                },
                reach: [1.0, f32::INFINITY],
                goal: rng.u32() % 2,
                state: u32::from(i % 11 == 5),
                ..Walker::default()
            })
            .collect();
        let mut list: Vec<u32> = (0..n as u32).collect();
        list.reverse();
        let out = Case::new(&WALK, params(&caster, &BODY, limit, stop))
            .input(world.bricks().tags())
            .input(masks)
            .input(blocks)
            .input(regions)
            .input(&fields)
            .input(&[n as u32])
            .input(&list)
            .update(&walkers)
            .run(groups_1d(n, 64));
        let ended: Vec<Walker> = out.get(0);
        let met = |end: End| ended.iter().filter(|w| w.end() == end).count();
        eprintln!("{n}: {:?}", End::ALL.map(|e| (e, met(e))));
        if limit == 3 {
            assert!(met(End::Tired) > 15);
        }
        Case::new(
            &TALLY,
            MetParams {
                n: n as u32,
                ..MetParams::default()
            },
        )
        .input(&ended)
        .output::<u32>(n)
        .output::<u32>(n)
        .output::<u32>(n)
        .output::<f32>(n)
        .output::<f32>(n)
        .run(groups_1d(n, 64));
    }
}
