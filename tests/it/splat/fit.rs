//! Whole fits on small synthetic scenes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use glam::DVec3;
use sora_director::camera::{Camera, Cameras, LengthUnit};
use sora_director::depth::{DepthKind, DepthMap, DepthMaps};
use sora_director::gpu::Gpu;
use sora_director::monitor::{Monitor, Silent};
use sora_director::motion::{Mask, Masks};
use sora_director::splat::{Fit, FitOptions, Renderer, SplatError, Splats, fit};
use sora_director::video::{Frames, VideoInfo};

use super::{camera, cloud};
use crate::common::{Rng, gpu};

pub(super) struct Scene {
    pub frames: Frames,
    pub cameras: Cameras,
    pub depth: DepthMaps,
}

/// A cloud on a backdrop seen from an arc of `views` cameras: opaque frames and their true depth.
fn scene(views: usize, size: u32) -> Scene {
    scene_on(&gpu(), views, size)
}

/// The same on a device of the caller's.
pub(super) fn scene_on(gpu: &Gpu, views: usize, size: u32) -> Scene {
    let mut rng = Rng(41);
    let mut truth: Splats = cloud(&mut rng, 30, 0);
    for l in &mut truth.log_scales {
        *l = std::array::from_fn(|_| rng.range(-2.6, -1.6));
    }
    for i in 0..400 {
        // A wall of wide flat splats behind.
        let (x, y) = ((i % 20) as f32 * 0.25 - 2.4, (i / 20) as f32 * 0.25 - 2.4);
        truth.positions.push([x, y, -1.0]);
        truth.log_scales.push([-1.6, -1.6, -4.0]);
        truth.rotations.push([1.0, 0.0, 0.0, 0.0]);
        truth.opacity_logits.push(5.0);
        truth
            .sh
            .push([(3.0 * x).sin(), (2.0 * y).cos(), (x + y).sin()]);
    }
    let mut renderer = Renderer::new(gpu, &truth, size, size, 0).expect("renderer");
    let (mut rgba, mut cameras, mut maps) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..views {
        let turn = 0.5 * (i as f64 / (views - 1) as f64 - 0.5);
        let camera = Camera {
            frame: i,
            depth_scale: 2.0,
            ..camera(
                DVec3::new(3.0 * turn.sin(), 0.3, 3.0 * turn.cos()),
                size,
                size,
            )
        };
        let r = renderer.render(&camera, [0.5; 3]).expect("render");
        rgba.push(gpu.upload(&r.rgba).expect("upload"));
        // Depth in units of twice the world's, which `depth_scale` tells.
        maps.push(Some(DepthMap {
            width: size,
            height: size,
            values: r.depth.iter().map(|d| 2.0 * d).collect(),
        }));
        cameras.push(camera);
    }
    Scene {
        frames: Frames {
            width: size,
            height: size,
            times: (0..views).map(|i| i as f64).collect(),
            rgba,
            info: VideoInfo::default(),
            sources: Vec::new(),
            faults: Vec::new(),
        },
        cameras: Cameras::known(cameras, LengthUnit::Arbitrary),
        depth: DepthMaps {
            kind: DepthKind::Metric,
            model: "known".into(),
            maps,
        },
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Monitor for Told {
    fn warn(&self, message: &str) {
        self.0.lock().expect("warnings").push(message.to_owned());
    }
}

fn options() -> FitOptions {
    FitOptions {
        splats: 400,
        steps: 120,
        relocate_every: 40,
        ..Default::default()
    }
}

fn run(scene: &Scene, depth: bool, options: &FitOptions) -> Result<Fit, SplatError> {
    fit(
        &gpu(),
        &scene.frames,
        &scene.cameras,
        (depth.then_some(&scene.depth), None),
        options,
        &Silent,
    )
}

#[test]
fn a_fit_from_depth_gains_on_held_out_views_and_repeats_to_the_bit() {
    let scene = scene(10, 32);
    let first = run(&scene, true, &options()).expect("fit");
    let report = &first.report;
    assert_eq!(report.initial, "depth");
    assert_eq!(
        report.held_out.iter().map(|h| h.frame).collect::<Vec<_>>(),
        [4]
    );
    assert_eq!(report.train_frames, 9);
    assert!(
        report.train_psnr > report.initial_psnr.map(|psnr| psnr + 8.0),
        "{report:?}"
    );
    assert!(report.held_out_psnr > Some(26.0), "{report:?}");
    assert_eq!(report.overflow_steps, 0);
    assert!(report.relocated > 0, "{report:?}");
    let second = run(&scene, true, &options()).expect("fit");
    assert!(first.splats == second.splats, "two fits differ");

    // The depth of the world is kept: the wall stays a wall.
    let mut renderer = Renderer::new(&gpu(), &first.splats, 32, 32, 0).expect("renderer");
    let camera = &scene.cameras.cameras[4];
    let seen = renderer.render(camera, [0.5; 3]).expect("render");
    let truth = scene.depth.maps[4].as_ref().expect("map");
    let mut off: Vec<f32> = seen
        .depth
        .iter()
        .zip(&truth.values)
        .map(|(d, t)| (d - t / 2.0).abs() / (t / 2.0))
        .collect();
    off.sort_by(f32::total_cmp);
    assert!(
        off[off.len() / 2] < 0.05,
        "median depth error {}",
        off[off.len() / 2]
    );
}

#[test]
fn a_fit_ends_when_its_time_is_up_and_tells() {
    let scene = scene(4, 16);
    let told = Told::default();
    let options = FitOptions {
        splats: 100,
        steps: 100_000,
        max_seconds: 1,
        ..options()
    };
    let depth = Some(&scene.depth);
    let fit = fit(
        &gpu(),
        &scene.frames,
        &scene.cameras,
        (depth, None),
        &options,
        &told,
    );
    let report = fit.expect("fit").report;
    assert!(
        report.steps > 0 && report.steps < report.planned_steps,
        "{report:?}"
    );
    assert_eq!(report.planned_steps, 100_000);
    let words = told.0.lock().expect("warnings").concat();
    assert!(
        words.contains("of 100000 steps") && words.contains("fit.max_seconds"),
        "{words}"
    );
}

#[test]
fn a_fit_without_depth_gains_too() {
    let scene = scene(10, 32);
    let fit = run(&scene, false, &options()).expect("fit");
    assert_eq!(fit.report.initial, "rays");
    assert!(
        fit.report.train_psnr > fit.report.initial_psnr.map(|psnr| psnr + 5.0),
        "{:?}",
        fit.report
    );
}

/// A red square that goes through the pictures, nearer than all else, and the masks that tell of it.
fn walked_through(scene: &mut Scene) -> Masks {
    let side = scene.frames.width as usize;
    let mut masks = Masks {
        width: side as u32,
        height: side as u32,
        frames: Vec::new(),
    };
    for i in 0..scene.frames.len() {
        let mut pixels = gpu().read(&scene.frames.rgba[i]).expect("pixels");
        let mut moving = vec![0; pixels.len()];
        let map = scene.depth.maps[i].as_mut().expect("map");
        for y in 8..20 {
            for x in 2 * i..2 * i + 10 {
                pixels[y * side + x] = 0xff00_00ff;
                map.values[y * side + x] = 2.0;
                moving[y * side + x] = 255;
            }
        }
        scene.frames.rgba[i] = gpu().upload(&pixels).expect("upload");
        let objects = vec![0; moving.len()];
        masks.frames.push(Some(Mask { moving, objects }));
    }
    masks
}

#[test]
fn who_walks_through_the_pictures_is_no_part_of_the_splats() {
    let mut scene = scene(10, 32);
    let empty = gpu().read(&scene.frames.rgba[4]).expect("pixels");
    let masks = walked_through(&mut scene);
    let fitted = |masks: Option<&Masks>| {
        let seen = (Some(&scene.depth), masks);
        let (frames, cameras) = (&scene.frames, &scene.cameras);
        fit(&gpu(), frames, cameras, seen, &options(), &Silent).expect("fit")
    };
    let red = |fit: &Fit| {
        let mut renderer = Renderer::new(&gpu(), &fit.splats, 32, 32, 0).expect("renderer");
        let seen = renderer.render(&scene.cameras.cameras[4], [0.5; 3]);
        let seen = seen.expect("render").rgba;
        // How far the place where it stood in a held-out frame is from what stands behind it.
        let at = (8..20).flat_map(|y| (8..18).map(move |x| y * 32 + x));
        let apart = at.map(|i| {
            let each = [0, 8, 16].map(|s| (seen[i] >> s & 255).abs_diff(empty[i] >> s & 255));
            f64::from(each.iter().sum::<u32>()) / 3.0
        });
        apart.sum::<f64>() / 120.0
    };
    let (with, without) = (fitted(Some(&masks)), fitted(None));
    let apart = [&with, &without].map(red);
    assert!(2.0 * apart[0] < apart[1], "{apart:?}");
    let psnr = [&with, &without].map(|fit| fit.report.held_out_psnr);
    assert!(psnr[0] > psnr[1].map(|psnr| psnr + 3.0), "{psnr:?}");
}

#[test]
fn held_out_frames_are_never_trained_on() {
    let mut scene = scene(10, 16);
    let options = FitOptions {
        steps: 30,
        ..options()
    };
    let before = run(&scene, false, &options).expect("fit");
    scene.frames.rgba[4] = gpu().upload(&vec![0xff00_00ff; 256]).expect("upload");
    let after = run(&scene, false, &options).expect("fit");
    assert!(before.splats == after.splats);
    assert!(after.report.held_out_psnr < before.report.held_out_psnr);
}

#[test]
fn faults_and_stops_are_told() {
    let mut scene = scene(3, 16);
    struct Stop(AtomicU64);
    impl Monitor for Stop {
        fn progress(&self, done: u64, _total: u64) {
            self.0.store(done, Ordering::Relaxed);
        }
        fn stopped(&self) -> bool {
            self.0.load(Ordering::Relaxed) >= 20
        }
    }
    let stop = Stop(AtomicU64::new(0));
    let stopped = fit(
        &gpu(),
        &scene.frames,
        &scene.cameras,
        (None, None),
        &options(),
        &stop,
    );
    assert!(matches!(stopped, Err(SplatError::Interrupted)));
    let degree = FitOptions {
        sh_degree: 4,
        ..options()
    };
    assert!(matches!(
        run(&scene, false, &degree),
        Err(SplatError::Input(_))
    ));
    scene.cameras.cameras[1].frame = 7;
    let error = run(&scene, false, &options()).expect_err("frame 7");
    assert!(error.to_string().contains("frame 7"), "{error}");
    scene.cameras.cameras.truncate(1);
    assert!(matches!(
        run(&scene, false, &options()),
        Err(SplatError::Input(_))
    ));
}

#[test]
fn harmonics_join_one_degree_after_the_other() {
    let scene = scene(6, 32);
    let fitted = |steps: u32, sh_degree: u32| {
        let options = FitOptions {
            splats: 300,
            steps,
            sh_degree,
            relocate_every: 0,
            ..FitOptions::default()
        };
        run(&scene, true, &options).expect("a fit").splats
    };
    let most = |splats: &Splats, band: std::ops::Range<usize>| {
        let each = splats.sh.chunks_exact(splats.coefficients());
        let values = each.flat_map(|sh| sh[band.clone()].as_flattened());
        values.fold(0.0f32, |most, v| v.abs().max(most))
    };
    // Of eight equal steps degree 0 has the first, then another joins each: all of them count by half.
    let whole = fitted(40, 3);
    assert_eq!(whole.sh_degree, 3);
    for band in [1..4, 4..9, 9..16] {
        assert!(most(&whole, band.clone()) > 1e-4, "{band:?}");
    }
    // One step is of degree 0 only.
    let first = fitted(1, 3);
    assert!(most(&first, 0..1) > 0.0);
    assert_eq!(most(&first, 1..16), 0.0);
}
