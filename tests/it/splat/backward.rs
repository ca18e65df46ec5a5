//! Gradients: the twins against finite differences, the kernels against the twins.

use glam::DVec3;
use sora_director::gpu::{Buffer, Gpu, Kernel, groups_1d, groups_2d};
use sora_director::splat::records::{Splat, ViewParams};
use sora_director::splat::relocate::Credit;
use sora_director::splat::training::{
    LOSS, LossParams, Moments, Partials, RASTER_BACK, RASTER_BACK_LANES, RasterBackParams,
    SSIM_BACK, SSIM_COLUMNS, SSIM_ROWS, Stats, UPDATE, UpdateParams, taps,
};
use sora_director::splat::twins::loss::{self, Target};
use sora_director::splat::twins::raster::{Pixel, blend, raster};
use sora_director::splat::twins::raster_back::{PixelGrad, Sums, raster_back};
use sora_director::splat::twins::{
    Flat, Seen, flat, project, ssim_back, ssim_columns, ssim_rows, update,
};
use sora_director::splat::{FitOptions, Rates, Renderer, Splats, Trainer};

use super::forward::{at_hand, lists, seen};
use super::{camera, cloud};
use crate::common::{Rng, assert_close, garbage, gpu};

const SIZE: [u32; 2] = [19, 13];

fn view(degree: u32) -> ViewParams {
    let some = cloud(&mut Rng(1), 1, degree);
    let renderer = Renderer::new(&gpu(), &some, SIZE[0], SIZE[1], 0).expect("renderer");
    renderer.view(&camera(DVec3::new(0.4, 0.7, 2.5), SIZE[0], SIZE[1]))
}

fn loss_params(size: [u32; 2]) -> LossParams {
    LossParams {
        taps: taps(),
        background: [0.3, 0.9, 0.1, 0.0],
        size,
        l1: 0.8,
        ssim: 0.2,
        depth: 0.3,
        ..Default::default()
    }
}

fn frame(rng: &mut Rng, size: [u32; 2]) -> (Vec<u32>, Vec<f32>) {
    let n = (size[0] * size[1]) as usize;
    (
        (0..n).map(|_| rng.u32()).collect(),
        (0..n)
            .map(|i| match i % 7 {
                0 => 0.0,
                1 => f32::NAN,
                _ => rng.range(0.2, 1.0),
            })
            .collect(),
    )
}

fn in_order(splats: &[Flat], view: &ViewParams) -> Vec<(usize, Seen)> {
    let mut list: Vec<_> = splats
        .iter()
        .enumerate()
        .filter_map(|(i, s)| Some((i, project::project(s, view)?)))
        .collect();
    list.sort_by(|a, b| a.1.centre[2].total_cmp(&b.1.centre[2]));
    list
}

fn pixels(list: &[(usize, Seen)]) -> Vec<Pixel> {
    (0..SIZE[1])
        .flat_map(|y| (0..SIZE[0]).map(move |x| (x, y)))
        .map(|(x, y)| {
            blend(
                list.iter().map(|p| &p.1),
                f64::from(x) + 0.5,
                f64::from(y) + 0.5,
            )
        })
        .collect()
}

#[test]
fn the_twins_gradient_is_that_of_finite_differences() {
    let mut rng = Rng(17);
    for degree in [0, 1, 2, 3] {
        let view = view(degree);
        let params = loss_params(SIZE);
        let (frame, rho) = frame(&mut rng, SIZE);
        let target = Target {
            frame: &frame,
            inverse_depth: &rho,
        };
        let some = cloud(&mut rng, 12, degree);
        let (records, planes) = (some.to_records(), some.to_planes());
        let mut splats: Vec<Flat> = (0..12).map(|i| flat(&records, &planes, i)).collect();
        for s in &mut splats {
            s[4..7].iter_mut().for_each(|v| *v += 0.9);
        }
        // One far to the side, so that the affine map is clamped, and one whose colour is clamped at 0.
        splats[0][0] = 1.9;
        splats[0][4] = -0.4;
        splats[1][12] = -3.0;
        let value =
            |splats: &[Flat]| loss::value(&pixels(&in_order(splats, &view)), &target, &params);
        let list = in_order(&splats, &view);
        let out = pixels(&list);
        let grads = loss::loss(&out, &target, &params);
        let refs: Vec<_> = list.iter().map(|p| &p.1).collect();
        let mut sums = vec![Sums::default(); refs.len()];
        for (i, (pixel, grad)) in out.iter().zip(&grads).enumerate() {
            let (x, y) = (i as u32 % SIZE[0], i as u32 / SIZE[0]);
            sora_director::splat::twins::raster_back::blend_back(
                &refs,
                f64::from(x) + 0.5,
                f64::from(y) + 0.5,
                pixel,
                grad,
                &mut sums,
            );
        }
        let (mut checked, mut clamped) = (0, 0);
        for ((i, _), sum) in list.iter().zip(&sums) {
            let s = splats[*i];
            let got = update::project_back(&s, &view, sum);
            let (w, eye) = project::pose(&view);
            let t = w * (DVec3::new(s[0], s[1], s[2]) - eye);
            clamped += usize::from(t.x / t.z > view.limits[1].into());
            for k in (0..12 + 3 * some.coefficients()).filter(|&k| k != 7) {
                let eps = 1e-6;
                let mut moved = splats.clone();
                moved[*i][k] = s[k] + eps;
                let up = value(&moved);
                moved[*i][k] = s[k] - eps;
                let down = value(&moved);
                let want = (up - down) / (2.0 * eps);
                assert!(
                    (got[k] - want).abs() <= 1e-5 + 1e-4 * want.abs(),
                    "degree {degree}, splat {i}, parameter {k}: {} against {want}",
                    got[k]
                );
                checked += usize::from(want.abs() > 1e-3);
            }
        }
        assert!(checked > 100, "{checked} gradients that are not near 0");
        assert!(clamped > 0, "the clamp of the affine map is used");
    }
}

fn to_pixel(image: [f32; 4], depth: f32) -> Pixel {
    let [r, g, b, clear] = image.map(f64::from);
    Pixel {
        colour: [r, g, b],
        clear,
        depth: f64::from(depth),
    }
}

#[test]
fn loss_kernels_match_their_twins() {
    let gpu = gpu();
    let mut rng = Rng(23);
    for (size, marked) in [
        ([1, 1], 0),
        ([3, 5], 1),
        ([8, 8], 0),
        ([31, 9], 1),
        ([34, 41], 1),
        ([34, 41], 0),
    ] {
        let params = LossParams {
            marked,
            ..loss_params(size)
        };
        let [w, h] = size.map(|v| v as usize);
        let (frame, mut rho) = frame(&mut rng, size);
        // Marks, which mean nothing where they are not asked for.
        for rho in rho.iter_mut().skip(2).step_by(5) {
            *rho = -1.0;
        }
        let image: Vec<[f32; 4]> = (0..w * h)
            .map(|_| [rng.f32(), rng.f32(), rng.f32() * 1.2, rng.f32()])
            .collect();
        let depth: Vec<f32> = (0..w * h).map(|_| rng.range(0.0, 3.0)).collect();
        let (image_b, frame_b) = (
            gpu.upload(&image).expect("image"),
            gpu.upload(&frame).expect("frame"),
        );
        let (depth_b, rho_b) = (
            gpu.upload(&depth).expect("depth"),
            gpu.upload(&rho).expect("rho"),
        );
        let rows: Buffer<Stats> = garbage(&gpu, w * h);
        let partials: Buffer<Partials> = garbage(&gpu, w * h);
        let back: Buffer<Partials> = garbage(&gpu, w * h);
        let image_grad: Buffer<[f32; 4]> = garbage(&gpu, w * h);
        let depth_grad: Buffer<f32> = garbage(&gpu, w * h);
        let wide = groups_2d(size[0].div_ceil(4), size[1], [8, 8, 1]);
        let tall = groups_2d(size[0], size[1].div_ceil(4), [8, 8, 1]);
        let mut recorder = gpu.recorder();
        recorder
            .run(&SSIM_ROWS, &params, &[&image_b, &frame_b, &rows], wide)
            .expect("rows");
        recorder
            .run(&SSIM_COLUMNS, &params, &[&rows, &partials], tall)
            .expect("columns");
        recorder
            .run(&SSIM_BACK, &params, &[&partials, &back], wide)
            .expect("back");
        recorder
            .run(
                &LOSS,
                &params,
                &[
                    &back,
                    &image_b,
                    &frame_b,
                    &depth_b,
                    &rho_b,
                    &image_grad,
                    &depth_grad,
                ],
                tall,
            )
            .expect("loss");
        recorder.submit().expect("submit");

        let bg = [0, 1, 2].map(|c| f64::from(params.background[c]));
        let got_rows = gpu.read(&rows).expect("rows");
        let got_partials = gpu.read(&partials).expect("partials");
        let got_back = gpu.read(&back).expect("back");
        for c in 0..3 {
            let x: Vec<f64> = image
                .iter()
                .map(|p| f64::from(p[c]) + f64::from(p[3]) * bg[c])
                .collect();
            let y: Vec<f64> = frame.iter().map(|&p| ssim_rows::target(p, bg)[c]).collect();
            let want = ssim_rows::ssim_rows(&x, &y, w, h);
            for (g, w) in got_rows.iter().zip(&want) {
                let got = [g.x[c], g.y[c], g.xx[c], g.yy[c], g.xy[c]];
                assert_close("rows", &got, &w.map(|v| v as f32), 1e-5, 1e-5);
            }
            let (_, want) = ssim_columns::ssim_columns(&want, w, h);
            for (g, w) in got_partials.iter().zip(&want) {
                let got = [g.x[c], g.xx[c], g.xy[c]];
                assert_close("partials", &got, &w.map(|v| v as f32), 1e-2, 1e-3);
            }
            let want = ssim_back::ssim_back(&want, w, h);
            for (g, w) in got_back.iter().zip(&want) {
                let got = [g.x[c], g.xx[c], g.xy[c]];
                assert_close("back", &got, &w.map(|v| v as f32), 1e-2, 1e-3);
            }
        }
        let pixels: Vec<_> = image
            .iter()
            .zip(&depth)
            .map(|(p, d)| to_pixel(*p, *d))
            .collect();
        let target = Target {
            frame: &frame,
            inverse_depth: &rho,
        };
        let want = loss::loss(&pixels, &target, &params);
        let got = gpu.read(&image_grad).expect("image_grad");
        for (g, w) in got.iter().zip(&want) {
            let w = [w.colour[0], w.colour[1], w.colour[2], w.clear].map(|v| v as f32);
            assert_close("image_grad", g, &w, 2e-3, 1e-3);
        }
        let zero = |g: &[f32; 4]| *g == [0.0; 4];
        for (i, g) in got.iter().enumerate() {
            let at = i % 5 == 2 && marked == 1;
            assert!(!at || zero(g), "a marked pixel has no gradient");
        }
        assert!(got.iter().filter(|g| zero(g)).count() <= got.len() / 4 + 1);
        let want: Vec<f32> = want.iter().map(|g| g.depth as f32).collect();
        let got = gpu.read(&depth_grad).expect("depth_grad");
        assert_close("depth_grad", &got, &want, 1e-4, 1e-4);
    }
}

#[test]
fn raster_back_matches_its_twin() {
    for kernel in at_hand([&RASTER_BACK, &RASTER_BACK_LANES]) {
        raster_back_matches(kernel);
    }
}

fn raster_back_matches(kernel: &'static Kernel) {
    let gpu = gpu();
    let mut rng = Rng(29);
    for (n, size) in [
        (0, [8, 8]),
        (1, [1, 1]),
        (40, [7, 9]),
        (300, [33, 17]),
        (700, [40, 24]),
    ] {
        let mut records = seen(&mut rng, n, size);
        if n == 700 {
            for r in records.iter_mut().take(200) {
                r.conic = [0.002, 0.0, 0.002, 11.08];
                r.centre[3] = 1.0;
            }
        }
        let (ranges, values, owners) = lists(&records, size);
        let count = (size[0] * size[1]) as usize;
        let list: Vec<_> = records.iter().map(Seen::from_record).collect();
        let out = raster(size, &ranges, &values, &owners, &list);
        let grads: Vec<PixelGrad> = (0..count)
            .map(|_| {
                let mut next = || f64::from(rng.normal());
                PixelGrad {
                    colour: [next(), next(), next()],
                    clear: next(),
                    depth: next(),
                }
            })
            .collect();
        let four = |c: [f64; 3], d: f64| [c[0] as f32, c[1] as f32, c[2] as f32, d as f32];
        let image: Vec<_> = out.iter().map(|p| four(p.colour, p.clear)).collect();
        let depth: Vec<_> = out.iter().map(|p| p.depth as f32).collect();
        let image_grad: Vec<_> = grads.iter().map(|p| four(p.colour, p.clear)).collect();
        let depth_grad: Vec<_> = grads.iter().map(|p| p.depth as f32).collect();
        // In two parts, and a third that is not needed.
        let part = values.len().div_ceil(2).max(1);
        let mut got: Vec<Moments> = Vec::new();
        for first in [0, part, 2 * part] {
            let moments: Buffer<Moments> = garbage(&gpu, part);
            let before = gpu.read(&moments).expect("moments");
            let params = RasterBackParams {
                size,
                tiles: ranges.len() as u32,
                first: first as u32,
                count_at: 1,
                ..Default::default()
            };
            let mut recorder = gpu.recorder();
            recorder
                .run(
                    kernel,
                    &params,
                    &[
                        &gpu.upload(&[0, values.len() as u32]).expect("counts"),
                        &gpu.upload(&ranges).expect("ranges"),
                        &gpu.upload(&values).expect("values"),
                        &gpu.upload(&owners).expect("owners"),
                        &gpu.upload(&records).expect("projected"),
                        &gpu.upload(&image).expect("image"),
                        &gpu.upload(&depth).expect("depth"),
                        &gpu.upload(&image_grad).expect("image_grad"),
                        &gpu.upload(&depth_grad).expect("depth_grad"),
                        &moments,
                    ],
                    groups_1d(ranges.len(), 4),
                )
                .expect("run");
            recorder.submit().expect("submit");
            let after = gpu.read(&moments).expect("moments");
            let written = values.len().saturating_sub(first).min(part);
            let bytes = |m: &[Moments]| bytemuck::cast_slice::<_, u8>(m).to_vec();
            assert!(
                bytes(&after[written..]) == bytes(&before[written..]),
                "{first}"
            );
            got.extend(&after[..written]);
        }
        assert_eq!(got.len(), values.len());
        let want = raster_back(size, &ranges, &values, &owners, &list, &grads);
        let mut far = 0;
        for (g, w) in got.iter().zip(&want) {
            let g: [f32; 12] = bytemuck::cast(*g);
            let w = w.map(|v| v as f32);
            // A pixel on a threshold (1/255, 0.99, 1e-4) may fall to either side.
            let off = g
                .iter()
                .zip(&w)
                .any(|(g, w)| g.is_nan() || (g - w).abs() > 2e-3 + 1e-3 * w.abs());
            far += usize::from(off);
            assert_close("moments", &g, &w, 3.0, 0.1);
        }
        assert!(far * 100 <= got.len(), "{far} of {} are off", got.len());
    }
}

/// A fit's splats, values first, then first and second moments.
struct Fitted {
    splats: [Buffer<Splat>; 3],
    sh: [Buffer<[f32; 4]>; 3],
    credit: Buffer<Credit>,
}

impl Fitted {
    fn new(gpu: &Gpu, some: &Splats) -> Self {
        let (records, planes) = (some.to_records(), some.to_planes());
        let zero = vec![Splat::default(); records.len()];
        let none = vec![[0.0f32; 4]; planes.len()];
        let up = |v: &[Splat]| gpu.upload(v).expect("splats");
        let sh = |v: &[[f32; 4]]| gpu.upload(v).expect("planes");
        Self {
            splats: [up(&records), up(&zero), up(&zero)],
            sh: [sh(&planes), sh(&none), sh(&none)],
            credit: gpu.alloc(records.len()).expect("credit"),
        }
    }

    fn update(&self, gpu: &Gpu, params: &UpdateParams, offsets: &[u32], moments: &[Moments]) {
        let [splats, mean, square] = &self.splats;
        let [sh, sh_mean, sh_square] = &self.sh;
        let mut recorder = gpu.recorder();
        let (o, m) = (gpu.upload(offsets), gpu.upload(moments));
        recorder
            .run(
                &UPDATE,
                params,
                &[
                    splats,
                    sh,
                    &o.expect("offsets"),
                    &m.expect("moments"),
                    mean,
                    square,
                    sh_mean,
                    sh_square,
                    &self.credit,
                ],
                groups_1d(params.n as usize, 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
    }

    fn read(&self, gpu: &Gpu) -> [(Vec<Splat>, Vec<[f32; 4]>); 3] {
        std::array::from_fn(|k| {
            let splats = gpu.read(&self.splats[k]).expect("splats");
            (splats, gpu.read(&self.sh[k]).expect("planes"))
        })
    }
}

fn rates() -> UpdateParams {
    UpdateParams {
        beta1: 0.9,
        beta2: 0.999,
        // So large that rounding of a gradient near 0 does not turn a step round.
        epsilon: 1e-3,
        centre: 0.01,
        opacity: 0.05,
        scale: 0.02,
        rotation: 0.03,
        sh0: 0.04,
        sh1: 0.002,
        least: -3.9,
        most: -1.6,
        ..UpdateParams::default()
    }
}

#[test]
fn update_matches_its_twins() {
    let gpu = gpu();
    let mut rng = Rng(31);
    for n in [0, 1, 63, 65, 300] {
        for degree in [0, 1, 2, 3] {
            let mut view = view(degree);
            let some = cloud(&mut rng, n, degree);
            let (whole, parted) = (Fitted::new(&gpu, &some), Fitted::new(&gpu, &some));
            let start = whole.read(&gpu);
            let all = |(splats, planes): &(Vec<Splat>, Vec<[f32; 4]>)| -> Vec<Flat> {
                (0..n).map(|i| flat(splats, planes, i)).collect()
            };
            let [mut s, mut m, mut v] = start.each_ref().map(all);
            let mut credit = vec![[0.0f64; 2]; n];
            view.n = n as u32;
            let mut offsets = vec![0u32];
            for (i, s) in s.iter().enumerate() {
                // None, one, or several slots.
                let seen = project::project(s, &view).is_some();
                offsets.push(offsets[i] + if seen { i as u32 % 4 } else { 0 });
            }
            let slots = offsets[n] as usize;
            // The last slots do not fit.
            view.capacity = slots as u32 - slots as u32 / 10;
            for step in 0..3 {
                // The last coefficients join after the first step.
                view.sh_degree = if step == 0 {
                    degree.saturating_sub(1)
                } else {
                    degree
                };
                let moments: Vec<Moments> = (0..slots)
                    .map(|slot| {
                        let mut four = || [rng.normal(), rng.normal(), rng.normal(), rng.normal()];
                        let mut one = Moments {
                            a: four(),
                            b: four(),
                            c: four(),
                        };
                        one.c[3] = 0.0;
                        match slot % 29 {
                            3 => one.a[1] = f32::NAN,
                            7 => one.c[0] = f32::INFINITY,
                            _ => {}
                        }
                        one
                    })
                    .collect();
                // All at once, then in two parts, each with the gradients that it needs.
                let middle = offsets[n / 2];
                let params = |(first, last)| {
                    (view.first, view.last) = (first, last);
                    rates().with_view(&view)
                };
                let [all, low, high] = [(0, u32::MAX), (0, middle), (middle, u32::MAX)].map(params);
                whole.update(&gpu, &all, &offsets, &moments);
                parted.update(&gpu, &low, &offsets, &moments);
                parted.update(&gpu, &high, &offsets, &moments[middle as usize..]);
                for i in 0..n {
                    let last = offsets[i + 1].min(view.capacity) as usize;
                    let first = (offsets[i] as usize).min(last);
                    if first == last {
                        continue;
                    }
                    let mut sums: Sums = [0.0; 12];
                    for slot in &moments[first..last] {
                        let slot: [f32; 12] = bytemuck::cast(*slot);
                        for (s, m) in sums.iter_mut().zip(slot) {
                            *s += f64::from(m);
                        }
                    }
                    let g = update::project_back(&s[i], &all.view(), &sums);
                    if update::adam(&g, &mut s[i], &mut m[i], &mut v[i], &all) {
                        credit[i] = [credit[i][0].max(sums[7]), credit[i][1] + 1.0];
                    }
                }
            }
            let got = whole.read(&gpu);
            assert!(got == parted.read(&gpu), "parts differ");
            let made = gpu.read(&whole.credit).expect("credit");
            assert!(made == gpu.read(&parted.credit).expect("credit"));
            for (i, (got, want)) in made.iter().zip(&credit).enumerate() {
                let got = [got.weight, got.views];
                let want = want.map(|v| v as f32);
                assert_close(&format!("credit of {i}"), &got, &want, 1e-4, 1e-4);
            }
            for (what, got, want, near) in [
                ("values", &got[0], &s, [2e-3, 1e-3]),
                ("mean", &got[1], &m, [5e-3, 2e-3]),
                ("square", &got[2], &v, [5e-3, 4e-3]),
            ] {
                for (i, (got, want)) in all(got).iter().zip(want).enumerate() {
                    let [got, want] = [got, want].map(|f| f.map(|v| v as f32));
                    let what = format!("{what} of {i} of degree {degree}");
                    assert_close(&what, &got, &want, near[0], near[1]);
                }
            }
            if n == 300 {
                let moved = s.iter().zip(all(&start[0])).filter(|(s, was)| *s != was);
                assert!(moved.count() > 100);
            }
        }
    }
}

#[test]
fn the_real_kernels_gradient_is_that_of_finite_differences() {
    let gpu = gpu();
    let size = [40u32, 28];
    let mut rng = Rng(53);
    let some = cloud(&mut rng, 14, 3);
    let camera = camera(DVec3::new(0.4, 0.7, 2.5), size[0], size[1]);
    let pixels: Vec<u32> = (0..size[0] * size[1])
        .map(|_| rng.u32() | 255 << 24)
        .collect();
    let truth = gpu.upload(&pixels).expect("truth");
    let options = FitOptions {
        sh_degree: 3,
        ..FitOptions::default()
    };
    let background = [0.3, 0.9, 0.1];
    // After one step Adam's first moment is a tenth of the gradient.
    let trainer = Trainer::new(&gpu, &some, size[0], size[1]).expect("trainer");
    let rates = Rates::at(&options, 1.0, 0.0, options.steps);
    trainer
        .step(&camera, &truth, None, background, 0.2, &rates)
        .expect("a step");
    let state = trainer.state().expect("state");
    let got = |i: usize| flat(&state.splats[1], &state.sh[1], i);
    // The loss of what the real kernels render, in f64 from their unrounded picture's twin.
    let renderer = Renderer::new(&gpu, &some, size[0], size[1], 0).expect("renderer");
    let view = renderer.view(&camera);
    let params = LossParams {
        background: [0.3, 0.9, 0.1, 0.0],
        depth: 0.0,
        l1: 0.8 / (3.0 * (size[0] * size[1]) as f32),
        ssim: 0.2 / (3.0 * (size[0] * size[1]) as f32),
        ..loss_params(size)
    };
    let target = Target {
        frame: &pixels,
        inverse_depth: &vec![0.0; pixels.len()],
    };
    let records = some.to_records();
    let planes = some.to_planes();
    let start: Vec<Flat> = (0..some.len())
        .map(|i| flat(&records, &planes, i))
        .collect();
    let value = |splats: &[Flat]| {
        let list = in_order(splats, &view);
        let out: Vec<Pixel> = (0..size[1])
            .flat_map(|y| (0..size[0]).map(move |x| (x, y)))
            .map(|(x, y)| {
                let at = [x, y].map(|v| f64::from(v) + 0.5);
                blend(list.iter().map(|p| &p.1), at[0], at[1])
            })
            .collect();
        loss::value(&out, &target, &params)
    };
    let mut checked = 0;
    for i in 0..some.len() {
        let got = got(i);
        for k in (0..60).filter(|k| *k != 7) {
            let eps = 1e-6;
            let mut moved = start.clone();
            moved[i][k] += eps;
            let up = value(&moved);
            moved[i][k] -= 2.0 * eps;
            let want = (up - value(&moved)) / (2.0 * eps);
            let got = got[k] / 0.1;
            assert!(
                (got - want).abs() <= 2e-5 + 1e-2 * want.abs(),
                "splat {i}, parameter {k}: {got} against {want}"
            );
            checked += usize::from(want.abs() > 1e-4);
        }
    }
    assert!(checked > 200, "{checked} gradients that are not near 0");
}
