//! The camera's share, own motion and followed points against their twins, and against motion that is known.

use sora_director::gpu::{groups_1d, groups_2d};
use sora_director::motion::camera::{CAMERA, CameraParams, MODEL, OWN, OwnParams};
use sora_director::motion::follow::{FOLLOW, FollowParams};
use sora_director::motion::objects::{Grid, OBJECT_TRACKS, OBJECTS, ObjectsParams};
use sora_director::motion::twins as twin;

use crate::common::parity::Case;
use crate::common::{Rng, assert_close};

/// A flow of pan, zoom and turn with some noise, and a block that moves by itself.
fn flow(w: u32, h: u32, rng: &mut Rng) -> Vec<[f32; 2]> {
    let half = 0.5 * w.max(h) as f32;
    (0..w * h)
        .map(|i| {
            let x = ((i % w) as f32 - 0.5 * (w as f32 - 1.0)) / half;
            let y = ((i / w) as f32 - 0.5 * (h as f32 - 1.0)) / half;
            let moves = x > 0.2 && x < 0.6 && y.abs() < 0.3;
            let own = if moves { [3.0, -2.0] } else { [0.0; 2] };
            [
                2.0 + 0.8 * x - 0.3 * y + 0.4 * x * x + own[0] + 0.05 * rng.normal(),
                -1.0 + 0.3 * x + 0.8 * y + 0.4 * x * y + own[1] + 0.05 * rng.normal(),
            ]
        })
        .collect()
}

fn states(n: usize, rng: &mut Rng) -> Vec<u32> {
    (0..n)
        .map(|_| [3, 3, 3, 3, 1, 0][rng.u32() as usize % 6])
        .collect()
}

/// Flows of pixels that fail the forward-backward test may be anything.
fn spoil(flow: &mut [[f32; 2]], state: &[u32], rng: &mut Rng) {
    const ODD: [f32; 4] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
    for (u, s) in flow.iter_mut().zip(state) {
        if *s != 3 && rng.f32() < 0.3 {
            u[0] = ODD[rng.u32() as usize % 4];
        }
    }
}

fn flat(v: &[[f32; 4]]) -> Vec<f32> {
    v.as_flattened().to_vec()
}

#[test]
fn the_camera_and_own_motion_match_their_twins() {
    let mut rng = Rng(5);
    let sizes = [(0, 0), (1, 1), (3, 2), (7, 9), (8, 8), (33, 21), (128, 72)];
    for (w, h) in sizes {
        let n = (w * h) as usize;
        let state = states(n, &mut rng);
        let mut u = flow(w, h, &mut rng);
        spoil(&mut u, &state, &mut rng);
        for stride in [1, 3] {
            let params = CameraParams {
                width: w,
                height: h,
                stride,
                scale: 160.0 / 72.0,
            };
            let got: Vec<[f32; 4]> = Case::new(&CAMERA, params)
                .input(&u)
                .input(&state)
                .output::<[f32; 4]>(MODEL)
                .run([1, 1, 1])
                .get(0);
            let want = twin::camera::camera(&params, &u, &state);
            // The epipole's sign and, where nothing is left, its direction are open: the test below sees to it.
            let (g, t) = (&got[..2], &want[..2]);
            assert_close("camera", &flat(g), &flat(t), 2e-3, 1e-3);
            assert_close("camera", &got[3], &want[3], 2e-3, 1e-3);
            assert!((got[2][3] - want[2][3]).abs() < 2e-3, "{w}x{h}");
        }
        let model = twin::camera::camera(
            &CameraParams {
                width: w,
                height: h,
                stride: 1,
                scale: 1.0,
            },
            &u,
            &state,
        );
        let params = OwnParams {
            width: w,
            height: h,
            scale: 1.0,
            pad: 0,
        };
        let got: Vec<f32> = Case::new(&OWN, params)
            .input(&u)
            .input(&state)
            .input(&model)
            .output::<f32>(n)
            .run(groups_2d(w, h, OWN.workgroup))
            .get(0);
        let want = twin::own::own(&params, &u, &state, &model);
        assert_close("own", &got, &want, 1e-3, 1e-3);
    }
}

#[test]
fn what_moves_by_itself_is_told_from_the_camera() {
    let (w, h) = (128, 72);
    let mut rng = Rng(9);
    let u = flow(w, h, &mut rng);
    let state = vec![3; u.len()];
    let params = CameraParams {
        width: w,
        height: h,
        stride: 2,
        scale: 1.0,
    };
    let model: Vec<[f32; 4]> = Case::new(&CAMERA, params)
        .input(&u)
        .input(&state)
        .output::<[f32; 4]>(MODEL)
        .run([1, 1, 1])
        .get(0);
    let want = [2.0, 0.8, -0.3, -1.0, 0.3, 0.8, 0.4, 0.0];
    for (got, want) in flat(&model[..2]).iter().zip(want) {
        assert!((got - want).abs() < 0.06, "{model:?}");
    }
    // A camera that stands still: a block in the middle is all that moves, and no parallax may explain it.
    let inside = |i: u32| (40..70).contains(&(i % w)) && (20..50).contains(&(i / w));
    let still: Vec<[f32; 2]> = (0..w * h)
        .map(|i| if inside(i) { [4.0, 0.0] } else { [0.0; 2] })
        .collect();
    let model: Vec<[f32; 4]> = Case::new(&CAMERA, params)
        .input(&still)
        .input(&state)
        .output::<[f32; 4]>(MODEL)
        .run([1, 1, 1])
        .get(0);
    let own = twin::own::own(
        &OwnParams {
            width: w,
            height: h,
            scale: 1.0,
            pad: 0,
        },
        &still,
        &state,
        &model.try_into().expect("four vectors"),
    );
    for (i, own) in (0..).zip(own) {
        assert!((own > 1.0) == inside(i), "pixel {i}: {own}");
    }
}

#[test]
fn parallax_is_not_own_motion() {
    // A camera that moves forward past two depths: what the plane does not explain points from the epipole.
    let (w, h) = (128, 72);
    let half = 64.0;
    let params = CameraParams {
        width: w,
        height: h,
        stride: 2,
        scale: 1.0,
    };
    let near = |x: f32, y: f32| (x * 3.0).sin() + (y * 7.0).cos() > 0.8;
    let u: Vec<[f32; 2]> = (0..w * h)
        .map(|i| {
            let x = ((i % w) as f32 - 63.5) / half;
            let y = ((i / w) as f32 - 35.5) / half;
            let depth = if near(x, y) { 1.0 } else { 2.5 };
            [8.0 * (x - 0.2) / depth, 8.0 * (y + 0.1) / depth]
        })
        .collect();
    let state = vec![3; u.len()];
    let model: Vec<[f32; 4]> = Case::new(&CAMERA, params)
        .input(&u)
        .input(&state)
        .output::<[f32; 4]>(MODEL)
        .run([1, 1, 1])
        .get(0);
    let e = model[2];
    let (x, y) = (e[0] / e[2], e[1] / e[2]);
    assert!((x - 0.2).abs() < 0.03 && (y + 0.1).abs() < 0.03, "{e:?}");
    let params = OwnParams {
        width: w,
        height: h,
        scale: 1.0,
        pad: 0,
    };
    let model: [[f32; 4]; MODEL] = model.try_into().expect("four vectors");
    let moving = |model| {
        let own = twin::own::own(&params, &u, &state, model);
        own.iter().filter(|o| **o > 0.5).count()
    };
    // Where no parallax is allowed, all that the plane leaves moves.
    let mut standing = model;
    standing[3][0] = 0.0;
    let (with, without) = (moving(&model), moving(&standing));
    assert!(
        without * 8 > u.len() && with * 3 < without,
        "{with} {without}"
    );
}

#[test]
fn points_are_followed_as_their_twins() {
    let mut rng = Rng(11);
    for (w, h, count) in [
        (1, 1, 1),
        (9, 7, 0),
        (33, 21, 63),
        (64, 36, 64),
        (64, 36, 65),
    ] {
        let n = (w * h) as usize;
        let state = states(n, &mut rng);
        let mut u = flow(w, h, &mut rng);
        spoil(&mut u, &state, &mut rng);
        let params = FollowParams {
            width: w,
            height: h,
            count,
            margin: 1.0,
            from_at: count,
            to_at: 2 * count,
            pad: [0; 2],
        };
        let own: Vec<f32> = (0..n).map(|_| rng.range(-1.0, 3.0)).collect();
        let points: Vec<[f32; 4]> = (0..3 * count)
            .map(|_| {
                let end = [0.0, 0.0, 0.0, 1.0, 2.0][rng.u32() as usize % 5];
                [rng.range(0.0, w as f32), rng.range(0.0, h as f32), end, 0.0]
            })
            .collect();
        let got: Vec<[f32; 4]> = Case::new(&FOLLOW, params)
            .input(&u)
            .input(&state)
            .input(&own)
            .update(&points)
            .run(groups_1d(count as usize, FOLLOW.workgroup[0]))
            .get(0);
        let (from, to) = (count as usize, 2 * count as usize);
        assert_eq!(got[..to], points[..to], "what was there stays");
        let want = twin::follow::follow(&params, &u, &state, &own, &points);
        for (i, (g, t)) in got[to..].iter().zip(&want).enumerate() {
            let near = [0, 1, 3].iter().all(|&k| (g[k] - t[k]).abs() < 1e-3);
            assert!(
                near && g[2] == t[2],
                "{i}: {g:?} {t:?} from {:?}",
                points[from + i]
            );
        }
    }
}

/// The objects of one step by the kernel, which the twin agrees with.
fn objects(
    (w, h): (u32, u32),
    flow: &[[f32; 2]],
    own: &[f32],
    before: Option<&[[f32; 4]]>,
) -> Vec<[f32; 4]> {
    let Grid { cell, across, down } = Grid::of((w, h));
    let params = ObjectsParams {
        width: w,
        height: h,
        cell,
        across,
        down,
        has_before: u32::from(before.is_some()),
        pad: [0; 2],
    };
    let nothing = vec![[7.0; 4]; OBJECTS];
    let before = before.unwrap_or(&nothing);
    let got: Vec<[f32; 4]> = Case::new(&OBJECT_TRACKS, params)
        .input(flow)
        .input(own)
        .input(before)
        .output::<[f32; 4]>(OBJECTS)
        .run([1, 1, 1])
        .get(0);
    let want = twin::objects::objects(&params, flow, own, before);
    assert_close("objects", &flat(&got), &flat(&want), 1e-3, 1e-4);
    got
}

#[test]
fn objects_match_their_twin() {
    let mut rng = Rng(13);
    for size in [(1, 1), (9, 7), (64, 36), (100, 100), (256, 144)] {
        let n = (size.0 * size.1) as usize;
        let (w, cell) = (size.0, Grid::of(size).cell);
        let mut before: Option<Vec<[f32; 4]>> = None;
        for _ in 0..3 {
            let lit: Vec<bool> = (0..4096).map(|_| rng.f32() < 0.4).collect();
            let own: Vec<f32> = (0..n as u32)
                .map(|i| {
                    let c = (i / w / cell) * 64 + i % w / cell;
                    if lit[c as usize % 4096] {
                        rng.range(0.9, 2.0)
                    } else {
                        rng.range(-1.0, 1.05)
                    }
                })
                .collect();
            let mut u = flow(size.0, size.1, &mut rng);
            u[n / 2] = [f32::NAN, 1e30];
            let mut own = own;
            own[n / 2] = -1.0;
            let now = objects(size, &u, &own, before.as_deref());
            before = Some(now);
        }
    }
}

#[test]
fn an_object_keeps_its_number_and_is_missed_when_it_is_gone() {
    let size = (128, 72);
    let scene = |t: Option<u32>| -> (Vec<[f32; 2]>, Vec<f32>) {
        (0..size.0 * size.1)
            .map(|i| {
                let (x, y) = (i % size.0, i / size.0);
                let here = t.is_some_and(|t| {
                    (20 + 4 * t..48 + 4 * t).contains(&x) && (20..48).contains(&y)
                });
                if here {
                    ([4.0, 0.0], 4.0)
                } else {
                    ([0.0; 2], 0.0)
                }
            })
            .unzip()
    };
    let mut before: Option<Vec<[f32; 4]>> = None;
    for t in 0..4 {
        let (u, own) = scene(Some(t));
        let now = objects(size, &u, &own, before.as_deref());
        assert_eq!(
            (now[0][0], now[1][0], now[1][1]),
            (1.0, 0.0, t as f32),
            "{now:?}"
        );
        assert!((now[2][2] - 4.0).abs() < 0.1 && now[1][3] < 0.1, "{now:?}");
        assert_eq!(now[0][2], 0.0, "nothing is lost");
        before = Some(now);
    }
    let (u, own) = scene(None);
    let now = objects(size, &u, &own, before.as_deref());
    assert_eq!((now[0][0], now[0][2]), (0.0, 1.0), "{now:?}");
    assert!(now[0][3] >= 30.0, "{now:?}");
}
