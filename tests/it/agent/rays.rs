//! Rays: kernels beside their twins, the walks over empty cubes, of one ray and of eight at once, beside one from voxel to
//! voxel, and all beside geometry.

use sora_director::agent::met::{GATHER, MET, MetParams};
use sora_director::agent::raycast::{
    BLOCKED, Caster, Hit, HitState, NOWHERE, Path, RAYCAST, Ray, RaycastParams,
};
use sora_director::gpu::groups_1d;
use sora_director::monitor::Silent;
use sora_director::world::{Voxel, World};

use super::random_world;
use crate::common::parity::Case;
use crate::common::{Rng, gpu};

/// Rays of every kind, traps among them.
pub fn rays(world: &World, count: usize, seed: u64) -> Vec<Ray> {
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
            let mut t_max = if rng.u32().is_multiple_of(3) {
                f32::INFINITY
            } else {
                6.0 * rng.f32()
            };
            let axis = rng.u32() as usize % 3;
            match i % 10 {
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
                5 if rng.u32().is_multiple_of(2) => d[axis] = odd[rng.u32() as usize % odd.len()],
                6 if rng.u32().is_multiple_of(2) => o[axis] = odd[rng.u32() as usize % odd.len()],
                7 if rng.u32().is_multiple_of(2) => t_max = odd[rng.u32() as usize % odd.len()],
                // Between corners of voxels, where planes are crossed at once.
                8 => {
                    o = std::array::from_fn(|a| {
                        world.origin[a] + (rng.u32() % (world.dims[a] + 1)) as f32 * world.voxel
                    });
                    d = std::array::from_fn(|_| {
                        [-1.0, 0.0, 1.0, 2.0, -0.5][rng.u32() as usize % 5]
                    });
                }
                // From far away.
                9 => {
                    let far = 10f32.powi(rng.u32() as i32 % 7);
                    o = std::array::from_fn(|a| o[a] - far * d[a]);
                }
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
fn kernels_of_rays_match_their_twins() {
    for (count, dims, stop) in [
        (0usize, [4, 4, 4], 0u32),
        (1, [1, 1, 1], 1),
        (63, [3, 5, 7], 0),
        (64, [16, 8, 4], 1),
        (65, [16, 16, 16], 0),
        (20_000, [40, 24, 33], 0),
        (20_000, [17, 31, 9], 1),
        (20_000, [130, 70, 90], 1),
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
        let [masks, blocks, regions] = world.bricks().levels().map(|l| l.as_flattened());
        for kernel in [&RAYCAST, &BLOCKED] {
            let case = Case::new(kernel, params)
                .input(world.bricks().tags())
                .input(masks)
                .input(blocks)
                .input(regions)
                .input(&rays);
            let case = match kernel.stem {
                "agent/blocked" => case.output::<u32>(count),
                _ => case.output::<Hit>(count),
            };
            case.run(groups_1d(count, 64));
        }
    }
}

/// Larger than any crossing.
const FAR: f32 = 3.0e38;

/// From voxel to voxel, all of them looked at: `t`, how it ends, voxel, face.
fn plain(world: &World, ray: &Ray, stop: bool) -> (f32, HitState, u32, u32) {
    let ([ox, oy, oz, t_max], [dx, dy, dz, _]) = (ray.origin, ray.direction);
    let (o, d) = ([ox, oy, oz], [dx, dy, dz]);
    let sane = o.iter().chain(&d).all(|x| x.abs() <= 1e18);
    if !sane || t_max.is_nan() || t_max.is_sign_negative() {
        return (0.0, HitState::Invalid, NOWHERE, 7);
    }
    let per = 1.0 / world.voxel;
    let n = world.dims.map(i64::from);
    let start: [f32; 3] = std::array::from_fn(|a| (o[a] - world.origin[a]) * per);
    let speed = d.map(|d| d * per);
    let still = speed.map(|e| e.abs() < 1e-20);
    let (mut enter, mut leave, mut face) = (0.0f32, FAR, 6);
    for a in 0..3 {
        if still[a] {
            if start[a] < 0.0 || start[a] >= n[a] as f32 {
                return (0.0, HitState::Left, NOWHERE, 7);
            }
            continue;
        }
        let plane = |p: i64| (p as f32 - start[a]) * (1.0 / speed[a]);
        let (near, far) = match speed[a] > 0.0 {
            true => (plane(0), plane(n[a])),
            false => (plane(n[a]), plane(0)),
        };
        if near > enter {
            (enter, face) = (near, 2 * a as u32 + u32::from(speed[a] < 0.0));
        }
        if far < leave {
            leave = far;
        }
    }
    if still == [true; 3] {
        return (0.0, HitState::Invalid, NOWHERE, 7);
    }
    if enter >= leave {
        return (0.0, HitState::Left, NOWHERE, 7);
    }
    if enter > t_max {
        return (t_max, HitState::None, NOWHERE, 7);
    }
    let mut cell: [i64; 3] = std::array::from_fn(|a| match speed[a] > 0.0 {
        up if face as usize / 2 == a && face < 6 => (n[a] - 1) * i64::from(!up),
        _ => ((start[a] + speed[a] * enter).floor().clamp(-1.0, 1e6) as i64).clamp(0, n[a] - 1),
    });
    let mut t = enter;
    loop {
        let at = world.index(cell.map(|c| c as u32)) as u32;
        match world.at(cell) {
            Voxel::Solid => return (t, HitState::Solid, at, face),
            Voxel::Unknown if stop => return (t, HitState::Unknown, at, face),
            _ => {}
        }
        let next = |a: usize| match still[a] {
            true => FAR,
            false => {
                let plane = cell[a] + i64::from(speed[a] > 0.0);
                (plane as f32 - start[a]) * (1.0 / speed[a])
            }
        };
        let mut a = usize::from(next(1) < next(0));
        if next(2) < next(a) {
            a = 2;
        }
        let out = if next(a) > t { next(a) } else { t };
        if out > t_max {
            return (t_max, HitState::None, at, 7);
        }
        t = out;
        cell[a] += if speed[a] > 0.0 { 1 } else { -1 };
        if !(0..n[a]).contains(&cell[a]) {
            return (t, HitState::Left, NOWHERE, 7);
        }
        face = 2 * a as u32 + u32::from(speed[a] < 0.0);
    }
}

/// Worlds of several sizes, dense and nearly empty, with whole blocks of nothing.
pub fn worlds() -> Vec<World> {
    let mut rng = Rng(99);
    let made = [
        ([1, 1, 1], 3u32),
        ([4, 4, 4], 10),
        ([40, 24, 33], 40),
        ([130, 70, 90], 4000),
        ([200, 66, 257], 300_000),
        ([64, 64, 64], 100_000),
    ];
    made.map(|(dims, rare)| {
        let mut world = random_world(dims, 1);
        let states = (0..world.len()).map(|i| match rng.u32() % rare {
            _ if i / 7 % 5 == 0 => Voxel::Free,
            0 => Voxel::Solid,
            1 => Voxel::Unknown,
            _ => Voxel::Free,
        });
        let states: Vec<Voxel> = states.collect();
        world.fill(0, states);
        world
    })
    .to_vec()
}

fn walks(count: usize) {
    for world in worlds() {
        for stop in [false, true] {
            let rays = rays(&world, count, count as u64 + world.len() as u64);
            let hits = world.cast(&rays, stop);
            // Fewer than eight are walked one by one, as a kernel's twin walks them.
            let alone = rays.chunks(7).flat_map(|few| world.cast(few, stop));
            for ((ray, hit), one) in rays.iter().zip(&hits).zip(alone) {
                let bits = |h: &Hit| [h.t.to_bits(), h.state, h.voxel, h.face];
                assert_eq!(bits(hit), bits(&one), "{ray:?} in {:?}", world.dims);
                let (t, state, voxel, face) = plain(&world, ray, stop);
                let got = (hit.t, hit.end(), hit.voxel, hit.face);
                assert_eq!(got, (t, state, voxel, face), "{ray:?} in {:?}", world.dims);
            }
            let blocked = world.blocked(&rays, stop);
            assert!(hits.iter().map(|h| h.met()).eq(blocked));
        }
    }
}

/// To the bit: a step over a cube ends where steps over its voxels would, of one ray and of eight at once.
#[test]
fn steps_over_cubes_change_nothing() {
    walks(10_000);
}

#[test]
#[ignore = "a million rays take a minute"]
fn a_million_rays() {
    walks(100_000);
}

/// Worlds of one state, and rays that start where they end.
#[test]
fn worlds_of_one_state_have_answers() {
    let ray = |o: [f64; 3], d: [f64; 3]| Ray::new(o, d, f64::INFINITY);
    let (nan, far) = (f64::NAN, f64::INFINITY);
    let rays = [
        ray([0.5; 3], [1.0, 0.2, 0.1]),
        ray([-5.0, 0.5, 0.5], [1.0, 0.0, 0.0]),
        ray([0.5; 3], [0.0; 3]),
        ray([nan, 0.5, 0.5], [1.0, 0.0, 0.0]),
        ray([0.5; 3], [far, 0.0, 0.0]),
    ];
    use HitState::{Invalid, Left, Solid, Unknown};
    for dims in [[1, 1, 1], [70, 5, 9]] {
        for (state, ends, stopped) in [
            (Voxel::Unknown, [Left, Left], [Unknown, Unknown]),
            (Voxel::Free, [Left, Left], [Left, Left]),
            (Voxel::Solid, [Solid, Solid], [Solid, Solid]),
        ] {
            let mut world = World::empty([0.0; 3], 1.0, dims);
            world.fill(0, std::iter::repeat_n(state, world.len()));
            for (stop, ends) in [(false, ends), (true, stopped)] {
                let hits = world.cast(&rays, stop);
                let got: Vec<HitState> = hits.iter().map(Hit::end).collect();
                assert_eq!(
                    got,
                    [ends[0], ends[1], Invalid, Invalid, Invalid],
                    "{state:?}"
                );
                if ends[0] == Solid {
                    assert_eq!((hits[0].t, hits[0].face), (0.0, 6), "starts inside");
                    assert_eq!((hits[1].t, hits[1].face), (5.0, 0));
                }
            }
        }
    }
    // No voxels at all.
    let none = World::empty([0.0; 3], 1.0, [0, 4, 4]);
    let ends: Vec<HitState> = none.cast(&rays, true).iter().map(Hit::end).collect();
    assert_eq!(ends, [Left, Left, Left, Invalid, Invalid]);
}

#[test]
fn hits_alone_are_the_hits_among_all() {
    let gpu = gpu();
    for (dims, count) in [([40, 24, 33], 5000), ([9, 9, 9], 1), ([9, 9, 9], 0)] {
        let world = random_world(dims, 4);
        let rays = rays(&world, count, 9);
        for stop in [false, true] {
            for path in [Path::Kernel, Path::Host] {
                let caster = Caster::on(&gpu, &world, path).expect("upload");
                // Of the same path: at an edge rounding takes a ray to either side, on another device to another.
                let hits = caster.cast(&rays, stop, &Silent).expect("cast");
                let want: Vec<(usize, Hit)> =
                    hits.into_iter().enumerate().filter(|h| h.1.met()).collect();
                let met = caster.met(&rays, stop, &Silent).expect("met");
                assert_eq!(met, want, "{path:?}");
                assert!(count < 100 || met.len() * 10 > count, "{path:?}");
            }
        }
    }
    for n in [0u32, 1, 63, 64, 65, 1000] {
        let params = MetParams {
            n,
            ..MetParams::default()
        };
        let hits: Vec<Hit> = (0..n)
            .map(|i| Hit {
                t: i as f32,
                state: i % 5,
                voxel: i,
                face: 7,
            })
            .collect();
        let groups = groups_1d(n as usize, 64);
        Case::new(&MET, params)
            .input(&hits)
            .output::<u32>(n as usize)
            .run(groups);
        let list: Vec<u32> = (0..n).map(|i| (i * 7) % n).collect();
        Case::new(&GATHER, params)
            .input(&list)
            .input(&hits)
            .output::<Hit>(n as usize)
            .run(groups);
    }
}
