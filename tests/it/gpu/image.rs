//! Separable filters and the pyramid.

use sora_director::gpu::groups_2d;
use sora_director::gpu::image::{FILTER, FilterParams, Pyramid, SHRINK, ShrinkParams, filter};
use sora_director::gpu::twins as twin;

use crate::common::parity::Case;
use crate::common::{Rng, assert_close, garbage, gpu};

const SIZES: [(u32, u32); 7] = [(1, 1), (2, 1), (1, 9), (7, 8), (8, 8), (9, 17), (61, 34)];

fn image(rng: &mut Rng, n: usize, bad: bool) -> Vec<f32> {
    (0..n)
        .map(|_| match rng.u32() % 40 {
            0 if bad => f32::NAN,
            1 if bad => f32::INFINITY,
            2 if bad => f32::NEG_INFINITY,
            _ => rng.range(-1.0, 255.0),
        })
        .collect()
}

#[test]
fn shrink_matches_its_twin() {
    let mut rng = Rng(41);
    for (w, h) in SIZES {
        for bad in [false, true] {
            let src = image(&mut rng, (w * h) as usize, bad);
            let params = ShrinkParams {
                src_width: w,
                src_height: h,
                width: w.div_ceil(2),
                height: h.div_ceil(2),
            };
            let got: Vec<f32> = Case::new(&SHRINK, params)
                .input(&src)
                .output::<f32>((params.width * params.height) as usize)
                .run(groups_2d(params.width, params.height, SHRINK.workgroup))
                .get(0);
            let what = format!("{w}x{h}");
            assert_close(
                &what,
                &got,
                &twin::shrink::shrink(&params, &src),
                1e-4,
                1e-6,
            );
        }
    }
}

#[test]
fn filter_matches_its_twin() {
    let mut rng = Rng(42);
    for (width, height) in SIZES {
        for taps in [1, 3, 5, 31] {
            for down in [0, 1] {
                let src = image(&mut rng, (width * height) as usize, taps == 5);
                let mut params = FilterParams {
                    width,
                    height,
                    taps,
                    down,
                    ..Default::default()
                };
                let weights = params.weights.as_flattened_mut();
                weights.fill_with(|| rng.range(-0.1, 0.3));
                let got: Vec<f32> = Case::new(&FILTER, params)
                    .input(&src)
                    .output::<f32>(src.len())
                    .run(groups_2d(width, height, FILTER.workgroup))
                    .get(0);
                let what = format!("{width}x{height}, {taps} taps, down {down}");
                assert_close(
                    &what,
                    &got,
                    &twin::filter::filter(&params, &src),
                    1e-3,
                    1e-6,
                );
            }
        }
    }
}

#[test]
fn a_filter_that_shifts_moves_the_image_and_repeats_the_edge() {
    let gpu = gpu();
    let mut rng = Rng(43);
    let (w, h) = (13, 6);
    let src = image(&mut rng, w * h, false);
    let source = gpu.upload(&src).expect("upload");
    let (between, to) = (garbage(&gpu, w * h), garbage::<f32>(&gpu, w * h));
    let mut recorder = gpu.recorder();
    let size = (w as u32, h as u32);
    // The pixel to the right, then the one below.
    filter(
        &mut recorder,
        &[0.0, 0.0, 1.0],
        size,
        &source,
        &between,
        &to,
    )
    .expect("filter");
    recorder.submit().expect("submit");
    let got = gpu.read(&to).expect("read");
    for y in 0..h {
        for x in 0..w {
            let want = src[(y + 1).min(h - 1) * w + (x + 1).min(w - 1)];
            assert_eq!(got[y * w + x], want, "{x} {y}");
        }
    }
    for (taps, size) in [
        (&[0.5, 0.5][..], size),
        (&[0.0; 33], size),
        (&[1.0], (14, 6)),
    ] {
        assert!(filter(&mut recorder, taps, size, &source, &between, &to).is_err());
    }
}

#[test]
fn a_pyramid_halves_down_to_the_coarsest() {
    let gpu = gpu();
    let mut rng = Rng(44);
    let src = image(&mut rng, 61 * 34, false);
    let base = gpu.upload(&src).expect("upload");
    let pyramid = Pyramid::new(&gpu, base.clone(), (61, 34), 5).expect("pyramid");
    let sizes: Vec<_> = pyramid.levels.iter().map(|l| (l.width, l.height)).collect();
    assert_eq!(sizes, [(61, 34), (31, 17), (16, 9), (8, 5)]);
    let mut recorder = gpu.recorder();
    pyramid.record(&mut recorder).expect("record");
    recorder.submit().expect("submit");
    let mut want = src;
    for pair in pyramid.levels.windows(2) {
        let params = ShrinkParams {
            src_width: pair[0].width,
            src_height: pair[0].height,
            width: pair[1].width,
            height: pair[1].height,
        };
        want = twin::shrink::shrink(&params, &want);
        let got = gpu.read(&pair[1].image).expect("read");
        assert_close("level", &got, &want, 1e-3, 1e-5);
    }
    assert!(Pyramid::new(&gpu, base, (62, 34), 5).is_err());
    assert_eq!(Pyramid::sizes(1, 1, 0), [(1, 1)]);
}
