//! Capsules moved through a world, beside small steps over all voxels.

use sora_director::agent::raycast::{HitState, NOWHERE};
use sora_director::world::sweep::Sweep;
use sora_director::world::{Voxel, World};

use super::random_world;
use crate::common::Rng;

/// Distance of an upright capsule's core from a voxel, in the world's lengths.
fn apart(world: &World, sweep: &Sweep, t: f64, c: [u32; 3]) -> f64 {
    let half = (0.5 * f64::from(sweep.height) - f64::from(sweep.radius)).max(0.0);
    let square: f64 = (0..3)
        .map(|a| {
            let low = f64::from(world.origin[a]) + f64::from(c[a]) * f64::from(world.voxel);
            let more = if a == 1 { half } else { 0.0 };
            let p = f64::from(sweep.middle[a]) + t * f64::from(sweep.motion[a]);
            let d = p - p.clamp(low - more, low + f64::from(world.voxel) + more);
            d * d
        })
        .sum();
    square.sqrt()
}

/// Each capsule ends where it first comes within its radius of a voxel, by small steps over all voxels.
#[test]
fn capsules_stop_at_the_first_voxel() {
    let mut rng = Rng(71);
    for dims in [[20, 14, 17], [40, 9, 30]] {
        let mut world = random_world(dims, 77);
        let states: Vec<Voxel> = (0..world.len())
            .map(|_| match rng.u32() % 90 {
                0 => Voxel::Solid,
                1 => Voxel::Unknown,
                _ => Voxel::Free,
            })
            .collect();
        world.fill(0, states);
        let mut sweeps: Vec<Sweep> = (0..300)
            .map(|_| Sweep {
                middle: std::array::from_fn(|a| {
                    world.origin[a] + rng.range(-0.5, 1.5) * world.dims[a] as f32 * world.voxel
                }),
                height: rng.range(0.0, 1.0),
                radius: rng.range(0.02, 0.2),
                motion: std::array::from_fn(|_| rng.normal()),
            })
            .collect();
        for (i, sweep) in sweeps.iter_mut().enumerate() {
            match i % 6 {
                1 => sweep.motion = [0.0, -2.0, 0.0],
                2 => sweep.motion[1] = 0.0,
                3 => sweep.motion = [0.0; 3],
                _ => {}
            }
        }
        let mut met = 0;
        for stop in [false, true] {
            let stops: Vec<[u32; 3]> = world
                .solids()
                .chain(world.voxels(Voxel::Unknown).filter(|_| stop))
                .collect();
            for (sweep, contact) in sweeps.iter().zip(world.sweep(&sweeps, stop)) {
                let radius = f64::from(sweep.radius);
                let near = |t: f64| {
                    stops
                        .iter()
                        .map(|&c| apart(&world, sweep, t, c))
                        .fold(9.0, f64::min)
                };
                let t = f64::from(contact.t);
                let before = (0..40)
                    .map(|k| t * f64::from(k) / 40.0)
                    .filter(|x| *x < t - 1e-4);
                for x in before {
                    assert!(
                        near(x) > radius - 1e-4,
                        "{sweep:?} {contact:?}: touched at {x}"
                    );
                }
                if contact.state == HitState::None {
                    assert!(
                        (contact.t, contact.voxel) == (1.0, NOWHERE) && near(1.0) > radius - 1e-4
                    );
                    continue;
                }
                met += 1;
                let c = world.coordinates(contact.voxel as usize);
                let want = match contact.state {
                    HitState::Solid => Voxel::Solid,
                    _ => Voxel::Unknown,
                };
                assert_eq!(world.at(c.map(i64::from)), want);
                let d = apart(&world, sweep, t, c);
                assert!(
                    d < radius + 1e-4 && (t == 0.0 || d > radius - 1e-4),
                    "{sweep:?} {contact:?}: {d}"
                );
                let length: f32 = contact.normal.iter().map(|x| x * x).sum();
                assert!((length - 1.0).abs() < 1e-3 || length == 0.0, "{contact:?}");
            }
        }
        assert!(met > 60, "{met}");
    }
    // What is no capsule, and one that slides over a floor that it stands on.
    let mut world = World::empty([0.0; 3], 1.0, [8, 4, 8]);
    world.fill(0, std::iter::repeat_n(Voxel::Free, world.len()));
    world.fill(
        0,
        (0..world.len()).map(|i| {
            if i / 8 % 4 == 0 {
                Voxel::Solid
            } else {
                Voxel::Free
            }
        }),
    );
    let stands = Sweep {
        middle: [2.0, 2.0, 2.0],
        height: 2.0,
        radius: 0.5,
        motion: [4.0, 0.0, 0.0],
    };
    let down = Sweep {
        middle: [2.0, 2.5, 2.0],
        motion: [0.0, -2.0, 0.0],
        ..stands
    };
    let nan = Sweep {
        motion: [f32::NAN, 0.0, 0.0],
        ..stands
    };
    let flat = Sweep {
        radius: 0.0,
        ..stands
    };
    let got = world.sweep(&[stands, down, nan, flat], true);
    assert_eq!(got[0].state, HitState::None, "{:?}", got[0]);
    assert_eq!(
        (got[1].state, got[1].t, got[1].normal),
        (HitState::Solid, 0.25, [0.0, 1.0, 0.0])
    );
    assert_eq!(
        (got[2].state, got[3].state),
        (HitState::Invalid, HitState::Invalid)
    );
}
