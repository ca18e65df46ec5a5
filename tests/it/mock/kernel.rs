//! The ray tracer against its twin.

use glam::{Quat, Vec3};
use sora_director::mock::render::Want;
use sora_director::mock::trace::{
    HAS_MIRROR, HAS_SKY, HAS_TERRAIN, HAS_VEIL, Primitive, Solid, TraceParams,
};
use sora_director::mock::twins::trace as twin;

use super::{kernel, render, scene};
use crate::common::Rng;

fn channels(packed: u32) -> [i32; 4] {
    packed.to_le_bytes().map(i32::from)
}

/// Kernel and twin agree; where a ray grazes an edge the two may fall on either side of it, and then the twin must
/// see what the kernel saw within a fiftieth of a pixel.
#[track_caller]
fn agree(what: &str, params: &TraceParams) {
    const NUDGES: [[f32; 2]; 5] = [
        [0.0, 0.0],
        [0.02, 0.0],
        [-0.02, 0.0],
        [0.0, 0.02],
        [0.0, -0.02],
    ];
    let (got, want) = (kernel(params), twin::trace(params));
    let width = params.size[0] as usize;
    let count = width * params.size[1] as usize;
    assert_eq!(want.rgba.len(), count, "{what}");
    let mut odd = 0;
    for i in 0..count {
        let (u, v) = ((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
        let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 + 2e-4 * b.abs();
        if got.ids[i] != want.ids[i] || !near(got.depth[i], want.depth[i]) {
            odd += 1;
            let seen = NUDGES.iter().any(|[du, dv]| {
                let found = twin::probe(params, u + du, v + dv);
                let id = found.map_or(0, |(p, _)| {
                    params.list()[p].object[0] as u32 | (p as u32 + 1) << 16
                });
                let depth = found.map_or(0.0, |(_, t)| t);
                id == got.ids[i] && (depth - got.depth[i]).abs() <= 0.01 * depth
            });
            assert!(
                seen,
                "{what}: pixel {u} {v}: kernel sees {:x} at {}, twin {:x} at {}",
                got.ids[i], got.depth[i], want.ids[i], want.depth[i]
            );
        }
        let (g, w) = (channels(got.rgba[i]), channels(want.rgba[i]));
        if (0..4).any(|k| (g[k] - w[k]).abs() > 2) {
            odd += 1;
            let near = NUDGES.map(|[du, dv]| channels(twin::colour(params, u + du, v + dv)));
            for k in 0..4 {
                let low = near.iter().map(|c| c[k]).min().expect("five") - 4;
                let high = near.iter().map(|c| c[k]).max().expect("five") + 4;
                assert!(
                    (low..=high).contains(&g[k]),
                    "{what}: pixel {u} {v}: kernel colour {g:?}, twin {near:?}"
                );
            }
        }
    }
    assert!(
        odd * 50 <= count + 100,
        "{what}: {odd} of {count} pixels differ"
    );
}

#[test]
fn kernel_agrees_with_its_twin_in_scenes() {
    let cases: [(&str, u64, [u32; 2], usize); 14] = [
        (
            "two people, sunny courtyard with trees and barrels, pan",
            4,
            [96, 54],
            3,
        ),
        (
            "car in a street with lamps in the rain, static camera",
            6,
            [96, 54],
            20,
        ),
        ("robot on the stairs, plants, handheld", 7, [80, 45], 9),
        (
            "warehouse at night, vehicle, cones, chairs, follow",
            8,
            [80, 45],
            11,
        ),
        ("polished floor, gallery room, person, fog", 10, [72, 48], 5),
        ("snowy courtyard, ball", 12, [64, 36], 5),
        ("robot room crates dolly", 1, [96, 54], 7),
        ("person corridor pillars wooden floor", 2, [64, 64], 0),
        ("two robots, room, shelves, orbit", 3, [65, 33], 23),
        ("ball room tanks tiled floor", 5, [57, 31], 12),
        ("robot room", 9, [1, 1], 3),
        ("robot room", 9, [7, 9], 3),
        ("robot room", 9, [8, 8], 3),
        ("robot room", 9, [9, 7], 3),
    ];
    for (prompt, seed, size, frame) in cases {
        let params = scene(prompt, seed, size).frame(frame);
        agree(&format!("{prompt} {seed} {size:?}"), &params);
    }
}

/// Boxes and capsules anywhere, some of them broken.
fn mess(rng: &mut Rng, size: [u32; 2], count: usize) -> TraceParams {
    let mut list = Vec::new();
    for k in 0..count {
        let turn =
            Quat::from_xyzw(rng.normal(), rng.normal(), rng.normal(), rng.normal()).normalize();
        let axes = glam::Mat3::from_quat(turn);
        let centre = Vec3::new(
            rng.range(-3.0, 3.0),
            rng.range(-2.0, 2.0),
            rng.range(1.5, 8.0),
        );
        let row = |a: Vec3| a.extend(-a.dot(centre)).to_array();
        let mut lengths = || rng.range(0.05, 0.8);
        let (solid, shape, code) = match k % 6 {
            0 | 3 => (Solid::Box, [lengths(), lengths(), lengths(), 0.0], 0),
            1 => (Solid::Capsule, [0.0, lengths(), 0.0, lengths()], 0),
            2 => (Solid::Capsule, [0.0, 0.0, 0.0, lengths()], 0),
            4 => {
                let radius = lengths();
                (Solid::Cylinder, [radius, lengths(), radius, 0.0], 0)
            }
            _ => {
                let cells = 1 + k as u32 % 16;
                let code = cells + 32 * (k as u32 * 131);
                (
                    Solid::Terrain,
                    [2.0 * lengths(), lengths(), 2.0 * lengths(), 0.0],
                    code,
                )
            }
        };
        let mirror = if k % 4 == 3 { 0.8 } else { 0.0 };
        list.push((
            solid,
            Primitive {
                row_x: row(axes.x_axis),
                row_y: row(axes.y_axis),
                row_z: row(axes.z_axis),
                size: shape,
                paint: [rng.f32(), rng.f32(), rng.f32(), 0.3],
                second: [rng.f32(), rng.f32(), rng.f32(), 0.5],
                origin: [rng.range(-9.0, 9.0), rng.range(-9.0, 9.0), 0.0, 0.02],
                cell: [0.3, 0.0, 0.2, code as f32],
                grain: [1.0, 2.0, 0.7, 0.4],
                object: [k as f32 + 1.0, (k % 2) as f32, mirror, 0.0],
            },
        ));
    }
    if let Some((solid, floor)) = list.first_mut() {
        // A floor that mirrors: its top at y = 0.
        *solid = Solid::Box;
        *floor = Primitive {
            row_x: [1.0, 0.0, 0.0, 0.0],
            row_y: [0.0, 1.0, 0.0, 0.5],
            row_z: [0.0, 0.0, 1.0, -4.0],
            size: [4.0, 0.5, 4.0, 0.0],
            object: [1.0, 0.0, 0.7, 0.0],
            ..*floor
        };
    }
    let broken = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for (k, (_, p)) in list.iter_mut().enumerate().filter(|(k, _)| k % 7 == 4) {
        let bad = broken[k % 3];
        match (k / 7) % 5 {
            4 => p.object[1] = -1.0,
            0 => p.row_y[3] = bad,
            1 => p.size[1] = bad,
            2 => p.paint[0] = bad,
            _ => p.grain[2] = bad,
        }
    }
    let f = size[0].max(1) as f32;
    TraceParams {
        axis_x: [1.0, 0.0, 0.0, 1.0],
        axis_y: [0.0, -1.0, 0.0, 0.0],
        axis_z: [0.0, 0.0, 1.0, 0.0],
        position: [0.0, 0.4, -1.0, 0.0],
        focal: [f, f, size[0] as f32 / 2.0, size[1] as f32 / 2.0],
        lamp: [1.0, 4.0, 0.0, 5.0],
        lamp_colour: [1.2, 1.1, 1.0, 0.3],
        ambient: [0.3, 0.3, 0.35, 0.05],
        zenith: [0.1, 0.2, 0.6, 0.5],
        horizon: [0.7, 0.7, 0.8, 1.0],
        veil_x: [1.0, 0.0, 0.0, 0.2],
        veil_y: [0.0, 1.0, 0.0, 0.0],
        veil_z: [0.0, 0.0, 1.0, -3.0],
        veil: [0.7, 0.9, 0.05, 0.4],
        veil_paint: [0.5, 0.6, 0.7, 0.0],
        size,
        flags: [HAS_VEIL | HAS_SKY, 0, 0, 0],
        ..TraceParams::default()
    }
    .with(&list)
}

#[test]
fn kernel_agrees_with_its_twin_in_a_mess() {
    let mut rng = Rng(77);
    for (size, count) in [
        ([0, 0], 3),
        ([0, 5], 3),
        ([1, 1], 0),
        ([1, 1], 1),
        ([33, 9], 31),
        ([40, 40], 32),
        ([40, 40], 33),
        ([64, 40], 63),
        ([64, 40], 65),
        ([48, 40], 129),
        ([48, 32], 255),
        ([48, 32], 256),
    ] {
        let params = mess(&mut rng, size, count);
        if count > 6 {
            assert_eq!(
                params.flags[0],
                HAS_TERRAIN | HAS_MIRROR | HAS_VEIL | HAS_SKY
            );
        }
        agree(&format!("mess of {count} at {size:?}"), &params);
        let plain = TraceParams {
            flags: [0; 4],
            ..params
        };
        agree(&format!("the same of {count} without its flags"), &plain);
    }
}

#[test]
fn params_that_are_not_finite_see_nothing() {
    let good = mess(&mut Rng(3), [9, 9], 12);
    assert!(kernel(&good).ids.iter().any(|&o| o > 0));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut cases = [good; 7];
        cases[0].position[1] = bad;
        cases[1].axis_x[0] = bad;
        cases[2].focal[0] = bad;
        cases[3].lamp[0] = bad;
        cases[4].focal[1] = 0.0;
        cases[5].zenith[0] = bad;
        cases[6].horizon[2] = bad;
        for params in cases {
            let got = kernel(&params);
            assert_eq!(got, twin::trace(&params));
            assert!(got.ids.iter().all(|&o| o == 0));
            assert!(got.depth.iter().all(|&z| z == 0.0));
            assert!(got.rgba.iter().all(|&c| c == 0xff00_0000));
        }
    }
}

#[test]
fn rendered_frames_are_the_traced_ones_whatever_the_batch() {
    let scene = scene(
        "robot room crates orbit steady lighting sharp focus high detail",
        4,
        [80, 46],
    );
    let shots = render(
        &scene,
        Want {
            pixels: true,
            seen: true,
            ..Want::default()
        },
    );
    let whole = render(
        &scene,
        Want {
            pixels: true,
            seen: true,
            flow: true,
            planes: true,
        },
    );
    assert_eq!(shots.len(), scene.clip.frames);
    for (f, (a, b)) in shots.iter().zip(&whole).enumerate() {
        let alone = kernel(&scene.frame(f));
        assert!(
            a.rgba == alone.rgba && a.depth == alone.depth && a.ids == alone.ids,
            "frame {f}"
        );
        assert!(a.rgba == b.rgba && a.ids == b.ids, "frame {f}");
        assert_eq!(b.flow.is_empty(), f + 1 == scene.clip.frames);
        assert!(a.flow.is_empty() && a.planes.is_empty());
    }
    assert_ne!(shots[0].rgba, shots[1].rgba);
}
