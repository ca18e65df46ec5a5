//! Tests of the agent stage.

use sora_director::agent::raycast::{Caster, Hit, HitState, NOWHERE, RAYCAST, Ray, RaycastParams};
use sora_director::agent::seen_through::{SEEN_THROUGH, SeenParams};
use sora_director::agent::settle::{SETTLE, SettleParams};
use sora_director::agent::{AgentError, AgentOptions, AgentReport, Severity, test};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use sora_director::event::{Monitor, Silent};
use sora_director::gpu::groups_1d;
use sora_director::reference::agent as twin;
use sora_director::world::fuse::GpuView;
use sora_director::world::{Alignment, DepthView, Voxel, World, WorldOptions, align, build};

use crate::common::{Rng, assert_close, garbage, gpu, shared};
use crate::room::{Room, cameras};

fn random_world(dims: [u32; 3], seed: u64) -> World {
    let mut rng = Rng(seed);
    World {
        origin: [-1.5, 0.25, 2.0],
        voxel: 0.125,
        dims,
        states: (0..dims.iter().product())
            .map(|_| match rng.u32() % 40 {
                0 => 2,
                1 => 0,
                _ => 1,
            })
            .collect(),
        floor: 0.0,
        floor_found: true,
        unit: LengthUnit::Metres,
        notes: Vec::new(),
    }
}

/// Rays of every kind, traps among them.
fn rays(world: &World, count: usize, seed: u64) -> Vec<Ray> {
    let mut rng = Rng(seed);
    let odd = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        3e38,
        0.0,
        -0.0,
        1e-30,
        1e18,
    ];
    (0..count)
        .map(|i| {
            let mut o: [f32; 3] = std::array::from_fn(|a| {
                let size = world.dims[a] as f32 * world.voxel;
                world.origin[a] + rng.range(-0.3, 1.3) * size
            });
            let mut d: [f32; 3] = std::array::from_fn(|_| rng.normal());
            let mut t_max = if rng.u32() % 3 == 0 {
                f32::INFINITY
            } else {
                6.0 * rng.f32()
            };
            let axis = rng.u32() as usize % 3;
            match i % 8 {
                // On a voxel face, along the axes, in a plane.
                1 => {
                    o[axis] = world.origin[axis]
                        + (rng.u32() % (world.dims[axis] + 1)) as f32 * world.voxel
                }
                2 => d = std::array::from_fn(|a| if a == axis { d[a].signum() } else { 0.0 }),
                3 => {
                    d[axis] = 0.0;
                    o = std::array::from_fn(|a| {
                        world.origin[a] + (rng.u32() % (world.dims[a] + 1)) as f32 * world.voxel
                    });
                }
                4 => {
                    o = std::array::from_fn(|a| {
                        world.origin[a] + (rng.u32() % (world.dims[a] + 1)) as f32 * world.voxel
                    });
                    d = std::array::from_fn(|a| if a == axis { 1.0 } else { 0.0 });
                }
                5 if rng.u32() % 2 == 0 => d[axis] = odd[rng.u32() as usize % odd.len()],
                6 if rng.u32() % 2 == 0 => o[axis] = odd[rng.u32() as usize % odd.len()],
                7 if rng.u32() % 2 == 0 => t_max = odd[rng.u32() as usize % odd.len()],
                _ => {}
            }
            Ray {
                origin: [o[0], o[1], o[2], t_max],
                direction: [d[0], d[1], d[2], f32::NAN],
            }
        })
        .collect()
}

#[test]
fn raycast_matches_its_twin() {
    let gpu = gpu();
    for (count, dims, stop) in [
        (0usize, [4, 4, 4], 0u32),
        (1, [1, 1, 1], 1),
        (63, [3, 5, 7], 0),
        (64, [16, 8, 4], 1),
        (65, [16, 16, 16], 0),
        (20_000, [40, 24, 33], 0),
        (20_000, [17, 31, 9], 1),
    ] {
        let world = random_world(dims, count as u64 + 5);
        let rays = rays(&world, count, count as u64);
        let params = RaycastParams {
            origin: [-1.5, 0.25, 2.0, 8.0],
            dims: [dims[0], dims[1], dims[2], 0],
            rays: count as u32,
            stop_unknown: stop,
            pad: [0; 2],
        };
        let (voxels, uploaded) = (
            gpu.upload(&world.packed()).expect("up"),
            gpu.upload(&rays).expect("up"),
        );
        let hits = garbage::<Hit>(&gpu, count);
        let mut recorder = gpu.recorder();
        recorder
            .run(
                &RAYCAST,
                &params,
                &[&voxels, &uploaded, &hits],
                groups_1d(count, 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let want = twin::raycast::raycast(&params, &world.packed(), &rays);
        let got = gpu.read(&hits).expect("read");
        for (i, (g, w)) in got.iter().zip(&want).enumerate() {
            let same = (g.state, g.voxel, g.face) == (w.state, w.voxel, w.face);
            assert!(
                same && (g.t - w.t).abs() <= 1e-5 * (1.0 + w.t.abs()) || (same && g.t == w.t),
                "ray {i} {:?}: kernel {g:?}, twin {w:?}",
                rays[i]
            );
        }
    }
}

/// A 4 x 4 x 4 grid of unit voxels at the origin with one solid voxel.
fn one_solid(at: [u32; 3]) -> World {
    let mut world = random_world([4, 4, 4], 1);
    (world.origin, world.voxel) = ([0.0; 3], 1.0);
    world.states.fill(Voxel::Free as u8);
    let i = world.index(at);
    world.states[i] = Voxel::Solid as u8;
    world
}

#[test]
fn ray_traps() {
    use HitState::{Invalid, Left, None, Solid, Unknown};
    let mut world = one_solid([2, 1, 1]);
    let dark = world.index([3, 3, 3]);
    world.states[dark] = Voxel::Unknown as u8;
    let solid = world.index([2, 1, 1]) as u32;
    let nan = f64::NAN;
    let far = f64::INFINITY;
    let cases: Vec<([f64; 3], [f64; 3], f64, HitState, f32, u32)> = vec![
        // Along an axis, from inside and from outside, both ways.
        ([0.5, 1.5, 1.5], [1.0, 0.0, 0.0], far, Solid, 1.5, solid),
        ([-3.0, 1.5, 1.5], [1.0, 0.0, 0.0], far, Solid, 5.0, solid),
        ([9.0, 1.5, 1.5], [-1.0, 0.0, 0.0], far, Solid, 6.0, solid),
        ([2.5, 9.0, 1.5], [0.0, -2.0, 0.0], far, Solid, 3.5, solid),
        // Negative zero is zero.
        ([0.5, 1.5, 1.5], [1.0, -0.0, -0.0], far, Solid, 1.5, solid),
        // In the plane of a voxel face: it belongs to the voxel above it, so the ray at y = 1 hits and at y = 2 does not.
        ([0.5, 1.0, 1.5], [1.0, 0.0, 0.0], far, Solid, 1.5, solid),
        ([0.5, 2.0, 1.5], [1.0, 0.0, 0.0], far, Left, 3.5, NOWHERE),
        ([0.5, 1.0, 1.0], [1.0, 0.0, 0.0], far, Solid, 1.5, solid),
        // In the plane of the grid's own faces.
        ([-1.0, 0.0, 1.5], [1.0, 0.0, 0.0], far, Left, 5.0, NOWHERE),
        ([-1.0, 4.0, 1.5], [1.0, 0.0, 0.0], far, Left, 0.0, NOWHERE),
        // From the face of the solid, into and away from it.
        ([2.0, 1.5, 1.5], [1.0, 0.0, 0.0], far, Solid, 0.0, solid),
        ([3.0, 1.5, 1.5], [-1.0, 0.0, 0.0], far, Solid, 0.0, solid),
        ([3.0, 1.5, 1.5], [1.0, 0.0, 0.0], far, Left, 1.0, NOWHERE),
        // From inside it.
        ([2.5, 1.5, 1.5], [0.0, 0.0, 1.0], far, Solid, 0.0, solid),
        // Through exact corners of voxels: ties step along x first, so a touched voxel counts.
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], far, Solid, 2.0, solid),
        ([0.0, 0.0, 2.0], [1.0, 1.0, 1.0], far, Left, 2.0, NOWHERE),
        ([1.0, 0.0, 0.0], [1.0, 1.0, 1.0], far, Solid, 1.0, solid),
        // t_max before, at and after the hit.
        (
            [0.5, 1.5, 1.5],
            [1.0, 0.0, 0.0],
            1.49,
            None,
            1.49,
            u32::MAX - 1,
        ),
        ([0.5, 1.5, 1.5], [1.0, 0.0, 0.0], 1.5, Solid, 1.5, solid),
        ([-3.0, 1.5, 1.5], [1.0, 0.0, 0.0], 2.0, None, 2.0, NOWHERE),
        // Pointing away, and past the grid.
        ([-3.0, 1.5, 1.5], [-1.0, 0.0, 0.0], far, Left, 0.0, NOWHERE),
        ([-3.0, 9.0, 1.5], [1.0, 0.1, 0.0], far, Left, 0.0, NOWHERE),
        // Unknown space stops rays here.
        (
            [3.5, 3.5, 0.5],
            [0.0, 0.0, 1.0],
            far,
            Unknown,
            2.5,
            dark as u32,
        ),
        // What is no ray.
        ([nan, 1.5, 1.5], [1.0, 0.0, 0.0], far, Invalid, 0.0, NOWHERE),
        ([0.5, 1.5, 1.5], [1.0, nan, 0.0], far, Invalid, 0.0, NOWHERE),
        (
            [0.5, 1.5, 1.5],
            [f64::INFINITY, 0.0, 0.0],
            far,
            Invalid,
            0.0,
            NOWHERE,
        ),
        ([0.5, 1.5, 1.5], [0.0, 0.0, 0.0], far, Invalid, 0.0, NOWHERE),
        ([0.5, 1.5, 1.5], [1.0, 0.0, 0.0], nan, Invalid, 0.0, NOWHERE),
        (
            [0.5, 1.5, 1.5],
            [1.0, 0.0, 0.0],
            -1.0,
            Invalid,
            0.0,
            NOWHERE,
        ),
        (
            [1e30, 1.5, 1.5],
            [-1.0, 0.0, 0.0],
            far,
            Invalid,
            0.0,
            NOWHERE,
        ),
    ];
    let rays: Vec<Ray> = cases.iter().map(|c| Ray::new(c.0, c.1, c.2)).collect();
    let caster = Caster::new(&gpu(), &world).expect("upload");
    let hits = caster.cast(&rays, true, &Silent).expect("cast");
    for (case, hit) in cases.iter().zip(&hits) {
        let (state, t, voxel) = (case.3, case.4, case.5);
        assert_eq!(hit.end(), state, "{case:?}: {hit:?}");
        assert!((hit.t - t).abs() < 1e-5, "{case:?}: {hit:?}");
        assert!(
            voxel == u32::MAX - 1 || hit.voxel == voxel,
            "{case:?}: {hit:?}"
        );
    }
    assert_eq!(hits[0].face, 0, "entered by the -x face");
    assert_eq!(hits[2].face, 1, "entered by the +x face");
    assert_eq!(hits[3].face, 3, "entered by the +y face");
    assert_eq!(hits[13].face, 6, "started inside");
    let passed = caster.cast(&rays[22..23], false, &Silent).expect("cast");
    assert_eq!(
        passed[0].end(),
        Left,
        "unknown space is passed when it does not stop rays"
    );
}

/// Each ray of a dense fan is right: brute force over every solid voxel as a box.
#[test]
fn rays_hit_the_nearest_solid_box() {
    let mut world = random_world([20, 14, 17], 77);
    for s in &mut world.states {
        *s = if *s == 2 { 2 } else { 1 };
    }
    let mut rng = Rng(4);
    let rays: Vec<Ray> = (0..3000)
        .map(|_| {
            let o: [f64; 3] = std::array::from_fn(|a| {
                f64::from(
                    world.origin[a] + rng.range(-0.5, 1.5) * world.dims[a] as f32 * world.voxel,
                )
            });
            Ray::new(
                o,
                std::array::from_fn(|_| f64::from(rng.normal())),
                f64::INFINITY,
            )
        })
        .collect();
    let hits = Caster::new(&gpu(), &world)
        .expect("up")
        .cast(&rays, false, &Silent)
        .expect("cast");
    let solid: Vec<usize> = (0..world.states.len())
        .filter(|&i| world.states[i] == 2)
        .collect();
    for (ray, hit) in rays.iter().zip(&hits) {
        let boxes = solid.iter().filter_map(|&i| {
            let c = world.coordinates(i);
            let (mut enter, mut leave) = (0.0f64, f64::INFINITY);
            for a in 0..3 {
                let low = f64::from(world.origin[a]) + f64::from(c[a]) * f64::from(world.voxel);
                let (o, d) = (f64::from(ray.origin[a]), f64::from(ray.direction[a]));
                let (p, q) = ((low - o) / d, (low + f64::from(world.voxel) - o) / d);
                enter = enter.max(p.min(q));
                leave = leave.min(p.max(q));
            }
            // Corners that are grazed within rounding may go either way.
            (enter < leave - 1e-5).then_some(enter)
        });
        match boxes.min_by(f64::total_cmp) {
            Some(t) => {
                assert!(
                    f64::from(hit.t) <= t + 1e-4,
                    "{ray:?}: missed a box at {t}: {hit:?}"
                );
                assert!(hit.end() == HitState::Solid, "{ray:?}: {hit:?}");
            }
            None => assert!(hit.end() == HitState::Left, "{ray:?}: {hit:?}"),
        }
    }
}

#[test]
fn seen_through_matches_its_twin() {
    let gpu = gpu();
    let room = Room::sound();
    let cameras = cameras(6);
    let views = room.views(&cameras, 48, 36);
    let mut posed = Vec::new();
    let mut depth = Vec::new();
    for view in &views {
        posed.push(GpuView::new(view, depth.len() as u32));
        depth.extend(&view.depth);
    }
    for (i, d) in depth.iter_mut().enumerate().filter(|(i, _)| i % 97 == 0) {
        *d = [f32::NAN, f32::INFINITY, 0.0, -1.0][i % 4];
    }
    let mut rng = Rng(8);
    for (n, before) in [(0u32, 0u32), (1, 0), (63, 0), (64, 2), (65, 0), (3000, 1)] {
        let dims = [24, 14, 30];
        let list: Vec<u32> = (0..n)
            .map(|_| rng.u32() % dims.iter().product::<u32>())
            .collect();
        let params = SeenParams {
            origin: [-2.6, -0.1, -3.1, 0.21],
            dims: [dims[0], dims[1], dims[2], 0],
            voxels: n,
            views: posed.len() as u32,
            first_view: before,
            margin: 0.4,
        };
        let mut want: Vec<[u32; 4]> = (0..n).map(|k| [k % 3, k % 2, 1f32.to_bits(), 0]).collect();
        let seen = if before == 0 {
            garbage(&gpu, n as usize)
        } else {
            gpu.upload(&want).expect("up")
        };
        let (l, v, d) = (
            gpu.upload(&list).expect("up"),
            gpu.upload(&posed).expect("up"),
            gpu.upload(&depth).expect("up"),
        );
        let mut recorder = gpu.recorder();
        recorder
            .run(
                &SEEN_THROUGH,
                &params,
                &[&l, &v, &d, &seen],
                groups_1d(n as usize, 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        twin::seen_through::seen_through(&params, &list, &posed, &depth, &mut want);
        let got = gpu.read(&seen).expect("read");
        for (k, (g, w)) in got.iter().zip(&want).enumerate() {
            assert_eq!((g[0], g[1]), (w[0], w[1]), "voxel {k}");
            assert_close(
                "distance",
                &[f32::from_bits(g[2])],
                &[f32::from_bits(w[2])],
                1e-5,
                1e-5,
            );
        }
        if n == 3000 {
            assert!(want.iter().any(|w| w[0] > 2), "some are seen through");
        }
    }
}

/// A floor with a ramp, a pit, a step and unknown space.
fn terrain() -> World {
    let mut world = random_world([48, 24, 16], 1);
    (world.origin, world.voxel) = ([0.0; 3], 0.1);
    for i in 0..world.states.len() {
        let [x, y, z] = world.coordinates(i);
        let top = match x {
            0..16 => 6,
            16..24 => 6 + (x - 16) * 2,
            24..32 => 0,
            _ => 8,
        };
        world.states[i] = if y < top { 2 } else { 1 };
        if (28..32).contains(&x) && y < 4 && z >= 8 {
            world.states[i] = 0;
        }
    }
    world
}

#[test]
fn settle_matches_its_twin() {
    let gpu = gpu();
    let world = terrain();
    let caster = Caster::new(&gpu, &world).expect("up");
    let params = SettleParams {
        origin: caster.origin,
        dims: caster.dims,
        bodies: 0,
        steps: 60,
        dt: 1.0 / 60.0,
        gravity: 9.81,
        radius: 0.2,
        reach: 0.2,
        friction: 0.8,
        drop: 0.5,
    };
    let mut rng = Rng(2);
    for n in [0usize, 1, 63, 64, 65, 300] {
        let bodies: Vec<[f32; 4]> = (0..n)
            .map(|i| match i % 50 {
                49 => [f32::NAN, 1.0, 1.0, 0.0],
                48 => [1.0, f32::INFINITY, 1.0, 0.0],
                _ => [4.8 * rng.f32(), 0.6 + 0.5 * rng.f32(), 0.3 + rng.f32(), 0.0],
            })
            .collect();
        let params = SettleParams {
            bodies: n as u32,
            ..params
        };
        let rests = garbage::<[f32; 4]>(&gpu, n);
        let b = gpu.upload(&bodies).expect("up");
        let mut recorder = gpu.recorder();
        recorder
            .run(
                &SETTLE,
                &params,
                &[&caster.voxels, &b, &rests],
                groups_1d(n, 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let want = twin::settle::settle(&params, &world.packed(), &bodies);
        let got = gpu.read(&rests).expect("read");
        assert_close(
            "settle",
            got.as_flattened(),
            want.as_flattened(),
            2e-3,
            1e-3,
        );
    }
    // On the flat a body rests, on the ramp of 2 in 1 it slides, over the pit it falls or meets the unknown.
    let flat = [0.8, 0.65, 0.8, 0.0];
    let ramp = [2.0, 1.6, 0.8, 0.0];
    let pit = [2.8, 0.65, 0.3, 0.0];
    let dark = [2.9, 0.65, 1.2, 0.0];
    let rests = sora_director::agent::settle::settle(&caster, &params, &[flat, ramp, pit, dark])
        .expect("settle");
    assert!(
        rests[0].drift == 0.0 && !rests[0].fell && rests[0].energy_rise < 1e-3,
        "{rests:?}"
    );
    assert!(rests[1].drift > 0.05, "{rests:?}");
    assert!(rests[2].fell && !rests[2].unknown, "{rests:?}");
    assert!(rests[3].unknown && !rests[3].fell, "{rests:?}");
}

fn built(room: &Room, cameras: &Cameras) -> (World, Vec<DepthView>, Cameras, Alignment) {
    let views = room.views(cameras, 160, 120);
    let alignment = align(&views, cameras);
    assert!(alignment.floor_found);
    let views = alignment.apply_to_views(&views);
    let options = WorldOptions {
        voxel_metres: 0.07,
        ..Default::default()
    };
    let world = build(&gpu(), &views, &alignment, &options, &Silent).expect("world");
    (world, views, alignment.apply_to_cameras(cameras), alignment)
}

fn show(what: &str, report: &AgentReport) {
    eprintln!("{what}: {:#?}", report.metrics);
    for v in &report.violations {
        eprintln!(
            "  {} {:?} {:?} t {}: {}",
            v.kind, v.severity, v.location, v.timestamp, v.description
        );
    }
    eprintln!("  {:?}", report.notes);
}

/// Planted defects as (word of the description, place in the room, reach), against what was reported.
fn precision_recall(
    report: &AgentReport,
    alignment: &Alignment,
    planted: &[(&str, [f64; 3], f64)],
) -> (usize, usize, usize) {
    let near = |v: &sora_director::agent::Violation,
                (word, place, reach): &(&str, [f64; 3], f64)| {
        let p = alignment.point(glam::DVec3::from_array(*place));
        let q = glam::DVec3::new(v.location.x, v.location.y, v.location.z);
        v.description.contains(word) && p.distance(q) < *reach
    };
    let found = planted
        .iter()
        .filter(|p| report.violations.iter().any(|v| near(v, p)))
        .count();
    let right = report
        .violations
        .iter()
        .filter(|v| planted.iter().any(|p| near(v, p)))
        .count();
    (found, right, report.violations.len())
}

#[test]
fn a_sound_room_has_no_violations() {
    let cameras = cameras(24);
    let (world, views, cameras, _) = built(&Room::sound(), &cameras);
    let report = test(
        &gpu(),
        &world,
        &views,
        &cameras,
        &AgentOptions::default(),
        &Silent,
    )
    .expect("report");
    show("sound", &report);
    assert!(report.violations.is_empty());
    let m = &report.metrics;
    assert!(m["collision_rate"] < 0.02 && m["path_completion"] > 0.95 && m["physics_score"] > 0.97);
    assert!(m["hit_error_p50"] < 0.07 && m["nav_cells"] > 500.0);
    assert_eq!(m["cameras_free_share"], 1.0);
}

#[test]
fn planted_defects_are_found() {
    let cameras = cameras(24);
    let mut room = Room::sound();
    room.holes.push([[-0.6, -0.8], [0.2, 0.1]]);
    room.boxes.push([[0.3, 1.5, 0.5], [0.8, 1.9, 1.0]]);
    let (mut world, views, cameras, alignment) = built(&room, &cameras);
    // An invisible wall cannot come from depth, so it is put into the voxels.
    for i in 0..world.states.len() {
        let p = glam::DVec3::from_array(world.centre(world.coordinates(i).map(i64::from)));
        let p = alignment.rotation.transpose() * (p - alignment.translation);
        let wall =
            (-1.9..-0.9).contains(&p.x) && (-1.6..-1.4).contains(&p.z) && (0.0..1.8).contains(&p.y);
        if wall {
            world.states[i] = Voxel::Solid as u8;
        }
    }
    let run = || {
        test(
            &gpu(),
            &world,
            &views,
            &cameras,
            &AgentOptions::default(),
            &Silent,
        )
        .expect("report")
    };
    let report = run();
    show("planted", &report);
    assert_eq!(report, run(), "deterministic");
    let planted = [
        ("hole", [-0.2, 0.0, -0.35], 0.5),
        ("floats", [0.55, 1.7, 0.75], 0.4),
        ("invisible", [-1.4, 0.9, -1.5], 0.6),
    ];
    let (found, right, all) = precision_recall(&report, &alignment, &planted);
    eprintln!("recall {found}/{}, precision {right}/{all}", planted.len());
    assert_eq!(
        (found, right),
        (3, all),
        "recall {found}/3, precision {right}/{all}"
    );
    let hole = report
        .violations
        .iter()
        .find(|v| v.description.contains("hole"))
        .expect("hole");
    assert_eq!(hole.severity, Severity::High);
    let map = sora_director::report::map::draw(&world, &cameras, &report);
    assert!(
        (500..=700).contains(&map.width().max(map.height())),
        "{:?}",
        map.dimensions()
    );
    let marks = [[215, 30, 35], [245, 140, 20], [30, 90, 220]];
    for mark in marks {
        assert!(
            map.pixels().filter(|p| p.0 == mark).count() > 30,
            "{mark:?} is on the map"
        );
    }
    if let Ok(path) = std::env::var("DIRECTOR_TEST_MAP") {
        map.save(path).expect("save");
    }
    let json = serde_json::to_string(&report).expect("json");
    let back: AgentReport = serde_json::from_str(&json).expect("back");
    assert_eq!(back.violations.len(), report.violations.len());
    for (name, value) in &report.metrics {
        assert!(
            (back.metrics[name] - value).abs() <= 1e-12 * value.abs(),
            "{name}"
        );
    }
    let first = serde_json::to_value(&report.violations[0]).expect("json");
    for field in ["type", "description", "severity", "location", "timestamp"] {
        assert!(first.get(field).is_some(), "{field}: {first}");
    }
}

/// Worlds in which nothing can be walked, and bad input: findings and errors, never a panic.
#[test]
fn worlds_without_a_floor_are_findings() {
    struct Stop;
    impl Monitor for Stop {
        fn stopped(&self) -> bool {
            true
        }
    }
    let gpu = gpu();
    let cameras = cameras(3);
    let views = Room::sound().views(&cameras, 16, 12);
    let options = AgentOptions::default();
    for (dims, fill) in [
        ([1, 1, 1], 0),
        ([6, 5, 4], 0),
        ([9, 9, 9], 1),
        ([8, 8, 8], 2),
        ([40, 1, 1], 2),
    ] {
        let mut world = random_world(dims, 1);
        world.states.fill(fill);
        for unit in [
            LengthUnit::Metres,
            LengthUnit::Arbitrary,
            LengthUnit::CameraHeights,
        ] {
            world.unit = unit;
            for views in [&views[..], &[]] {
                let report =
                    test(&gpu, &world, views, &cameras, &options, &Silent).expect("report");
                assert!(
                    report.notes.iter().any(|n| n.contains("floor")),
                    "{:?}",
                    report.notes
                );
                assert!(!report.metrics.contains_key("path_completion"));
            }
        }
    }
    let world = random_world([8, 8, 8], 3);
    let none = Cameras {
        cameras: Vec::new(),
        ..cameras.clone()
    };
    test(&gpu, &world, &[], &none, &options, &Silent).expect("no cameras are no reason to fail");
    let error = test(&gpu, &world, &views, &cameras, &options, &Stop).expect_err("stopped");
    assert!(matches!(error, AgentError::Interrupted), "{error}");
    let thin = AgentOptions {
        radius_metres: -1.0,
        ..Default::default()
    };
    let error = test(&gpu, &world, &views, &cameras, &thin, &Silent).expect_err("radius");
    assert!(error.to_string().contains("radius_metres"), "{error}");
    let mut torn = world.clone();
    torn.states.pop();
    let error = test(&gpu, &torn, &views, &cameras, &options, &Silent).expect_err("torn");
    assert!(matches!(error, AgentError::World { .. }), "{error}");
    let mut short = views.clone();
    short[0].alpha.pop();
    let error = test(&gpu, &world, &short, &cameras, &options, &Silent).expect_err("short");
    assert!(matches!(error, AgentError::View { .. }), "{error}");
}

/// Measured depth of a real kitchen (7-Scenes): noisy, with gaps, and no floor that the cameras look at for long.
#[test]
fn a_real_kitchen_is_tested() {
    let Some(folder) = shared("data/rgbd/redkitchen_50/rgbd-frames") else {
        return;
    };
    let intrinsics = Intrinsics {
        width: 640,
        height: 480,
        fx: 585.0,
        fy: 585.0,
        cx: 320.0,
        cy: 240.0,
    };
    let (mut list, mut views) = (cameras(1), Vec::new());
    list.cameras.clear();
    for frame in (150..200).step_by(4) {
        let stem = folder.join(format!("frame-{frame:06}"));
        let text = std::fs::read_to_string(stem.with_extension("pose.txt")).expect("pose");
        let m: Vec<f64> = text
            .split_whitespace()
            .map(|n| n.parse().expect("number"))
            .collect();
        let row = |r: usize| glam::DVec3::new(m[4 * r], m[4 * r + 1], m[4 * r + 2]);
        let camera = Camera {
            frame,
            time: (frame - 150) as f64 / 30.0,
            intrinsics,
            pose: Pose {
                rotation: glam::DMat3::from_cols(row(0), row(1), row(2)).transpose(),
                position: glam::DVec3::new(m[3], m[7], m[11]),
            },
            depth_scale: 1.0,
            depth_shift: 0.0,
        };
        let image = image::open(stem.with_extension("depth.png"))
            .expect("depth")
            .into_luma16();
        let half = |x: u32, y: u32| {
            let mm = image.get_pixel(2 * x, 2 * y).0[0];
            if (1..10_000).contains(&mm) {
                f32::from(mm) / 1000.0
            } else {
                0.0
            }
        };
        let depth: Vec<f32> = (0..240)
            .flat_map(|y| (0..320).map(move |x| (x, y)))
            .map(|(x, y)| half(x, y))
            .collect();
        views.push(DepthView {
            camera,
            width: 320,
            height: 240,
            alpha: depth
                .iter()
                .map(|&d| f32::from(u8::from(d > 0.0)))
                .collect(),
            depth,
        });
        list.cameras.push(camera);
    }
    let begin = std::time::Instant::now();
    let alignment = align(&views, &list);
    eprintln!("{alignment:?} {:?}", begin.elapsed());
    let views = alignment.apply_to_views(&views);
    let list = alignment.apply_to_cameras(&list);
    let world = build(
        &gpu(),
        &views,
        &alignment,
        &WorldOptions::default(),
        &Silent,
    )
    .expect("world");
    eprintln!(
        "{:?} {:?} {:?}",
        world.dims,
        world.counts(),
        begin.elapsed()
    );
    let report = test(
        &gpu(),
        &world,
        &views,
        &list,
        &AgentOptions::default(),
        &Silent,
    )
    .expect("report");
    eprintln!("{:?}", begin.elapsed());
    show("kitchen", &report);
    if let Ok(path) = std::env::var("DIRECTOR_TEST_KITCHEN_MAP") {
        let map = sora_director::report::map::draw(&world, &list, &report);
        map.save(path).expect("save");
    }
    assert_eq!(report.metrics["cameras_in_solid_share"], 0.0);
    assert!(report.metrics["collision_rate"] < 0.15);
}

/// `director run-agent` on a folder as the pipeline leaves it, its splats one a pixel of the room.
#[test]
fn run_agent_answers_in_the_promised_shape() {
    let cameras = cameras(8);
    let (world, views, cameras, _) = built(&Room::sound(), &cameras);
    let mut splats = sora_director::splat::Splats::default();
    for view in views.iter().step_by(2) {
        let k = view.intrinsics();
        for i in (0..view.depth.len()).step_by(5) {
            let (x, y) = (i as u32 % view.width, i as u32 / view.width);
            let d = f64::from(view.depth[i]);
            let p = k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, d);
            let p = view.camera.pose.to_world(p);
            splats.positions.push([p.x as f32, p.y as f32, p.z as f32]);
            splats.log_scales.push([(2.0 * d / k.fx).ln() as f32; 3]);
            splats.rotations.push([1.0, 0.0, 0.0, 0.0]);
            splats.opacity_logits.push(4.0);
            splats.sh.push([0.3; 3]);
        }
    }
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    world.save(&at("world.vox")).expect("save");
    std::fs::write(
        at("cameras.json"),
        serde_json::to_string(&cameras).expect("json"),
    )
    .expect("write");
    sora_director::splat::format::write(&at("world.ply"), &splats).expect("ply");
    let run = |asset: &std::path::Path| {
        std::process::Command::new(env!("CARGO_BIN_EXE_director"))
            .args(["run-agent", "--json", "--size", "96", "--map"])
            .arg(at("map.png"))
            .arg(asset)
            .output()
            .expect("run")
    };
    let out = run(folder.path());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}");
    let answer: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one document");
    assert_eq!(answer["success"], true);
    for name in ["collision_rate", "path_completion", "physics_score"] {
        let value = answer["metrics"][name].as_f64().expect(name);
        assert!((0.0..=1.0).contains(&value), "{name} {value}");
    }
    eprintln!("{}", answer["metrics"]);
    assert!(answer["violations"].is_array() && answer["explanation"].is_string());
    assert!(at("map.png").exists());
    std::fs::write(at("world.vox"), b"SDVX").expect("write");
    let cut = run(folder.path());
    let said = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert!(
        !cut.status.success() && said.contains("world.vox") && said.contains("cut short"),
        "{said}"
    );
}
