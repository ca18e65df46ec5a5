//! The ray tracer against its twin.

use glam::{Quat, Vec3};
use sora_director::generate::mock::trace::{Primitive, TraceParams, Tracer};
use sora_director::reference::mock::trace as twin;

use super::{kernel, scene};
use crate::common::{Rng, gpu};

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
        if got.objects[i] != want.objects[i] || !near(got.depth[i], want.depth[i]) {
            odd += 1;
            let seen = NUDGES.iter().any(|[du, dv]| {
                let found = twin::probe(params, u + du, v + dv);
                let object = found.map_or(0, |(p, _)| params.list()[p].object[0] as u32);
                let depth = found.map_or(0.0, |(_, t)| t);
                object == got.objects[i] && (depth - got.depth[i]).abs() <= 0.01 * depth
            });
            assert!(
                seen,
                "{what}: pixel {u} {v}: kernel object {} at {}, twin {} at {}",
                got.objects[i], got.depth[i], want.objects[i], want.depth[i]
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
    let cases: [(&str, u64, [u32; 2], usize); 8] = [
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
        let shape = match k % 3 {
            0 => [lengths(), lengths(), lengths(), 0.0],
            1 => [0.0, lengths(), 0.0, lengths()],
            _ => [0.0, 0.0, 0.0, lengths()],
        };
        list.push(Primitive {
            row_x: row(axes.x_axis),
            row_y: row(axes.y_axis),
            row_z: row(axes.z_axis),
            size: shape,
            paint: [rng.f32(), rng.f32(), rng.f32(), 0.3],
            second: [rng.f32(), rng.f32(), rng.f32(), 0.5],
            origin: [rng.range(-9.0, 9.0), rng.range(-9.0, 9.0), 0.0, 0.02],
            cell: [0.3, 0.0, 0.2, 0.0],
            grain: [1.0, 2.0, 0.7, 0.4],
            object: [k as f32 + 1.0, (k % 2) as f32, 0.0, 0.0],
        });
    }
    let broken = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for (k, p) in list.iter_mut().enumerate().filter(|(k, _)| k % 5 == 4) {
        let bad = broken[k % 3];
        match (k / 5) % 4 {
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
        focal: [f, f, size[0] as f32 / 2.0, size[1] as f32 / 2.0],
        lamp: [1.0, 4.0, 0.0, 5.0],
        lamp_colour: [1.2, 1.1, 1.0, 0.0],
        ambient: [0.3, 0.3, 0.35, 0.0],
        size,
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
        ([64, 40], 64),
    ] {
        let params = mess(&mut rng, size, count);
        agree(&format!("mess of {count} at {size:?}"), &params);
    }
}

#[test]
fn params_that_are_not_finite_see_nothing() {
    let good = mess(&mut Rng(3), [9, 9], 12);
    assert!(kernel(&good).objects.iter().any(|&o| o > 0));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut cases = [good; 5];
        cases[0].position[1] = bad;
        cases[1].axis_x[0] = bad;
        cases[2].focal[0] = bad;
        cases[3].lamp[0] = bad;
        cases[4].focal[1] = 0.0;
        for params in cases {
            let got = kernel(&params);
            assert_eq!(got, twin::trace(&params));
            assert!(got.objects.iter().all(|&o| o == 0));
            assert!(got.depth.iter().all(|&z| z == 0.0));
            assert!(got.rgba.iter().all(|&c| c == 0xff00_0000));
        }
    }
}

#[test]
fn frames_in_a_batch_are_the_frames_alone_and_repeat() {
    let gpu = gpu();
    let scene = scene("robot room crates orbit", 4, [80, 46]);
    let tracer = Tracer::new(&gpu, 80, 46).expect("tracer");
    let frames: Vec<_> = (0..tracer.batch()).map(|f| scene.frame(f)).collect();
    assert!(frames.len() > 1);
    let batch = tracer.trace(&frames).expect("trace");
    assert_eq!(batch, tracer.trace(&frames).expect("again"));
    for (params, traced) in frames.iter().zip(&batch) {
        assert_eq!(&kernel(params), traced);
    }
    assert_ne!(batch[0].rgba, batch[1].rgba);
    assert!(tracer.trace(&vec![frames[0]; frames.len() + 1]).is_err());
    let other = TraceParams {
        size: [8, 8],
        ..frames[0]
    };
    assert!(tracer.trace(&[other]).is_err());
}
