//! Long exposures, blur, blocks and noise against their twins.

use sora_director::gpu::{groups_1d, groups_2d};
use sora_director::mock::blur::{self, BLUR, BlurParams};
use sora_director::mock::expose::{self, EXPOSE, ExposeParams};
use sora_director::mock::spoil::{self, SPOIL, SpoilParams};
use sora_director::mock::twins as twin;

use crate::common::parity::Case;
use crate::common::{Rng, garbage, gpu};

const SIZES: [[u32; 2]; 10] = [
    [0, 0],
    [0, 9],
    [1, 1],
    [1, 9],
    [7, 8],
    [8, 8],
    [9, 17],
    [15, 16],
    [17, 33],
    [61, 34],
];

const NOT_FINITE: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

/// Packed pixels, some of them far apart and some alike.
fn image(rng: &mut Rng, pixels: usize) -> Vec<u32> {
    let (ground, spread) = (rng.u32() & 0x7f7f_7f7f, rng.u32() & 0x7f7f_7f7f);
    (0..pixels)
        .map(|i| match i / 40 % 3 {
            0 => rng.u32(),
            1 => ground,
            _ => ground + (rng.u32() & spread),
        })
        .collect()
}

/// All pixels agree to `within` levels a channel; alpha agrees.
#[track_caller]
fn agree(what: &str, got: &[u32], want: &[u32], within: u8) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let (a, b) = (g.to_le_bytes(), w.to_le_bytes());
        let near = (0..3).all(|k| a[k].abs_diff(b[k]) <= within) && a[3] == b[3];
        assert!(near, "{what}: pixel {i}: kernel {a:?}, twin {b:?}");
    }
}

/// `want` behind as many untouched pixels as `base` says.
#[track_caller]
fn behind(what: &str, got: &[u32], base: u32, want: &[u32], within: u8) {
    let old: Vec<u32> = {
        let gpu = gpu();
        let before = garbage::<u32>(&gpu, got.len() + 5);
        gpu.read_range(&before, 0, base as usize).expect("read")
    };
    assert_eq!(got[..base as usize], old, "{what}: before the output");
    agree(what, &got[base as usize..], want, within);
}

fn exposed(params: &ExposeParams, images: &[u32]) -> Vec<u32> {
    Case::new(&EXPOSE, *params)
        .input(images)
        .output::<u32>((params.base + params.pixels) as usize)
        .run(groups_1d(params.pixels as usize, EXPOSE.workgroup[0]))
        .get(0)
}

#[test]
fn an_exposure_matches_its_twin() {
    let mut rng = Rng(71);
    for pixels in [0, 1, 63, 64, 65, 1000] {
        for (count, source, base) in [(1, 0, 0), (2, 3, 0), (3, 0, 7), (32, 5, 2)] {
            let params = ExposeParams {
                pixels,
                count,
                source,
                base,
            };
            let images = image(&mut rng, (source + count * pixels) as usize);
            let got = exposed(&params, &images);
            let want = twin::expose::expose(&params, &images);
            behind(&format!("{params:?}"), &got, base, &want, 1);
        }
    }
    // Counts out of range are the nearest in range.
    for count in [0, 33, u32::MAX] {
        let params = ExposeParams {
            pixels: 9,
            count,
            ..Default::default()
        };
        let images = image(&mut rng, 9 * 32);
        let want = twin::expose::expose(&params, &images);
        agree(&format!("{count}"), &exposed(&params, &images), &want, 1);
    }
}

#[test]
fn an_exposure_of_what_stands_still_is_what_stands_still() {
    let still: Vec<u32> = (0..256).map(|v| v * 0x0001_0101 + (v << 24)).collect();
    for count in [1, 2, 3, 31, 32] {
        let params = ExposeParams {
            pixels: 256,
            count,
            ..Default::default()
        };
        let images = still.repeat(count as usize);
        assert_eq!(exposed(&params, &images), still, "{count} images");
    }
    // Light is averaged, not levels: black and white make 188.
    let params = ExposeParams {
        pixels: 1,
        count: 2,
        ..Default::default()
    };
    let half = exposed(&params, &[0xff00_0000, 0xffff_ffff]);
    assert_eq!(half, [0xffbc_bcbc]);
}

fn blurred(params: &BlurParams, image: &[u32]) -> Vec<u32> {
    let [width, height] = params.size;
    Case::new(&BLUR, *params)
        .input(image)
        .output::<u32>((params.base + width * height) as usize)
        .run(groups_2d(width, height, BLUR.workgroup))
        .get(0)
}

#[test]
fn a_blur_matches_its_twin() {
    let mut rng = Rng(72);
    for size in SIZES {
        for sigma in [0.0, 1e-30, 0.2, 1.0, 5.4, 16.0, 99.0, -1.0] {
            for step in [[1, 0], [0, 1]] {
                let params = BlurParams {
                    size,
                    step,
                    source: rng.u32() % 5,
                    base: rng.u32() % 5,
                    sigma,
                    ..Default::default()
                };
                let pixels = image(&mut rng, (params.source + size[0] * size[1]) as usize);
                let got = blurred(&params, &pixels);
                let want = twin::blur::blur(&params, &pixels);
                behind(&format!("{params:?}"), &got, params.base, &want, 1);
            }
        }
    }
}

#[test]
fn a_blur_of_nothing_copies_and_flat_colour_stays() {
    let mut rng = Rng(73);
    let pixels = image(&mut rng, 23 * 19);
    let params = BlurParams {
        size: [23, 19],
        step: [1, 0],
        ..Default::default()
    };
    for sigma in NOT_FINITE.into_iter().chain([0.0, -0.0, -3.0]) {
        assert_eq!(blurred(&BlurParams { sigma, ..params }, &pixels), pixels);
        assert_eq!(
            twin::blur::blur(&BlurParams { sigma, ..params }, &pixels),
            pixels
        );
    }
    for level in [0, 1, 100, 254, 255] {
        let flat = vec![0x0a00_0000 + level * 0x0001_0101; 23 * 19];
        for sigma in [0.5, 3.0, 16.0] {
            assert_eq!(blurred(&BlurParams { sigma, ..params }, &flat), flat);
        }
    }
}

fn spoiled(params: &SpoilParams, image: &[u32]) -> Vec<u32> {
    let [width, height] = params.size;
    Case::new(&SPOIL, *params)
        .input(image)
        .output::<u32>((params.base + width * height) as usize)
        .run(spoil::groups(params))
        .get(0)
}

#[test]
fn spoiling_matches_its_twin_bit_for_bit() {
    let mut rng = Rng(74);
    for size in SIZES {
        for (block, mix, step, sigma) in [
            (8, 0.0, 0.0, 0.0),
            (8, 1.0, 0.0, 0.0),
            (16, 0.37, 0.0, 0.0),
            (16, 0.0, 12.0, 0.0),
            (8, 0.6, 7.3, 0.0),
            (8, 0.0, 0.0, 3.0),
            (16, 0.5, 24.0, 80.0),
            (16, 9.0, 999.0, 999.0),
            (8, -1.0, -1.0, -1.0),
            (0, 0.4, 3.0, 1.0),
            (99, 0.4, 1e-30, 1e-30),
        ] {
            let params = SpoilParams {
                size,
                source: rng.u32() % 5,
                base: rng.u32() % 5,
                block,
                mix,
                step,
                sigma,
                seed: rng.u32(),
                ..Default::default()
            };
            let pixels = image(&mut rng, (params.source + size[0] * size[1]) as usize);
            let got = spoiled(&params, &pixels);
            let want = twin::spoil::spoil(&params, &pixels);
            behind(&format!("{params:?}"), &got, params.base, &want, 0);
        }
    }
}

#[test]
fn spoiling_by_nothing_copies() {
    let mut rng = Rng(75);
    let pixels = image(&mut rng, 37 * 21);
    for block in [8, 16] {
        for bad in NOT_FINITE.into_iter().chain([0.0, -0.0]) {
            let params = SpoilParams {
                size: [37, 21],
                block,
                mix: bad,
                step: bad,
                sigma: bad,
                seed: rng.u32(),
                ..Default::default()
            };
            assert_eq!(spoiled(&params, &pixels), pixels, "{params:?}");
            assert_eq!(twin::spoil::spoil(&params, &pixels), pixels, "{params:?}");
        }
    }
}

#[test]
fn noise_has_the_spread_that_was_asked_for_and_blocks_go_flat() {
    let size = [256u32, 256];
    let grey = vec![0xff80_8080u32; 256 * 256];
    let noise = |seed, sigma| {
        let params = SpoilParams {
            size,
            block: 8,
            sigma,
            seed,
            ..Default::default()
        };
        let levels = spoiled(&params, &grey)
            .into_iter()
            .flat_map(u32::to_le_bytes);
        let all: Vec<f64> = levels.map(|v| f64::from(v) - 128.0).collect();
        [0, 1, 2].map(|k| all.iter().skip(k).step_by(4).copied().collect::<Vec<_>>())
    };
    let product =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / a.len() as f64;
    for sigma in [2.0, 10.0, 25.0] {
        let (one, other) = (noise(1, sigma), noise(2, sigma));
        let wide = f64::from(sigma);
        for k in 0..3 {
            let mean = one[k].iter().sum::<f64>() / one[k].len() as f64;
            assert!(
                mean.abs() < 0.02 * wide + 0.02,
                "sigma {sigma}: mean {mean}"
            );
            // Rounding to levels adds a twelfth.
            let spread = (product(&one[k], &one[k]) - 1.0 / 12.0).sqrt();
            assert!(
                (spread / wide - 1.0).abs() < 0.02,
                "sigma {sigma}: {spread}"
            );
            // Channels, frames and neighbours have nothing to do with each other.
            for (what, with) in [
                ("channel", &one[(k + 1) % 3][..]),
                ("seed", &other[k][..]),
                ("right", &one[k][1..]),
                ("below", &one[k][256..]),
            ] {
                let shared = product(&one[k], with) / wide / wide;
                assert!(shared.abs() < 0.02, "sigma {sigma}, {what}: {shared}");
            }
        }
    }
    // Mixed wholly, each block is its mean; the last ones are cut.
    let mut rng = Rng(76);
    let pixels = image(&mut rng, 21 * 18);
    let flat = spoiled(
        &SpoilParams {
            size: [21, 18],
            block: 16,
            mix: 1.0,
            ..Default::default()
        },
        &pixels,
    );
    for (i, &p) in flat.iter().enumerate() {
        let (x, y) = (i % 21 / 16 * 16, i / 21 / 16 * 16);
        assert_eq!(p & 0xff_ffff, flat[y * 21 + x] & 0xff_ffff);
    }
}

#[test]
fn recorded_passes_hold_their_places_and_refuse_what_does_not_fit() {
    let gpu = gpu();
    let mut rng = Rng(77);
    let pixels = image(&mut rng, 3 + 20 * 12);
    let source = gpu.upload(&pixels).expect("upload");
    let between = garbage::<u32>(&gpu, 240);
    let out = garbage::<u32>(&gpu, 245);
    let params = BlurParams {
        size: [20, 12],
        source: 3,
        base: 5,
        sigma: 2.0,
        ..Default::default()
    };
    let mut recorder = gpu.recorder();
    blur::record_both(&mut recorder, &params, &source, &between, &out).expect("record");
    recorder.submit().expect("submit");
    let step = |step, source| BlurParams {
        step,
        source,
        ..params
    };
    let once = twin::blur::blur(&step([1, 0], 3), &pixels);
    let twice = twin::blur::blur(&step([0, 1], 0), &once);
    let got = gpu.read_range(&out, 5, 240).expect("read");
    // A level off after the first pass may move the second by one more.
    agree("both passes", &got, &twice, 2);

    let mut recorder = gpu.recorder();
    let says = |result: Result<(), sora_director::gpu::GpuError>, words: &str| {
        let error = result.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    let slanted = step([1, 1], 3);
    says(
        blur::record(&mut recorder, &slanted, &source, &out),
        "[1, 1]",
    );
    let late = step([1, 0], 4);
    says(
        blur::record(&mut recorder, &late, &source, &out),
        "from 4 on in a buffer of 243",
    );
    let exposure = ExposeParams {
        pixels: 81,
        count: 3,
        source: 0,
        base: 165,
    };
    says(
        expose::record(&mut recorder, &exposure, &source, &out),
        "81 pixels from 165",
    );
    let none = ExposeParams {
        count: 0,
        ..exposure
    };
    says(
        expose::record(&mut recorder, &none, &source, &out),
        "0 images",
    );
    let spoil = SpoilParams {
        size: [20, 12],
        block: 9,
        ..Default::default()
    };
    says(
        spoil::record(&mut recorder, &spoil, &source, &out),
        "blocks of 9",
    );
    let good = SpoilParams { block: 8, ..spoil };
    spoil::record(&mut recorder, &good, &source, &out).expect("record");
    let fits = ExposeParams {
        base: 164,
        ..exposure
    };
    expose::record(&mut recorder, &fits, &source, &out).expect("record");
    recorder.submit().expect("submit");
    let got = gpu.read(&out).expect("read");
    assert_eq!(got[..164], pixels[..164]);
    agree(
        "exposure",
        &got[164..],
        &twin::expose::expose(&fits, &pixels),
        1,
    );
}

/// The renderer's chain of passes is the chain of their twins, whichever of them a frame needs.
#[test]
fn what_is_shown_is_the_chain_of_the_twins() {
    use sora_director::mock::defects::{Kind, exactly};
    use sora_director::mock::render::{EXPOSURES, Want};
    let size = [64, 36];
    let pixels = 64 * 36;
    for (words, kinds, within) in [
        ("", vec![(Kind::Noise, 0.3), (Kind::Blocks, 0.6)], 0u8),
        (
            "motion blur",
            vec![(Kind::Blur, 1.0), (Kind::Noise, 0.2)],
            2,
        ),
        ("motion blur", vec![], 1),
    ] {
        let prompt = format!("a robot in a room, dolly {words}");
        let scene = super::planted(&prompt, 9, size, exactly(&kinds));
        let shots = super::render(&scene, Want::PIXELS);
        // The last frame has them all.
        let f = scene.clip.frames - 1;
        let measure = |kind: Kind| {
            let planted = scene.planted.iter().find(|p| p.kind == kind);
            planted.map(|p| p.measure as f32)
        };
        let mut want = if words.is_empty() {
            super::kernel(&scene.frame(f)).rgba
        } else {
            let moments = (0..EXPOSURES).flat_map(|m| {
                let u = (f64::from(m) + 0.5) / f64::from(EXPOSURES) - 0.5;
                super::kernel(&scene.exposure(f, 0.5 * u)).rgba
            });
            let params = ExposeParams {
                pixels,
                count: EXPOSURES,
                ..ExposeParams::default()
            };
            twin::expose::expose(&params, &moments.collect::<Vec<_>>())
        };
        if let Some(sigma) = measure(Kind::Blur) {
            for step in [[1, 0], [0, 1]] {
                let params = BlurParams {
                    size,
                    step,
                    sigma: sigma * 0.1,
                    ..BlurParams::default()
                };
                want = twin::blur::blur(&params, &want);
            }
        }
        let mix = measure(Kind::Blocks).unwrap_or(0.0);
        let sigma = measure(Kind::Noise).unwrap_or(0.0);
        let params = SpoilParams {
            size,
            block: 8,
            mix,
            step: 24.0 * mix,
            sigma,
            seed: 9u32.wrapping_mul(0x9e37_79b1) ^ f as u32,
            ..SpoilParams::default()
        };
        want = twin::spoil::spoil(&params, &want);
        agree(&prompt, &shots[f].rgba, &want, within);
        assert_ne!(shots[f].rgba, super::kernel(&scene.frame(f)).rgba);
    }
}
