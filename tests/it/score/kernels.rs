//! The kernels of the scores against their twins.

use sora_director::gpu::{groups_1d, groups_2d};
use sora_director::score::kernels::{self as k, *};
use sora_director::score::twins as twin;

use crate::common::parity::Case;
use crate::common::{Rng, assert_close};

fn flat(v: &[[f32; 4]]) -> Vec<f32> {
    v.as_flattened().to_vec()
}

/// A smooth picture of luma with some noise.
fn picture(w: u32, h: u32, shift: f32, rng: &mut Rng) -> Vec<f32> {
    (0..w * h)
        .map(|i| {
            let (x, y) = ((i % w) as f32 - shift, (i / w) as f32);
            128.0 + 60.0 * (0.4 * x).sin() * (0.3 * y).cos() + rng.range(-6.0, 6.0)
        })
        .collect()
}

fn vectors(n: usize, rng: &mut Rng, f: impl Fn(&mut Rng) -> [f32; 4]) -> Vec<[f32; 4]> {
    (0..n).map(|_| f(rng)).collect()
}

#[test]
fn small_chroma_matches_its_twin() {
    let mut rng = Rng(1);
    for (sw, sh, w, h, step) in [
        (1, 1, 1, 1, 1),
        (9, 7, 3, 2, 1),
        (64, 36, 16, 9, 2),
        (61, 35, 13, 8, 3),
    ] {
        let rgba: Vec<u32> = (0..sw * sh).map(|_| rng.u32()).collect();
        let params = TintParams {
            src_width: sw,
            src_height: sh,
            width: w,
            height: h,
            step,
            ..Default::default()
        };
        Case::new(&TINT, params)
            .input(&rgba)
            .output::<[f32; 2]>((w * h) as usize)
            .run(groups_2d(w, h, TINT.workgroup));
    }
}

#[test]
fn small_luma_matches_its_twin() {
    let mut rng = Rng(11);
    for (sw, sh, w, h, step) in [(1, 1, 1, 1, 1), (9, 7, 3, 2, 1), (61, 35, 13, 8, 3)] {
        let rgba: Vec<u32> = (0..sw * sh).map(|_| rng.u32()).collect();
        let params = TintParams {
            src_width: sw,
            src_height: sh,
            width: w,
            height: h,
            step,
            at: 3,
            ..Default::default()
        };
        let thumb: Vec<f32> = Case::new(&THUMB, params)
            .input(&rgba)
            .output::<f32>(3 + (w * h) as usize)
            .run(groups_2d(w, h, THUMB.workgroup))
            .get(0);
        assert!(thumb[3..].iter().all(|v| (0.0..=255.0).contains(v)));
    }
}

/// A smooth texture, seen after a shift, a turn and a zoom (standard pixels, the last two at half the long side) and in another
/// light.
fn seen(w: u32, h: u32, [u, v, turn, zoom, light]: [f32; 5]) -> Vec<f32> {
    let half = 0.5 * w.max(h) as f32;
    let per = w.min(h) as f32 / 160.0;
    let (cx, cy) = (0.5 * (w as f32 - 1.0), 0.5 * (h as f32 - 1.0));
    (0..w * h)
        .map(|i| {
            let (px, py) = ((i % w) as f32, (i / w) as f32);
            // Where the pixel came from, to first order.
            let (x, y) = ((px - cx) / half, (py - cy) / half);
            let (x, y) = (
                px - per * (u + zoom * x - turn * y) - cx,
                py - per * (v + turn * x + zoom * y) - cy,
            );
            // Waves of a third and a fifth of the picture.
            let k = 6.3 / h as f32;
            110.0
                + light
                + 50.0 * (3.0 * k * x + 1.0).sin() * (2.0 * k * y).cos()
                + 30.0 * (5.0 * k * y - 0.5).sin()
        })
        .collect()
}

fn glance_params(small: [u32; 2], large: [u32; 2], known: u32) -> GlanceParams {
    GlanceParams {
        width: large[0],
        height: large[1],
        small_width: small[0],
        small_height: small[1],
        cell: 3,
        known,
        scale: 160.0,
        pad: 0,
    }
}

#[test]
fn glances_find_how_the_picture_moves() {
    let (small, large) = ([28, 16], [85, 48]);
    let params = glance_params(small, large, 2);
    // There, and back again.
    let run = |to: [f32; 5]| -> [[f32; 4]; 2] {
        let of = |[w, h]: [u32; 2]| -> Vec<f32> {
            let others = [to.map(|v| -v), [0.0; 5], to, [0.0; 5]];
            others.into_iter().flat_map(|p| seen(w, h, p)).collect()
        };
        let got: Vec<[f32; 4]> = Case::new(&GLANCE, params)
            .input(&of(small))
            .input(&of(large))
            .output::<[f32; 4]>(2 * GLANCE_RECORD)
            .run([2, 1, 1])
            .get(0);
        let back = got[2];
        for k in 0..2 {
            assert!((back[k] + to[k]).abs() < 0.4, "{to:?}, and back: {back:?}");
        }
        // The third picture goes on from the first two, the fourth is the second again.
        let [on, again] = [got[1][2], got[3][2]];
        assert!(on < 0.05, "{to:?}: {on}");
        assert!(to == [0.0; 5] || again > 0.2, "{to:?}: {again}");
        [got[0], got[1]]
    };
    for to in [
        [0.0; 5],
        [0.4, -0.2, 0.0, 0.0, 0.0],
        [6.0, 2.0, 0.0, 0.0, 8.0],
        [-12.0, 4.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, 3.0, 0.0, 0.0],
        [0.0, -1.0, 0.0, 4.0, -5.0],
    ] {
        let [step, change] = run(to);
        for k in 0..4 {
            assert!((step[k] - to[k]).abs() < 0.15, "{to:?}: {step:?}");
        }
        assert!(change[3] > 0.5, "found again: {to:?}: {change:?}");
        let still = to == [0.0; 5];
        assert_eq!(change[0] == 0.0, still, "{to:?}: {change:?}");
        assert!(change[1] >= change[0]);
    }
    // Without texture nothing moves.
    let got: Vec<[f32; 4]> = Case::new(&GLANCE, params)
        .input(&vec![77.0f32; 3 * 28 * 16])
        .input(&vec![77.0f32; 3 * 85 * 48])
        .output::<[f32; 4]>(GLANCE_RECORD)
        .run([1, 1, 1])
        .get(0);
    assert_eq!(got[0], [0.0; 4]);
    assert_eq!([got[1][0], got[1][1], got[1][2]], [0.0; 3]);
}

#[test]
fn glances_match_their_twin_at_all_sizes() {
    let mut rng = Rng(12);
    for (small, large) in [
        ([1, 1], [1, 1]),
        ([2, 2], [3, 2]),
        ([16, 16], [16, 16]),
        ([9, 16], [27, 48]),
        ([48, 16], [144, 48]),
        ([48, 1], [144, 1]),
    ] {
        let pictures = |[w, h]: [u32; 2], rng: &mut Rng| -> Vec<f32> {
            (0..4)
                .flat_map(|i| {
                    let noise: Vec<f32> = (0..w * h).map(|_| rng.range(-4.0, 4.0)).collect();
                    let seen = seen(w, h, [1.2 * i as f32, -0.7 * i as f32, 0.3, 0.2, 0.0]);
                    seen.into_iter()
                        .zip(noise)
                        .map(|(v, n)| v + n)
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        for known in [0, 1, 2] {
            let params = glance_params(small, large, known);
            let got: Vec<[f32; 4]> = Case::new(&GLANCE, params)
                .input(&pictures(small, &mut rng))
                .input(&pictures(large, &mut rng))
                .output::<[f32; 4]>(2 * GLANCE_RECORD)
                .run([2, 1, 1])
                .get(0);
            assert_eq!(got[0..2] == [[0.0; 4]; 2], known == 0);
        }
    }
}

#[test]
fn cells_match_their_twin() {
    let mut rng = Rng(2);
    for (w, h, cell) in [(1, 1, 4), (5, 4, 4), (16, 16, 4), (33, 21, 5), (72, 40, 4)] {
        let n = (w * h) as usize;
        let a = picture(w, h, 0.0, &mut rng);
        let b = picture(w, h, 1.5, &mut rng);
        let mut flow: Vec<[f32; 2]> = (0..n).map(|_| [1.5 + rng.normal(), rng.normal()]).collect();
        let state: Vec<u32> = (0..n)
            .map(|_| [3, 3, 3, 1, 0][rng.u32() as usize % 5])
            .collect();
        for (u, s) in flow.iter_mut().zip(&state) {
            if *s == 0 && rng.f32() < 0.5 {
                *u = [f32::NAN, f32::INFINITY];
            }
        }
        let own: Vec<f32> = (0..n).map(|_| rng.range(-1.0, 3.0)).collect();
        let mut before: Vec<[f32; 2]> = (0..n).map(|_| [rng.normal(), rng.normal()]).collect();
        before[n / 2] = [f32::NAN, f32::NEG_INFINITY];
        for has_before in [0, 1] {
            let (across, down) = (w.div_ceil(cell), h.div_ceil(cell));
            let params = CellsParams {
                width: w,
                height: h,
                cell,
                across,
                scale: 2.0,
                has_before,
                scale_before: 1.5,
                pad: 0,
            };
            let count = (across * down) as usize;
            Case::new(&k::CELLS, params)
                .input(&a)
                .input(&b)
                .input(&flow)
                .input(&state)
                .input(&own)
                .input(&before)
                .output::<[f32; 4]>(count * CELL)
                .run(groups_1d(count, k::CELLS.workgroup[0]));
        }
    }
}

fn cells(n: usize, rng: &mut Rng) -> Vec<[f32; 4]> {
    (0..n)
        .flat_map(|_| {
            [
                [
                    0.9 + 0.1 * rng.f32(),
                    rng.f32(),
                    rng.range(0.0, 30.0),
                    rng.normal(),
                ],
                [
                    rng.range(1.0, 20.0),
                    rng.f32(),
                    rng.range(0.0, 9.0),
                    rng.f32(),
                ],
                [rng.normal(), rng.normal(), rng.range(0.0, 4.0), rng.f32()],
                [
                    rng.range(0.0, 5.0),
                    rng.f32(),
                    rng.range(0.0, 40.0),
                    rng.range(0.0, 255.0),
                ],
            ]
        })
        .collect()
}

#[test]
fn records_of_steps_match_their_twin() {
    let mut rng = Rng(3);
    for (across, down) in [(1, 1), (7, 9), (8, 8), (13, 5), (28, 16), (32, 32)] {
        let n = (across * down) as usize;
        let (before, now, after) = (cells(n, &mut rng), cells(n, &mut rng), cells(n, &mut rng));
        let model = vectors(4, &mut rng, |r| {
            [r.normal(), r.normal(), r.normal(), r.f32()]
        });
        let objects = vectors(17, &mut rng, |r| [r.f32(), 4.0 * r.f32(), r.f32(), r.f32()]);
        for sides in 0..4 {
            let params = FoldParams {
                across,
                down,
                at: 3,
                sides,
            };
            let got: Vec<[f32; 4]> = Case::new(&FOLD, params)
                .input(&before)
                .input(&now)
                .input(&after)
                .input(&model)
                .input(&objects)
                .output::<[f32; 4]>(3 + STEP)
                .run([1, 1, 1])
                .get(0);
            let want = twin::fold::fold(&params, &before, &now, &after, &model, &objects);
            assert_close(
                &format!("step {across}x{down} {sides}"),
                &flat(&got[3..]),
                &flat(&want),
                2e-3,
                1e-3,
            );
        }
    }
}

#[test]
fn paths_and_their_record_match_their_twins() {
    let mut rng = Rng(4);
    for (across, down, steps) in [(1, 1, 1), (9, 7, 2), (8, 8, 8), (13, 5, 20)] {
        let count = (across * down) as usize;
        let mut points = Vec::new();
        let mut now = vectors(count, &mut rng, |r| {
            [r.range(0.0, 90.0), r.range(0.0, 60.0), 0.0, 0.0]
        });
        points.extend(now.clone());
        for _ in 0..steps {
            for p in &mut now {
                if p[2] == 0.0 {
                    match rng.u32() % 30 {
                        0 => p[2] = 1.0,
                        1 => p[2] = 2.0,
                        _ => {
                            p[0] += 1.0 + rng.normal();
                            p[1] += rng.normal();
                        }
                    }
                }
            }
            points.extend(now.clone());
        }
        let models = vectors(RING * 4, &mut rng, |r| {
            [0.5, 0.1 * r.normal(), 0.0, 0.1 * r.normal()]
        });
        let params = PathsParams {
            count: count as u32,
            steps,
            first: 60,
            scale: 1.7,
            width: 90,
            height: 60,
            pad: [0; 2],
            per: std::array::from_fn(|v| std::array::from_fn(|c| 0.5 + 0.1 * ((v + c) % 7) as f32)),
        };
        let got: Vec<[f32; 4]> = Case::new(&PATHS, params)
            .input(&points)
            .input(&models)
            .output::<[f32; 4]>(2 * count)
            .run(groups_1d(count, PATHS.workgroup[0]))
            .get(0);
        let want = twin::paths::paths(&params, &points, &models);
        assert_close("paths", &flat(&got), &flat(&want), 1e-3, 1e-3);
        let params = FoldPathsParams {
            across,
            down,
            at: 2,
            pad: 0,
        };
        let got: Vec<[f32; 4]> = Case::new(&FOLD_PATHS, params)
            .input(&want)
            .output::<[f32; 4]>(2 + PATHS_RECORD)
            .run([1, 1, 1])
            .get(0);
        let want = twin::fold_paths::fold_paths(&params, &want);
        assert_close("paths' record", &flat(&got[2..]), &flat(&want), 1e-3, 1e-3);
    }
}

#[test]
fn looks_and_their_record_match_their_twins() {
    let mut rng = Rng(6);
    for (w, h, across, down, ratio) in [
        (1u32, 1u32, 1, 1, 1.0f32),
        (36, 20, 9, 5, 1.0),
        (64, 36, 16, 9, 0.5),
        (65, 35, 13, 5, 0.5),
    ] {
        let [lw, lh] = [w, h].map(|s| (s as f32 * ratio).ceil() as u32);
        let count = (across * down) as usize;
        let (tint_width, tint_height) = (w.div_ceil(4), h.div_ceil(4));
        let (key, now) = (
            picture(lw, lh, 0.0, &mut rng),
            picture(lw, lh, 1.0, &mut rng),
        );
        let tints = |rng: &mut Rng| -> Vec<[f32; 2]> {
            (0..tint_width * tint_height)
                .map(|_| [9.0 * rng.normal(), 9.0 * rng.normal()])
                .collect()
        };
        let (key_tint, now_tint) = (tints(&mut rng), tints(&mut rng));
        let points = vectors(2 * count, &mut rng, |r| {
            let end = [0.0, 0.0, 0.0, 1.0, 2.0][r.u32() as usize % 5];
            [
                r.range(0.0, w as f32),
                r.range(0.0, h as f32),
                end,
                r.range(0.0, 1.5),
            ]
        });
        let params = LikenessParams {
            width: w,
            height: h,
            count: count as u32,
            at: count as u32,
            tint_width,
            tint_height,
            spacing: 1.25,
            ratio,
        };
        let got: Vec<[f32; 4]> = Case::new(&LIKENESS, params)
            .input(&key)
            .input(&now)
            .input(&key_tint)
            .input(&now_tint)
            .input(&points)
            .output::<[f32; 4]>(count)
            .run(groups_1d(count, LIKENESS.workgroup[0]))
            .get(0);
        let look = |luma, tint| twin::likeness::Look { luma, tint };
        let want = twin::likeness::likeness(
            &params,
            &look(&key, &key_tint),
            &look(&now, &now_tint),
            &points,
        );
        assert_close("looks", &flat(&got), &flat(&want), 2e-2, 2e-3);
        let params = FoldLooksParams {
            across,
            down,
            at: 1,
            points_at: count as u32,
        };
        let got: Vec<[f32; 4]> = Case::new(&FOLD_LOOKS, params)
            .input(&points)
            .input(&want)
            .output::<[f32; 4]>(1 + LOOKS_RECORD)
            .run([1, 1, 1])
            .get(0);
        let want = twin::fold_looks::fold_looks(&params, &points, &want);
        assert_close("looks' record", &flat(&got[1..]), &flat(&want), 1e-3, 1e-3);
    }
}

#[test]
fn how_unlike_frames_are_along_the_flow_matches_its_twin() {
    let mut rng = Rng(12);
    for (width, height, cell, ratio) in [
        (1u32, 1u32, 4, 1.0f32),
        (16, 9, 4, 1.0),
        (64, 36, 5, 0.5),
        (65, 35, 9, 0.5),
    ] {
        let [lw, lh] = [width, height].map(|s| (s as f32 * ratio).ceil() as u32);
        let (across, down) = (width.div_ceil(cell), height.div_ceil(cell));
        let count = (across * down) as usize;
        let (tint_width, tint_height) = (width.div_ceil(4), height.div_ceil(4));
        let (a, b) = (
            picture(lw, lh, 0.0, &mut rng),
            picture(lw, lh, 1.0, &mut rng),
        );
        let tints = |rng: &mut Rng| -> Vec<[f32; 2]> {
            (0..tint_width * tint_height)
                .map(|_| [9.0 * rng.normal(), 9.0 * rng.normal()])
                .collect()
        };
        let (tint_a, tint_b) = (tints(&mut rng), tints(&mut rng));
        // Some of it leaves the picture, and one is no number.
        let mut flow: Vec<[f32; 2]> = (0..width * height)
            .map(|_| [6.0 * rng.normal(), 3.0 * rng.normal()])
            .collect();
        flow[0] = [f32::NAN, 0.0];
        let at = 3;
        let params = UnlikeParams {
            width,
            height,
            cell,
            across,
            tint_width,
            tint_height,
            ratio,
            at,
        };
        let got: Vec<f32> = Case::new(&UNLIKE, params)
            .input(&a)
            .input(&b)
            .input(&tint_a)
            .input(&tint_b)
            .input(&flow)
            .output::<f32>(at as usize + count)
            .run(groups_1d(count, UNLIKE.workgroup[0]))
            .get(0);
        let look = |luma, tint| twin::likeness::Look { luma, tint };
        let want = twin::unlike::unlike(&params, &look(&a, &tint_a), &look(&b, &tint_b), &flow);
        assert_eq!(want.len(), count);
        assert_close("unlikeness", &got[at as usize..], &want, 2e-2, 1e-3);
    }
    // By hand: a picture that moves by two pixels, along that flow and along none.
    let grey = |x: u32| 10.0 * (x % 8) as f32;
    let shifted = |by: u32| -> Vec<f32> { (0..64).map(|i| grey(i % 8 + by)).collect() };
    let (a, b) = (shifted(2), shifted(0));
    let tint = vec![[0.0f32; 2]; 4];
    let look = |luma| twin::likeness::Look { luma, tint: &tint };
    let params = UnlikeParams {
        width: 8,
        height: 8,
        cell: 4,
        across: 2,
        tint_width: 2,
        tint_height: 2,
        ratio: 1.0,
        at: 0,
    };
    let along = twin::unlike::unlike(&params, &look(&a), &look(&b), &[[2.0, 0.0]; 64]);
    // Of the right half one column of two leaves the picture.
    assert_eq!(along, [0.0; 4]);
    let none = twin::unlike::unlike(&params, &look(&a), &look(&b), &[[0.0; 2]; 64]);
    // 64 is where a difference is cut: the last two columns wrap around by 60.
    assert_eq!(none, [20.0, 40.0, 20.0, 40.0]);
    let away = twin::unlike::unlike(&params, &look(&a), &look(&b), &[[9.0, 0.0]; 64]);
    assert_eq!(away, [-1.0; 4]);
}

#[test]
fn detail_and_its_record_match_their_twins() {
    let mut rng = Rng(8);
    for (w, h, step) in [(1, 1, 1), (3, 3, 1), (16, 16, 1), (65, 33, 3), (130, 70, 5)] {
        let image: Vec<f32> = picture(w, h, 0.0, &mut rng)
            .into_iter()
            .map(f32::round)
            .collect();
        let params = DetailParams {
            width: w,
            height: h,
            step,
            pad: 0,
        };
        let rows = h.saturating_sub(2).div_ceil(step);
        let got: Vec<u32> = Case::new(&DETAIL, params)
            .input(&image)
            .update(&vec![0u32; BINS])
            .run([rows, 1, 1])
            .get(0);
        let want = twin::detail::detail(&params, &image);
        assert_eq!(got, want, "{w}x{h}");
        let other: Vec<u32> = (0..BINS).map(|_| rng.u32() % 50).collect();
        let params = FoldDetailParams {
            at: 1,
            ..Default::default()
        };
        for (fine, coarse) in [(&want, &other), (&other, &want)] {
            let got: Vec<[f32; 4]> = Case::new(&FOLD_DETAIL, params)
                .input(fine)
                .input(coarse)
                .output::<[f32; 4]>(1 + DETAIL_RECORD)
                .run([1, 1, 1])
                .get(0);
            let want = twin::fold_detail::fold_detail(fine, coarse);
            assert_close("quality", &flat(&got[1..]), &flat(&want), 0.02, 1e-3);
        }
    }
}
