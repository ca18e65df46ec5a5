//! The same splats whatever the device can do: waves of any width, kernels without subgroups, limits of a small device.

use sora_director::gpu::caps::Limits;
use sora_director::gpu::{AdapterChoice, Gpu, Tier};
use sora_director::monitor::Silent;
use sora_director::splat::twins::raster::raster;
use sora_director::splat::twins::raster_back::{PixelGrad, raster_back};
use sora_director::splat::twins::{Seen, raster_back_lanes, raster_lanes};
use sora_director::splat::{Fit, FitOptions, fit};

use super::fit::scene_on;
use super::forward::{lists, seen};
use crate::common::{Rng, gpu};

#[test]
fn waves_of_any_width_blend_the_same() {
    let size = [61u32, 42];
    let mut rng = Rng(43);
    let mut records = seen(&mut rng, 600, size);
    // Opaque layers over a half, so that some tiles of a wave are done long before others.
    for r in records.iter_mut().take(90) {
        r.centre[0] *= 0.4;
        r.conic = [0.02, 0.0, 0.02, 11.0];
        r.centre[3] = 0.97;
    }
    let (ranges, values, owners) = lists(&records, size);
    let splats: Vec<Seen> = records.iter().map(Seen::from_record).collect();
    let want = raster(size, &ranges, &values, &owners, &splats);
    let done = want.iter().filter(|p| p.clear < 1e-4).count();
    assert!(done * 4 > want.len() && done * 4 < 3 * want.len(), "{done}");
    let grads: Vec<PixelGrad> = want
        .iter()
        .map(|_| {
            let mut next = || f64::from(rng.normal());
            PixelGrad {
                colour: [next(), next(), next()],
                clear: next(),
                depth: next(),
            }
        })
        .collect();
    let back = raster_back(size, &ranges, &values, &owners, &splats, &grads);
    let mut first = None;
    for width in [8, 16, 32, 64] {
        let image = raster_lanes::in_waves(width, size, &ranges, &values, &owners, &splats);
        assert!(image == want, "waves of {width}");
        let sums =
            raster_back_lanes::in_waves(width, size, &ranges, &values, &owners, &splats, &grads);
        // A column's pixels are added up before the columns are: the same but for rounding.
        for (got, want) in sums.iter().flatten().zip(back.iter().flatten()) {
            assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "{width}");
        }
        let first = first.get_or_insert_with(|| sums.clone());
        assert!(*first == sums, "waves of {width}");
    }
}

fn few(gpu: &Gpu, splats: usize, size: u32, steps: u32) -> Fit {
    let scene = scene_on(gpu, 6, size);
    let options = FitOptions {
        splats,
        steps,
        sh_degree: 1,
        ..FitOptions::default()
    };
    let (frames, cameras) = (&scene.frames, &scene.cameras);
    fit(
        gpu,
        frames,
        cameras,
        (Some(&scene.depth), None),
        &options,
        &Silent,
    )
    .expect("fit")
}

/// Two fits with the same splats: to the bit where the arithmetic is one compiler's, else as pictures.
#[track_caller]
fn same(gpu: &Gpu, a: &Fit, b: &Fit) {
    if gpu.summary().kind == "software" {
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let all = |fit: &Fit| {
            let s = &fit.splats;
            [
                bits(s.positions.as_flattened()),
                bits(s.log_scales.as_flattened()),
                bits(s.rotations.as_flattened()),
                bits(&s.opacity_logits),
                bits(s.sh.as_flattened()),
            ]
        };
        assert!(all(a) == all(b), "splats differ");
    }
    let [a, b] = [a, b].map(|fit| fit.report.train_psnr.expect("a figure"));
    assert!((a - b).abs() < 0.1, "{a} dB and {b} dB");
}

#[test]
fn a_fit_without_subgroups_is_the_same() {
    let gpu = gpu();
    let plain = few(&gpu.at_tier(Tier::Plain), 900, 40, 60);
    assert!(plain.report.train_psnr > plain.report.initial_psnr);
    same(&gpu, &plain, &few(&gpu, 900, 40, 60));
}

#[test]
fn a_fit_within_low_limits_is_the_same() {
    let low = Gpu::open_within(&AdapterChoice::Auto, Limits::Low(3 << 18)).expect("a device");
    assert_eq!(low.tier().expect("tier"), Tier::Plain);
    assert_eq!(low.caps().binding, 3 << 18);
    assert!(low.alloc::<u32>((3 << 16) + 1).is_err());
    let small = few(&low, 8_000, 96, 8);
    let gpu = gpu();
    let large = few(&gpu, 8_000, 96, 8);
    // More than one buffer holds as gradients at once.
    let most = large.report.most_instances;
    assert!(most > (3 << 18) / 48, "{most} pairs of splat and tile");
    assert_eq!(most, small.report.most_instances);
    same(&gpu, &small, &large);
}
