//! Tests of the agent stage: kernels and rays here, scenarios in their own file.

use sora_director::agent::raycast::{Caster, HitState, NOWHERE, Path, Ray};
use sora_director::agent::seen_through::{SEEN_THROUGH, SeenParams};
use sora_director::agent::settle::{SETTLE, SettleParams};
use sora_director::agent::twins as twin;
use sora_director::camera::LengthUnit;
use sora_director::gpu::groups_1d;
use sora_director::monitor::Silent;
use sora_director::world::Voxel;
use sora_director::world::World;
use sora_director::world::fuse::GpuView;

use crate::common::parity::Case;
use crate::common::{Rng, assert_close, garbage, gpu};
use crate::room::{Room, cameras};

mod assets;
mod bed;
mod blank;
mod doubles;
mod doubts;
mod edges;
mod limits;
mod made;
mod meshes;
mod persistence;
mod rays;
mod scenarios;
mod sweeps;
mod walkers;

fn random_world(dims: [u32; 3], seed: u64) -> World {
    let mut rng = Rng(seed);
    let mut world = World::empty([-1.5, 0.25, 2.0], 0.125, dims);
    let states = (0..dims.iter().product::<u32>()).map(|_| match rng.u32() % 40 {
        0 => Voxel::Solid,
        1 => Voxel::Unknown,
        _ => Voxel::Free,
    });
    world.fill(0, states);
    (world.floor_found, world.unit) = (true, LengthUnit::Metres);
    world
}

/// A 4 x 4 x 4 grid of unit voxels at the origin with one solid voxel.
fn one_solid(at: [u32; 3]) -> World {
    let mut world = random_world([4, 4, 4], 1);
    (world.origin, world.voxel) = ([0.0; 3], 1.0);
    world.fill(0, std::iter::repeat_n(Voxel::Free, 64));
    world.set(at, Voxel::Solid);
    world
}

#[test]
fn ray_traps() {
    use HitState::{Invalid, Left, None, Solid, Unknown};
    let mut world = one_solid([2, 1, 1]);
    let dark = world.index([3, 3, 3]);
    world.set([3, 3, 3], Voxel::Unknown);
    let solid = world.index([2, 1, 1]) as u32;
    let nan = f64::NAN;
    let far = f64::INFINITY;
    // Origin, direction, t_max; how it ends, t, voxel.
    type Case = ([f64; 3], [f64; 3], f64, HitState, f32, u32);
    let cases: [Case; 30] = [
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
    let gpu = gpu();
    let caster = Caster::on(&gpu, &world, Path::Kernel).expect("upload");
    let hits = caster.cast(&rays, true, &Silent).expect("cast");
    let blocked = caster.blocked(&rays, true, &Silent).expect("cast");
    for path in [Path::Kernel, Path::Host] {
        let caster = Caster::on(&gpu, &world, path).expect("upload");
        assert_eq!(caster.cast(&rays, true, &Silent).expect("cast"), hits);
        assert_eq!(caster.blocked(&rays, true, &Silent).expect("cast"), blocked);
    }
    assert!(hits.iter().map(|hit| hit.met()).eq(blocked));
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
    for p in world.voxels(Voxel::Unknown).collect::<Vec<_>>() {
        world.set(p, Voxel::Free);
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
    let solid: Vec<[u32; 3]> = world.solids().collect();
    for (ray, hit) in rays.iter().zip(&hits) {
        let boxes = solid.iter().filter_map(|c| {
            let (mut enter, mut leave) = (0.0f64, f64::INFINITY);
            for (a, &c) in c.iter().enumerate() {
                let low = f64::from(world.origin[a]) + f64::from(c) * f64::from(world.voxel);
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
    for i in 0..world.len() {
        let [x, y, z] = world.coordinates(i);
        let top = match x {
            0..16 => 6,
            16..24 => 6 + (x - 16) * 2,
            24..32 => 0,
            _ => 8,
        };
        let state = match y < top {
            _ if (28..32).contains(&x) && y < 4 && z >= 8 => Voxel::Unknown,
            true => Voxel::Solid,
            false => Voxel::Free,
        };
        world.set([x, y, z], state);
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
        let [masks, blocks, regions] = world.bricks().levels().map(|l| l.as_flattened());
        Case::new(&SETTLE, params)
            .input(world.bricks().tags())
            .input(masks)
            .input(blocks)
            .input(regions)
            .input(&bodies)
            .output::<[f32; 4]>(n)
            .run(groups_1d(n, 64));
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
