//! The kernels of the corruptions against their twins.

use sora_director::eval::corrupt::displace::{DISPLACE, DisplaceParams};
use sora_director::eval::corrupt::levels::{
    self, BLOCKS, BlocksParams, CHROMA, FLICKER, FlickerParams, LUMA, NOISE, NoiseParams,
};
use sora_director::eval::corrupt::object::{ERASE, EraseParams, GRAFT, GraftParams};
use sora_director::eval::twins as twin;
use sora_director::gpu::{GpuType, Kernel, groups_2d};

use crate::common::Rng;
use crate::common::parity::Case;

const SIZES: [[u32; 2]; 9] = [
    [0, 0],
    [0, 9],
    [1, 1],
    [1, 9],
    [7, 8],
    [8, 8],
    [9, 17],
    [63, 9],
    [66, 34],
];

const ODD: [f32; 5] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1e30];

/// Packed pixels, some of them far apart and some alike.
fn image(rng: &mut Rng, [width, height]: [u32; 2]) -> Vec<u32> {
    let (ground, spread) = (rng.u32() & 0x7f7f_7f7f, rng.u32() & 0x7f7f_7f7f);
    (0..width * height)
        .map(|i| match i / 40 % 3 {
            0 => rng.u32(),
            1 => ground,
            _ => ground + (rng.u32() & spread),
        })
        .collect()
}

/// How many channels are further apart than `within`; alpha must agree.
#[track_caller]
fn apart(what: &str, got: &[u32], want: &[u32], within: u8) -> usize {
    assert_eq!(got.len(), want.len(), "{what}");
    let pairs = got.iter().zip(want);
    pairs
        .map(|(g, w)| {
            let (a, b) = (g.to_le_bytes(), w.to_le_bytes());
            assert_eq!(a[3], b[3], "{what}: alpha");
            (0..3).filter(|&k| a[k].abs_diff(b[k]) > within).count()
        })
        .sum()
}

fn whole<P: GpuType>(
    kernel: &'static Kernel,
    params: P,
    size: [u32; 2],
    image: &[u32],
) -> Vec<u32> {
    let groups = groups_2d(size[0], size[1], kernel.workgroup);
    let case = Case::new(kernel, params).input(image);
    case.output::<u32>(image.len()).run(groups).get(0)
}

#[test]
fn noise_matches_its_twin() {
    let mut rng = Rng(301);
    for size in SIZES {
        let pixels = image(&mut rng, size);
        for sigma in [0.0, 0.4, 9.0, 128.0].into_iter().chain(ODD) {
            let seed = rng.u32();
            let params = NoiseParams { size, sigma, seed };
            let got = whole(&NOISE, params, size, &pixels);
            if !(sigma > 0.0) || sigma.is_infinite() {
                assert!(got == pixels, "{sigma}");
            }
        }
    }
}

#[test]
fn noise_has_its_sigma_and_is_mostly_common_to_the_channels() {
    let size = [128, 128];
    let grey = vec![0xff80_8080; 128 * 128];
    let params = NoiseParams {
        size,
        sigma: 16.0,
        seed: 5,
    };
    let got = whole(&NOISE, params, size, &grey);
    let n = got.len() as f64;
    let level = |p: &u32, k: u32| f64::from(p >> (8 * k) & 255) - 128.0;
    let product = |a: u32, b: u32| got.iter().map(|p| level(p, a) * level(p, b)).sum::<f64>() / n;
    let sigma = product(0, 0).sqrt();
    assert!((sigma - 16.0).abs() < 0.5, "{sigma}");
    let common = product(0, 2) / product(0, 0);
    assert!((common - 0.8).abs() < 0.04, "{common}");
    let next: f64 = got
        .windows(2)
        .map(|w| level(&w[0], 1) * level(&w[1], 1))
        .sum::<f64>()
        / n;
    assert!((next / 256.0).abs() < 0.04, "neighbours are alike: {next}");
}

#[test]
fn flicker_matches_its_twin() {
    let mut rng = Rng(302);
    for size in SIZES {
        let pixels = image(&mut rng, size);
        for odd in [0.0, 0.3, 1.0, 3.7].into_iter().chain(ODD) {
            for params in [
                FlickerParams {
                    gain: odd,
                    depth: 0.1,
                    cell: 9.0,
                    ..Default::default()
                },
                FlickerParams {
                    gain: 1.1,
                    depth: odd,
                    cell: 7.3,
                    ..Default::default()
                },
                FlickerParams {
                    gain: 0.9,
                    depth: 0.3,
                    cell: odd,
                    ..Default::default()
                },
            ] {
                let seed = rng.u32();
                let params = FlickerParams {
                    size,
                    seed,
                    ..params
                };
                whole(&FLICKER, params, size, &pixels);
            }
        }
    }
}

#[test]
fn smooth_noise_has_mean_0_and_variance_1() {
    let (mut sum, mut square, mut n) = ([0.0f64; 2], [0.0f64; 2], 0.0);
    for seed in 0..400 {
        for i in 0..100 {
            let at = [(i % 10) as f32 * 0.73, (i / 10) as f32 * 0.61];
            let v = twin::smooth_noise(at, seed);
            for c in 0..2 {
                sum[c] += f64::from(v[c]);
                square[c] += f64::from(v[c] * v[c]);
            }
            n += 1.0;
        }
    }
    for c in 0..2 {
        assert!((sum[c] / n).abs() < 0.03, "{}", sum[c] / n);
        assert!((square[c] / n - 1.0).abs() < 0.05, "{}", square[c] / n);
    }
}

#[test]
fn displacement_matches_its_twin() {
    let mut rng = Rng(303);
    for size in SIZES {
        let pixels = image(&mut rng, size);
        for odd in [0.0, 0.37, 5.0, -2.5].into_iter().chain(ODD) {
            for params in [
                DisplaceParams {
                    shift: [odd, -0.3],
                    amount: 0.5,
                    cell: 9.0,
                    ..Default::default()
                },
                DisplaceParams {
                    shift: [1.5, odd],
                    amount: 0.0,
                    cell: 9.0,
                    ..Default::default()
                },
                DisplaceParams {
                    amount: odd.min(9.0),
                    cell: 7.0,
                    ..Default::default()
                },
                DisplaceParams {
                    amount: 1.0,
                    cell: odd,
                    ..Default::default()
                },
            ] {
                let seed = rng.u32();
                let params = DisplaceParams {
                    size,
                    seed,
                    ..params
                };
                whole(&DISPLACE, params, size, &pixels);
            }
        }
    }
}

#[test]
fn a_displacement_by_whole_pixels_is_exact() {
    let mut rng = Rng(304);
    let size = [17, 13];
    let pixels = image(&mut rng, size);
    let shift = [3.0, -2.0];
    let params = DisplaceParams {
        size,
        shift,
        cell: 1.0,
        ..Default::default()
    };
    let got = whole(&DISPLACE, params, size, &pixels);
    for y in 2..13u32 {
        for x in 0..14u32 {
            let (here, there) = ((y * 17 + x) as usize, ((y - 2) * 17 + x + 3) as usize);
            assert_eq!(got[here] & 0xff_ffff, pixels[there] & 0xff_ffff, "{x} {y}");
        }
    }
}

#[test]
fn blocks_match_their_twin() {
    let mut rng = Rng(305);
    for size in SIZES {
        let pixels = image(&mut rng, size);
        for quality in [1.0, 6.0, 25.0, 50.0, 90.0, 100.0] {
            let params = BlocksParams {
                size,
                pad: [0; 2],
                luma: levels::steps(&LUMA, quality),
                chroma: levels::steps(&CHROMA, quality),
            };
            let case = Case::new(&BLOCKS, params).input(&pixels);
            let out = case.output::<u32>(pixels.len());
            let got: Vec<u32> = out.run(levels::block_groups(size)).get(0);
            let want = twin::blocks::blocks(&params, &pixels);
            // A coefficient that lies between two steps may fall either way, which shows in its whole block.
            let what = format!("{size:?} quality {quality}");
            let apart = apart(&what, &got, &want, 1);
            assert!(
                50 * apart <= 3 * got.len() + 50 * 192 / 64,
                "{what}: {apart} channels"
            );
        }
    }
    // Steps out of range are cut.
    let size = [16, 8];
    let pixels = image(&mut rng, size);
    for odd in ODD {
        let steps = [[odd; 4]; 16];
        let params = BlocksParams {
            size,
            pad: [0; 2],
            luma: steps,
            chroma: steps,
        };
        let case = Case::new(&BLOCKS, params).input(&pixels);
        let out = case.output::<u32>(pixels.len());
        let got: Vec<u32> = out.run(levels::block_groups(size)).get(0);
        let apart = apart("odd", &got, &twin::blocks::blocks(&params, &pixels), 1);
        assert!(apart <= 192, "{odd}: {apart}");
    }
}

#[test]
fn flat_blocks_of_a_mean_that_the_steps_hold_stay() {
    // The mean of luma is quantised in steps of 16 / 8.
    let size = [24, 16];
    let flat = vec![0x7f82_8282; 24 * 16];
    let params = BlocksParams {
        size,
        pad: [0; 2],
        luma: levels::steps(&LUMA, 50.0),
        chroma: levels::steps(&CHROMA, 50.0),
    };
    let case = Case::new(&BLOCKS, params).input(&flat);
    let out = case.output::<u32>(flat.len());
    let got: Vec<u32> = out.run(levels::block_groups(size)).get(0);
    assert!(got == flat);
}

/// First pixel and extent of a box, centre and radius of the disc in it.
type Disc = ([u32; 2], [u32; 2], [f32; 2], f32);

/// Discs on a picture: inside, at its edge, and off it.
fn discs(size: [u32; 2]) -> Vec<Disc> {
    let [w, h] = size.map(|s| s as f32);
    vec![
        ([0, 0], size, [0.43 * w + 0.13, 0.57 * h + 0.21], 0.3 * h),
        ([2, 1], [9, 7], [3.3, 4.2], 3.1),
        ([0, 0], size, [-1.2, 2.3], 5.7),
        ([0, 0], size, [-900.3, 2.2], 20.4),
        ([1, 1], [0, 0], [3.1, 3.2], 4.0),
        ([0, 0], [500, 500], [0.9 * w, 0.81 * h], 0.0),
    ]
}

#[test]
fn erasing_matches_its_twin() {
    let mut rng = Rng(306);
    for size in SIZES {
        let (pixels, under) = (image(&mut rng, size), image(&mut rng, size));
        for (origin, extent, centre, radius) in discs(size) {
            for edge in [2.0, 0.0, 9.0] {
                let params = EraseParams {
                    size,
                    origin,
                    extent,
                    centre,
                    radius,
                    edge,
                    ..Default::default()
                };
                check_erase(&params, &pixels, &under);
            }
        }
        for odd in ODD {
            let base = EraseParams {
                size,
                extent: size,
                centre: [4.1, 3.2],
                ..Default::default()
            };
            for params in [
                EraseParams {
                    radius: odd,
                    edge: 2.0,
                    ..base
                },
                EraseParams {
                    radius: 3.0,
                    edge: odd,
                    ..base
                },
                EraseParams {
                    radius: 3.0,
                    edge: 1.0,
                    centre: [odd, 2.3],
                    ..base
                },
            ] {
                check_erase(&params, &pixels, &under);
            }
        }
    }
}

#[track_caller]
fn check_erase(params: &EraseParams, image: &[u32], under: &[u32]) {
    let [w, h] = params.extent;
    let case = Case::new(&ERASE, *params).input(image).update(under);
    case.run(groups_2d(w, h, ERASE.workgroup));
}

#[test]
fn grafting_matches_its_twin() {
    let mut rng = Rng(307);
    for size in SIZES {
        let (pixels, under) = (image(&mut rng, size), image(&mut rng, size));
        for (origin, extent, centre, radius) in discs(size) {
            for (share, bend, offset) in [
                (0.0, 0.0, [0.0, 0.0]),
                (1.0, 0.0, [-7.0, 3.0]),
                (0.4, 1.7, [5.3, -2.6]),
            ] {
                let params = GraftParams {
                    size,
                    origin,
                    extent,
                    centre,
                    offset,
                    radius,
                    edge: 2.0,
                    share,
                    bend,
                    cell: 4.0,
                    seed: rng.u32(),
                };
                check_graft(&params, &pixels, &under);
            }
        }
        for odd in ODD {
            let base = GraftParams {
                size,
                extent: size,
                centre: [4.1, 3.2],
                radius: 5.0,
                edge: 1.0,
                share: 0.5,
                bend: 1.0,
                cell: 3.0,
                ..Default::default()
            };
            for params in [
                GraftParams {
                    radius: odd.min(99.0),
                    ..base
                },
                GraftParams { edge: odd, ..base },
                GraftParams { share: odd, ..base },
                GraftParams {
                    bend: odd.min(3.0),
                    ..base
                },
                GraftParams { cell: odd, ..base },
                GraftParams {
                    offset: [odd, 1.0],
                    ..base
                },
            ] {
                check_graft(&params, &pixels, &under);
            }
        }
    }
}

#[track_caller]
fn check_graft(params: &GraftParams, image: &[u32], under: &[u32]) {
    let [w, h] = params.extent;
    let case = Case::new(&GRAFT, *params).input(image).update(under);
    case.run(groups_2d(w, h, GRAFT.workgroup));
}
