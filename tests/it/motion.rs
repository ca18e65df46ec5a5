//! Tests of the motion stage: parity of its kernels, and flow whose truth is known.

mod camera;

use sora_director::gpu::{Buffer, Gpu, GpuType, groups_2d};
use sora_director::monitor::{Monitor, Silent};
use sora_director::motion::kernels::{self as k, patches};
use sora_director::motion::twins as twin;
use sora_director::motion::{Motion, MotionError, MotionOptions, Pairs, TrackEnd, estimate, pairs};
use sora_director::video::{Frames, VideoInfo};

use crate::common::parity::Case;
use crate::common::{Rng, assert_close, garbage, gpu};

const TILE: [u32; 3] = [8, 8, 1];

/// Sizes around the workgroup, each clean and with non-finite values strewn in.
fn cases() -> impl Iterator<Item = (u32, u32, bool, Rng)> {
    let sizes = [
        (0, 0),
        (1, 1),
        (2, 9),
        (7, 8),
        (8, 8),
        (9, 7),
        (33, 21),
        (65, 40),
    ];
    sizes.into_iter().flat_map(|(w, h)| {
        [false, true].map(|bad| (w, h, bad, Rng(u64::from(w * 100 + h) * 2 + u64::from(bad))))
    })
}

fn strew(values: &mut [f32], rng: &mut Rng, bad: bool) {
    const ODD: [f32; 4] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
    for v in values.iter_mut() {
        if bad && rng.f32() < 0.05 {
            *v = ODD[rng.u32() as usize % 4];
        }
    }
}

/// A smooth texture moved by `shift`, with a little noise.
fn image(w: u32, h: u32, shift: [f32; 2], rng: &mut Rng) -> Vec<f32> {
    (0..w * h)
        .map(|i| {
            let (x, y) = ((i % w) as f32 - shift[0], (i / w) as f32 - shift[1]);
            let v = (0.5 * x + 0.2 * y).sin() + (0.6 * y - 0.3 * x).cos() + (0.11 * x * 1.3).sin();
            128.0 + 35.0 * v + rng.range(-1.0, 1.0)
        })
        .collect()
}

fn flow(n: usize, size: f32, rng: &mut Rng, bad: bool) -> Vec<[f32; 2]> {
    let mut flat: Vec<f32> = (0..2 * n).map(|_| size * rng.normal()).collect();
    strew(&mut flat, rng, bad);
    flat.chunks(2).map(|c| [c[0], c[1]]).collect()
}

fn up<T: GpuType>(gpu: &Gpu, data: &[T]) -> Buffer<T> {
    gpu.upload(data).expect("upload")
}

fn flat<const N: usize>(v: &[[f32; N]]) -> Vec<f32> {
    v.iter().flatten().copied().collect()
}

fn size(width: u32, height: u32) -> k::SizeParams {
    k::SizeParams {
        width,
        height,
        pad: [0; 2],
    }
}

/// A picture's quads by the twin, which [`quads_upsample_and_warp_match_their_twins`] holds to the kernel.
fn quads(w: u32, h: u32, image: &[f32]) -> Vec<[u32; 2]> {
    twin::quads::quads(&size(w, h), image)
}

#[test]
fn quads_upsample_and_warp_match_their_twins() {
    for (w, h, bad, mut rng) in cases() {
        let n = (w * h) as usize;
        let params = size(w, h);
        let mut a = image(w, h, [0.0; 2], &mut rng);
        strew(&mut a, &mut rng, bad);
        let b = image(w, h, [1.3, -0.6], &mut rng);
        Case::new(&k::QUADS, params)
            .input(&a)
            .output::<[u32; 2]>(k::quads(w, h))
            .run(groups_2d(w + 16, h, TILE));
        let (qa, qb) = (quads(w, h, &a), quads(w, h, &b));

        let u = flow(n, 3.0, &mut rng, bad);
        Case::new(&k::WARP, params)
            .input(&qa)
            .input(&qb)
            .input(&u)
            .output::<[f32; 4]>(n)
            .run(groups_2d(w, h, TILE));

        let fine = k::UpsampleParams {
            width: 2 * w - w.min(1),
            height: 2 * h - h.min(1),
            coarse_width: w,
            coarse_height: h,
            ratio: [2.0, if h % 2 == 0 { 2.0 } else { 1.5 }],
            pad: [0; 2],
        };
        Case::new(&k::UPSAMPLE, fine)
            .input(&u)
            .output::<[f32; 2]>((fine.width * fine.height) as usize)
            .run(groups_2d(fine.width, fine.height, TILE));
    }
}

#[test]
fn search_and_densify_match_their_twins() {
    for (w, h, bad, mut rng) in cases().filter(|c| c.0 > 0) {
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let a = quads(w, h, &image(w, h, [0.0; 2], &mut rng));
        let b = quads(w, h, &image(w, h, [1.3, -0.6], &mut rng));
        let forward = flow((cw * ch) as usize, 0.7, &mut rng, bad);
        let backward = flow((cw * ch) as usize, 0.7, &mut rng, bad);
        let init = flow((w * h) as usize, 1.0, &mut rng, bad);
        let (px, py) = (patches(w), patches(h));
        let params = k::SearchParams {
            width: w,
            height: h,
            patches_x: px,
            patches_y: py,
            coarse_width: cw,
            coarse_height: ch,
            init_width: w,
            init_height: h,
            init_scale: 1.0,
            // Few steps, so that rounding does not grow along a path that does not converge.
            iterations: 3,
            has_init: w & 1,
            pad: 0,
        };
        let found: Vec<[f32; 4]> = Case::new(&k::SEARCH, params)
            .input(&a)
            .input(&b)
            .input(&forward)
            .input(&backward)
            .input(&init)
            .output::<[f32; 4]>((px * py) as usize)
            .run(groups_2d(px, py, TILE))
            .get(0);
        let want = twin::search::search(
            &params,
            &twin::search::Inputs {
                a: &a,
                b: &b,
                coarse_forward: &forward,
                coarse_backward: &backward,
                init: &init,
            },
        );
        let what = format!("{w}x{h} {bad}");
        assert_close(
            &format!("search {what}"),
            &flat(&found),
            &flat(&want),
            2e-2,
            2e-3,
        );

        // The search gives finite patches only; the mean over them bears others too.
        let mut patches: Vec<f32> = flat(&found);
        strew(&mut patches, &mut rng, bad);
        let patches: Vec<[f32; 4]> = bytemuck::pod_collect_to_vec(&patches);
        let params = k::DensifyParams {
            width: w,
            height: h,
            patches_x: px,
            patches_y: py,
        };
        Case::new(&k::DENSIFY, params)
            .input(&a)
            .input(&b)
            .input(&patches)
            .output::<[f32; 2]>((w * h) as usize)
            .run(groups_2d(w, h, TILE));
    }
}

#[test]
fn refine_matches_its_twin() {
    for (w, h, bad, mut rng) in cases() {
        let n = (w * h) as usize;
        let (a, b) = (
            image(w, h, [0.0; 2], &mut rng),
            image(w, h, [0.3, 0.2], &mut rng),
        );
        let start = flow(n, 1.0, &mut rng, bad);
        let mut warped: Vec<f32> = (0..n)
            .flat_map(|i| [a[i], b[i], start[i][0], start[i][1]])
            .collect();
        strew(&mut warped, &mut rng, bad);
        let warped: Vec<[f32; 4]> = bytemuck::pod_collect_to_vec(&warped);
        let mut got: Vec<[f32; 2]> = start
            .iter()
            .map(|u| u.map(|v| v + rng.range(-0.2, 0.2)))
            .collect();
        let blocks = [w, h].map(|side| side.div_ceil(k::BLOCK));
        for colour in [0, 1] {
            let params = k::RefineParams {
                width: w,
                height: h,
                colour,
                alpha: 10.0,
                delta: 5.0,
                gamma: 10.0,
                zeta: 1.0,
                epsilon: 0.1,
                edge: 0.05,
                omega: 1.6,
                pad: [0; 2],
            };
            got = Case::new(&k::REFINE, params)
                .input(&warped)
                .update(&got)
                .run(groups_2d(blocks[0].div_ceil(2), blocks[1], TILE))
                .get(0);
        }
    }
}

#[test]
fn compose_and_check_match_their_twins() {
    let gpu = gpu();
    for (w, h, bad, mut rng) in cases() {
        let n = (w * h) as usize;
        let params = size(w, h);
        let f = flow(n, 1.0, &mut rng, bad);
        let mut g: Vec<[f32; 2]> = f.iter().map(|u| u.map(|v| 0.1 - v)).collect();
        g.iter_mut().for_each(|u| u[0] += 0.4 * rng.normal());
        let (composed, state) = (garbage::<[f32; 2]>(&gpu, n), garbage::<u32>(&gpu, n));
        let (gf, gg) = (up(&gpu, &f), up(&gpu, &g));
        let groups = groups_2d(w, h, TILE);
        let mut rec = gpu.recorder();
        rec.run(&k::COMPOSE, &params, &[&gf, &gg, &composed], groups)
            .expect("compose");
        rec.run(&k::CHECK, &params, &[&gf, &gg, &state], groups)
            .expect("check");
        rec.submit().expect("submit");
        let got = gpu.read(&composed).expect("read");
        assert_close(
            "compose",
            &flat(&got),
            &flat(&twin::compose::compose(&params, &f, &g)),
            1e-4,
            1e-5,
        );
        assert_eq!(
            gpu.read(&state).expect("read"),
            twin::check::check(&params, &f, &g),
            "{w}x{h}"
        );
    }
}

/// A clip whose pixel (x, y) of frame t shows the texture at `inverse(x, y, t)`.
fn clip(w: u32, h: u32, count: usize, inverse: impl Fn(f32, f32, f32) -> [f32; 3]) -> Frames {
    let gpu = gpu();
    let rgba = (0..count)
        .map(|t| {
            let pixels: Vec<u32> = (0..w * h)
                .map(|i| {
                    let [x, y, layer] = inverse((i % w) as f32, (i / w) as f32, t as f32);
                    let v = [0u32, 1, 2].map(|c| {
                        let p = layer * 7.0 + c as f32 * 0.2;
                        let v = (0.21 * x + 0.05 * y + p).sin()
                            + (0.17 * y - 0.08 * x + 2.0 * p).sin()
                            + 0.7 * (0.45 * x + 0.3 * y + p).sin()
                            + 0.6 * (0.5 * y - 0.2 * x + p).sin()
                            + (0.04 * x * y / 10.0 + p).sin();
                        (128.0 + 26.0 * v).round().clamp(0.0, 255.0) as u32
                    });
                    v[0] | v[1] << 8 | v[2] << 16 | 255 << 24
                })
                .collect();
            up(&gpu, &pixels)
        })
        .collect();
    Frames {
        width: w,
        height: h,
        times: (0..count).map(|t| t as f64 / 8.0).collect(),
        rgba,
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    }
}

fn motion(frames: &Frames, strides: &[usize]) -> Pairs {
    let options = MotionOptions {
        strides: strides.to_vec(),
        ..Default::default()
    };
    pairs(&gpu(), frames, &options, &Silent).expect("motion")
}

/// Mean and worst end-point error of the valid pixels whose truth stays inside.
fn end_point_error(
    m: &Pairs,
    a: usize,
    b: usize,
    truth: impl Fn(f32, f32) -> [f32; 2],
) -> (f64, f32) {
    let pair = m.pair(a, b).expect("pair");
    let (mut sum, mut worst, mut n) = (0.0, 0.0f32, 0);
    for (i, u) in pair
        .forward
        .iter()
        .enumerate()
        .filter(|(i, _)| pair.valid[*i] == 1)
    {
        let t = truth((i as u32 % m.width) as f32, (i as u32 / m.width) as f32);
        let e = (u[0] - t[0]).hypot(u[1] - t[1]);
        (sum, worst, n) = (sum + f64::from(e), worst.max(e), n + 1);
    }
    (sum / f64::from(n), worst)
}

#[test]
fn translation_and_zoom_are_found_to_a_tenth_of_a_pixel() {
    // 3.3 px a frame to the right: 13.2 px over four frames.
    let frames = clip(160, 90, 5, |x, y, t| [x - 3.3 * t, y + 1.2 * t, 0.0]);
    let m = motion(&frames, &[1, 2, 4]);
    assert_eq!(m.pairs.len(), 4 + 3 + 1);
    for p in &m.pairs {
        let s = (p.b - p.a) as f32;
        let (mean, _) = end_point_error(&m, p.a, p.b, |_, _| [3.3 * s, -1.2 * s]);
        eprintln!(
            "translation stride {s}: {mean:.4} px, consistent {}",
            p.consistent
        );
        assert!(mean < 0.1, "stride {s}: {mean}");
        assert!(p.consistent > 0.9, "stride {s}: {}", p.consistent);
    }
    // Zoom by 4 % a frame with a turn of 1 degree about the centre.
    let turn = |x: f32, y: f32, t: f32| {
        let (s, c) = (0.0175 * t).sin_cos();
        let z = 1.04f32.powf(t);
        [
            80.0 + z * (c * (x - 80.0) - s * (y - 45.0)),
            45.0 + z * (s * (x - 80.0) + c * (y - 45.0)),
        ]
    };
    let frames = clip(160, 90, 3, |x, y, t| {
        let [u, v] = turn(x, y, -t);
        // The inverse of a similarity about a fixed centre is that of the opposite time.
        [u, v, 0.0]
    });
    let m = motion(&frames, &[1, 2]);
    for p in &m.pairs {
        let s = (p.b - p.a) as f32;
        let (mean, _) = end_point_error(&m, p.a, p.b, |x, y| {
            let [u, v] = turn(x, y, s);
            [u - x, v - y]
        });
        eprintln!("zoom stride {s}: {mean:.4} px, consistent {}", p.consistent);
        assert!(mean < 0.1, "stride {s}: {mean}");
        assert!(p.consistent > 0.9, "stride {s}: {}", p.consistent);
    }
}

#[test]
fn the_mask_finds_what_is_covered_and_the_runs_agree_bit_for_bit() {
    // A square moves 6 px over a background that moves the other way by 2: it covers a strip of 8 px.
    let front =
        |x: f32, y: f32, t: f32| (x - 50.0 - 6.0 * t).abs() < 20.0 && (y - 45.0).abs() < 20.0;
    let frames = clip(160, 90, 2, |x, y, t| {
        if front(x, y, t) {
            [x - 6.0 * t, y, 1.0]
        } else {
            [x + 2.0 * t, y, 0.0]
        }
    });
    let m = motion(&frames, &[1]);
    let pair = &m.pairs[0];
    let share = |inside: &dyn Fn(f32, f32) -> bool| {
        let hits: Vec<u8> = (0..160 * 90)
            .filter(|i| inside((i % 160) as f32, (i / 160) as f32))
            .map(|i| pair.valid[i])
            .collect();
        hits.iter().map(|v| f64::from(*v)).sum::<f64>() / hits.len() as f64
    };
    let covered = share(&|x, y| (71.0..77.0).contains(&x) && (28.0..62.0).contains(&y));
    let front = share(&|x, y| (34.0..66.0).contains(&x) && (29.0..61.0).contains(&y));
    let back = share(&|x, y| x > 90.0 && x < 150.0 && y > 5.0 && y < 85.0);
    eprintln!("valid: covered {covered:.3}, front {front:.3}, back {back:.3}");
    assert!(covered < 0.35 && front > 0.95 && back > 0.98);

    let again = motion(&frames, &[1]);
    assert_eq!(
        bytemuck::cast_slice::<_, u32>(&again.pairs[0].forward),
        bytemuck::cast_slice::<_, u32>(&pair.forward)
    );
    assert_eq!(
        bytemuck::cast_slice::<_, u32>(&again.pairs[0].backward),
        bytemuck::cast_slice::<_, u32>(&pair.backward)
    );
}

#[test]
fn odd_clips_have_a_defined_motion_and_bad_ones_a_clear_error() {
    let one = motion(&clip(16, 16, 1, |x, y, _| [x, y, 0.0]), &[1, 2]);
    assert_eq!((one.pairs.len(), one.luma.len(), one.width), (0, 1, 16));
    let constant = motion(&clip(16, 16, 3, |_, _, _| [0.0, 0.0, 0.0]), &[2, 1, 1]);
    let strides: Vec<_> = constant.pairs.iter().map(|p| (p.a, p.b)).collect();
    assert_eq!(strides, [(0, 1), (1, 2), (0, 2)]);
    assert!(constant.pairs.iter().all(|p| {
        p.forward
            .iter()
            .all(|u| u[0].abs() < 1e-3 && u[1].abs() < 1e-3)
    }));
    let line = motion(&clip(300, 1, 2, |x, y, _| [x, y, 0.0]), &[1]);
    assert!(
        line.pairs[0].consistent > 0.99,
        "{}",
        line.pairs[0].consistent
    );
    let wide = motion(&clip(400, 30, 2, |x, y, _| [x, y, 0.0]), &[1]);
    assert_eq!((wide.width, wide.height), (384, 29));

    let gpu = gpu();
    let none = Frames {
        rgba: vec![],
        times: vec![],
        ..clip(8, 8, 1, |x, y, _| [x, y, 0.0])
    };
    let error = pairs(&gpu, &none, &MotionOptions::default(), &Silent).expect_err("no frames");
    assert!(matches!(error, MotionError::NoFrames));
    let two = clip(8, 8, 2, |x, y, _| [x, y, 0.0]);
    let torn = Frames {
        width: 9,
        ..two.clone()
    };
    let error = pairs(&gpu, &torn, &MotionOptions::default(), &Silent).expect_err("size");
    assert!(error.to_string().contains("9x8"), "{error}");
    let options = MotionOptions {
        strides: vec![0],
        ..Default::default()
    };
    let error = pairs(&gpu, &two, &options, &Silent).expect_err("stride");
    assert!(error.to_string().contains("strides"), "{error}");
    struct Stop;
    impl Monitor for Stop {
        fn stopped(&self) -> bool {
            true
        }
    }
    let error = pairs(&gpu, &two, &MotionOptions::default(), &Stop).expect_err("stop");
    assert!(matches!(error, MotionError::Interrupted));
}

#[test]
fn tracks_follow_the_truth_and_say_why_they_end() {
    let frames = clip(160, 90, 5, |x, y, t| [x - 3.3 * t, y + 1.2 * t, 0.0]);
    let steps = |frames: &Frames| {
        estimate(&gpu(), frames, &MotionOptions::default(), &Silent).expect("motion")
    };
    let m = steps(&frames);
    let follow = |m: &Motion, start, steps, spacing, margin| {
        m.tracks(&gpu(), start, steps, spacing, margin)
            .expect("tracks")
            .tracks
    };
    let tracks = follow(&m, 1, 8, 10.0, 2.0);
    assert!(tracks.len() > 100, "{}", tracks.len());
    for track in &tracks {
        assert_eq!(track.start, 1);
        for (i, p) in track.points.iter().enumerate() {
            let [x, y] = track.points[0];
            let e = (p[0] - x - 3.3 * i as f32).hypot(p[1] - y + 1.2 * i as f32);
            assert!(e < 0.5, "{e} px off after {i} steps from {x}, {y}");
        }
        // The clip has three steps left after frame 1; a point within 9.9 px of the right border leaves.
        let leaves = track.points[0][0] + 9.9 > 158.5 || track.points[0][1] - 3.6 < 1.5;
        match track.end {
            TrackEnd::Clip => assert_eq!(track.points.len(), 4),
            TrackEnd::Border => assert!(leaves, "{:?}", track.points),
            TrackEnd::Lost => panic!("lost at {:?}", track.points.last()),
        }
    }
    assert!(tracks.iter().any(|t| t.end == TrackEnd::Border));
    assert!(follow(&m, 5, 8, 10.0, 2.0).is_empty());
    assert!(follow(&m, 0, 8, 10.0, 50.0).is_empty());

    // What the square covers is lost, not left.
    let frames = clip(160, 90, 2, |x, y, t| {
        if (x - 50.0 - 6.0 * t).abs() < 20.0 && (y - 45.0).abs() < 20.0 {
            [x - 6.0 * t, y, 1.0]
        } else {
            [x + 2.0 * t, y, 0.0]
        }
    });
    let lost: Vec<[f32; 2]> = follow(&steps(&frames), 0, 1, 2.0, 4.0)
        .into_iter()
        .filter(|t| t.end == TrackEnd::Lost)
        .map(|t| t.points[0])
        .collect();
    // They lie along the outline, and fill most of the strip of 8 px that is covered.
    let outline = lost.iter().filter(|p| {
        let out = (p[0] - 50.0).abs().max((p[1] - 45.0).abs()) - 20.0;
        (-4.0..10.0).contains(&out)
    });
    assert!(outline.count() * 20 >= lost.len() * 19, "{lost:?}");
    let covered = lost
        .iter()
        .filter(|p| (71.0..77.0).contains(&p[0]) && (28.0..62.0).contains(&p[1]));
    // Grid points every 2 px: 3 columns of 17.
    assert!(covered.count() >= 30, "{lost:?}");
}
