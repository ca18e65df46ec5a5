//! Cameras: solves of exact synthetic geometry, refusals, known formats, trajectory errors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod colmap;
mod commands;
mod files;
mod lens;
mod lists;
mod moving;
mod nerfstudio;
mod pictures;
mod points;
mod scene;
mod still;
mod turned;
mod undistort;

use glam::DVec3;
use scene::{Clip, scene};
use sora_director::camera::{
    CameraError, Cameras, FocalSource, Intrinsics, LengthUnit, Pose, SolveOptions, evaluate, solve,
};
use sora_director::depth::DepthKind;
use sora_director::monitor::{Monitor, Silent};

use crate::common::Rng;

fn known_focal(clip: &Clip) -> SolveOptions {
    SolveOptions {
        intrinsics: Some(clip.intrinsics),
        ..SolveOptions::default()
    }
}

/// Median relative error of aligned inverse depth against the truth, after one scale for the clip.
fn depth_error(clip: &Clip, cameras: &Cameras, scale: f64) -> f64 {
    let mut errors = Vec::new();
    for camera in &cameras.cameras {
        let map = clip.depths.maps[camera.frame].as_ref().unwrap();
        for (value, z) in map.values.iter().zip(&clip.depth_truth[camera.frame]) {
            let rho = camera.depth_scale * f64::from(*value) + camera.depth_shift;
            errors.push((rho * z / scale - 1.0).abs());
        }
    }
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

#[test]
fn relative_depth_with_noise_and_a_moving_thing_gives_poses_and_alignment() {
    let clip = scene(12, DepthKind::RelativeInverse);
    let cameras = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    assert_eq!(cameras.cameras.len(), 12);
    assert_eq!(cameras.unit, LengthUnit::Arbitrary);
    assert_eq!(cameras.focal_source, FocalSource::Known);
    assert_eq!(cameras.cameras[0].pose, Pose::gauge());
    let error = evaluate(&cameras, &clip.truth).unwrap();
    let depth = depth_error(&clip, &cameras, error.scale);
    assert!(error.ate_rmse < 0.002 * error.path_length, "{error:?}");
    assert!(error.rpe_rotation_degrees < 0.03, "{error:?}");
    assert!(depth < 0.03, "{depth}");
    assert!(cameras.residual_under_2px.unwrap() > 0.9);
    for camera in &cameras.cameras {
        let r = camera.pose.rotation;
        assert!((r.transpose() * r).abs_diff_eq(glam::DMat3::IDENTITY, 1e-12));
    }
}

#[test]
fn the_sky_does_not_set_the_unit() {
    let intrinsics = scene::intrinsics();
    let clip = scene::outside(scene::truth(12, intrinsics), DepthKind::RelativeInverse);
    let depths = clip.depth_truth.iter().flatten();
    let (sky, mut ground): (Vec<f64>, Vec<f64>) = depths.partition(|z| **z >= scene::SKY);
    assert!(
        10 * sky.len() > 7 * ground.len(),
        "{} {}",
        sky.len(),
        ground.len()
    );
    ground.sort_by(f64::total_cmp);
    let cameras = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    let error = evaluate(&cameras, &clip.truth).unwrap();
    assert!(error.ate_rmse < 0.01 * error.path_length, "{error:?}");
    // With the sky in it the middle of all solved inverse depth would be another.
    let mut all: Vec<f64> = cameras
        .cameras
        .iter()
        .flat_map(|c| {
            let map = clip.depths.maps[c.frame].as_ref().unwrap();
            let solved = |v: &f32| c.depth_scale * f64::from(*v) + c.depth_shift;
            map.values.iter().map(solved)
        })
        .collect();
    all.sort_by(f64::total_cmp);
    assert!(all[all.len() / 2] < 0.75, "{}", all[all.len() / 2]);
    // A unit of the result in metres: what stands on the ground is one away in the middle.
    let middle = ground[ground.len() / 2];
    assert!(
        (error.scale / middle - 1.0).abs() < 0.25,
        "{} {middle}",
        error.scale
    );
}

#[test]
fn focal_length_is_estimated_where_the_camera_turns() {
    let clip = scene(12, DepthKind::Metric);
    let options = SolveOptions {
        width: 320,
        height: 192,
        ..SolveOptions::default()
    };
    let cameras = solve(&clip.motion, &clip.depths, &options, &Silent).unwrap();
    let error = evaluate(&cameras, &clip.truth).unwrap();
    assert_eq!(cameras.focal_source, FocalSource::Estimated);
    assert!(error.focal_error.abs() < 0.005, "{error:?}");
    assert_eq!(cameras.cameras[3].intrinsics.width, 320);
    // Depth of the model `known` is in metres, so the rigid error counts.
    assert_eq!(cameras.unit, LengthUnit::Metres);
    assert!(
        error.ate_rmse_rigid < 0.002 * error.path_length,
        "{error:?}"
    );
    assert!(
        cameras
            .cameras
            .iter()
            .all(|c| c.depth_scale == 1.0 && c.depth_shift == 0.0)
    );
}

#[test]
fn a_focal_length_that_is_given_and_wrong_is_told() {
    let clip = scene(12, DepthKind::RelativeInverse);
    let told = |factor: f64| {
        let mut options = known_focal(&clip);
        let k = options.intrinsics.as_mut().expect("given");
        (k.fx, k.fy) = (factor * k.fx, factor * k.fy);
        solve(&clip.motion, &clip.depths, &options, &Silent).map(|c| c.notes.concat())
    };
    let better = "than the one that was given fits the clip better";
    assert!(!told(1.0).expect("right").contains(better));
    for (factor, than) in [(1.4, "17% shorter"), (0.7, "49% longer"), (0.4, "longer")] {
        match told(factor) {
            Ok(notes) => assert!(notes.contains(than) && notes.contains(better), "{notes}"),
            Err(error) => assert!(matches!(error, CameraError::Unsolved { .. }), "{error}"),
        }
    }
}

#[test]
fn a_caption_is_left_out_where_it_keeps_a_clip_from_being_solved() {
    let mut clip = scene(12, DepthKind::RelativeInverse);
    let (w, h) = (clip.motion.width as usize, clip.motion.height as usize);
    let plain = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).expect("plain");
    let note = "stands still while the rest moves";
    assert!(!plain.notes.concat().contains(note));
    for pair in &mut clip.motion.pairs {
        for flow in [&mut pair.forward, &mut pair.backward] {
            flow[w * (h * 6 / 10)..].fill([0.0; 2]);
        }
    }
    let found = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).expect("caption");
    let notes = found.notes.concat();
    assert!(
        notes.contains(note) && notes.contains("41% of the picture"),
        "{notes}"
    );
    let error = evaluate(&found, &clip.truth).expect("error");
    assert!(error.ate_rmse < 0.02 * error.path_length, "{error:?}");
}

#[test]
fn a_caption_that_disturbs_no_solve_is_no_part_of_the_scene() {
    let mut clip = scene(12, DepthKind::RelativeInverse);
    let (w, h) = (clip.motion.width as usize, clip.motion.height as usize);
    let rows = h * 29 / 30;
    for pair in &mut clip.motion.pairs {
        for flow in [&mut pair.forward, &mut pair.backward] {
            flow[w * rows..].fill([0.0; 2]);
        }
    }
    let cameras = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).expect("solved");
    assert!(!cameras.notes.concat().contains("stands still"));
    let masks = sora_director::camera::moving::moving(&clip.motion, &clip.depths, &cameras);
    for mask in masks.frames.iter().flatten() {
        let caption = mask.moving[w * rows..].iter().filter(|m| **m == 255);
        assert!(caption.count() * 10 > w * (h - rows) * 9);
    }
    let share = sora_director::camera::moving::moving_share(&masks).expect("masks");
    assert!((0.03..0.12).contains(&share), "{share}");
}

#[test]
fn black_bars_are_left_out_and_told() {
    let mut clip = scene(12, DepthKind::RelativeInverse);
    let (w, h) = (clip.motion.width as usize, clip.motion.height as usize);
    let bar = h / 8;
    clip.motion.luma = (0..12).map(|k| scene::picture(&clip.truth, k)).collect();
    for luma in &mut clip.motion.luma {
        luma[..w * bar].fill(16.0);
        luma[w * (h - bar)..].fill(16.0);
    }
    // What flow says where there is nothing to follow.
    let mut rng = Rng(9);
    for pair in &mut clip.motion.pairs {
        for flow in [&mut pair.forward, &mut pair.backward] {
            let rows = (0..bar).chain(h - bar..h);
            for at in rows.flat_map(|y| y * w..(y + 1) * w) {
                flow[at] = [rng.range(-4.0, 4.0), rng.range(-4.0, 4.0)];
            }
        }
    }
    let cameras = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).expect("solved");
    let notes = cameras.notes.concat();
    assert!(
        notes.contains("25% of the picture is black bars"),
        "{notes}"
    );
    let error = evaluate(&cameras, &clip.truth).expect("error");
    assert!(error.ate_rmse < 0.004 * error.path_length, "{error:?}");
    let masks = sora_director::camera::moving::moving(&clip.motion, &clip.depths, &cameras);
    for mask in masks.frames.iter().flatten() {
        let bars = mask.moving[..w * bar]
            .iter()
            .chain(&mask.moving[w * (h - bar)..]);
        assert!(bars.into_iter().all(|m| *m == 255));
    }
}

#[test]
fn two_runs_agree_to_the_bit() {
    let clip = scene(8, DepthKind::RelativeInverse);
    let run = || solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    let (a, b) = (run(), run());
    for (a, b) in a.cameras.iter().zip(&b.cameras) {
        let bits = |c: &sora_director::camera::Camera| {
            let mut v = c.pose.rotation.to_cols_array().to_vec();
            v.extend(c.pose.position.to_array());
            v.extend([c.intrinsics.fx, c.depth_scale, c.depth_shift]);
            v.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(bits(a), bits(b));
    }
}

#[test]
fn frames_behind_a_cut_are_left_out() {
    let mut clip = scene(13, DepthKind::RelativeInverse);
    let mut rng = Rng(9);
    for pair in clip.motion.pairs.iter_mut().filter(|p| p.a < 9 && p.b >= 9) {
        for f in pair.forward.iter_mut().chain(&mut pair.backward) {
            *f = [rng.range(-40.0, 40.0), rng.range(-40.0, 40.0)];
        }
    }
    let cameras = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    let frames: Vec<usize> = cameras.cameras.iter().map(|c| c.frame).collect();
    assert_eq!(frames, (0..9).collect::<Vec<_>>());
    assert!(
        cameras
            .notes
            .iter()
            .any(|n| n.contains("4 of 13") && n.contains("9-12")),
        "{:?}",
        cameras.notes
    );
    let error = evaluate(&cameras, &clip.truth).unwrap();
    assert!(error.ate_rmse < 0.02 * error.path_length, "{error:?}");
}

#[test]
fn what_cannot_be_solved_is_refused_in_words() {
    let clip = scene(6, DepthKind::RelativeInverse);
    let options = known_focal(&clip);

    let mut rng = Rng(4);
    let mut wild = clip.clone();
    for pair in &mut wild.motion.pairs {
        for f in pair.forward.iter_mut().chain(&mut pair.backward) {
            *f = [rng.range(-9.0, 9.0), rng.range(-9.0, 9.0)];
        }
    }
    let error = solve(&wild.motion, &wild.depths, &options, &Silent).unwrap_err();
    assert!(
        matches!(error, CameraError::FlowInconsistent { share, .. } if share < 0.1),
        "{error}"
    );

    // Smooth both ways, so it passes the two-way test, but no rigid scene moves like this.
    let mut bent = clip.clone();
    for pair in &mut bent.motion.pairs {
        let (w, span) = (clip.motion.width as usize, (pair.b - pair.a) as f32);
        let bend = |k: usize| {
            14.0 * span.sqrt() * ((pair.b * pair.b + pair.a) as f32 + (k / w) as f32 / 9.0).sin()
        };
        pair.forward
            .iter_mut()
            .enumerate()
            .for_each(|(k, f)| *f = [bend(k), 0.0]);
        pair.backward
            .iter_mut()
            .enumerate()
            .for_each(|(k, f)| *f = [-bend(k), 0.0]);
    }
    let error = solve(&bent.motion, &bent.depths, &options, &Silent).unwrap_err();
    assert!(matches!(error, CameraError::Unsolved { .. }), "{error}");

    let mut short = clip.clone();
    short.motion.times.truncate(2);
    short.depths.maps.truncate(2);
    short.motion.pairs.retain(|p| p.b < 2);
    let error = solve(&short.motion, &short.depths, &options, &Silent).unwrap_err();
    assert!(
        matches!(error, CameraError::TooFewFrames { found: 2, .. }),
        "{error}"
    );

    let mut torn = clip.clone();
    torn.depths.maps.pop();
    let error = solve(&torn.motion, &torn.depths, &options, &Silent).unwrap_err();
    assert!(matches!(error, CameraError::Mismatch(_)), "{error}");

    let mut empty = clip.clone();
    for map in empty.depths.maps.iter_mut().flatten() {
        map.values.fill(f32::NAN);
    }
    let error = solve(&empty.motion, &empty.depths, &options, &Silent).unwrap_err();
    assert!(matches!(error, CameraError::Mismatch(_)), "{error}");

    struct Stop;
    impl Monitor for Stop {
        fn stopped(&self) -> bool {
            true
        }
    }
    let error = solve(&clip.motion, &clip.depths, &options, &Stop).unwrap_err();
    assert!(matches!(error, CameraError::Interrupted), "{error}");
}

#[test]
fn holes_in_depth_and_flow_do_no_harm() {
    let mut clip = scene(8, DepthKind::Metric);
    clip.depths.maps[3] = None;
    let mut rng = Rng(2);
    for map in clip.depths.maps.iter_mut().flatten() {
        for _ in 0..20 {
            let k = rng.u32() as usize % map.values.len();
            map.values[k] = [f32::NAN, 0.0, -1.0, f32::INFINITY][rng.u32() as usize % 4];
        }
    }
    for pair in &mut clip.motion.pairs {
        for _ in 0..50 {
            let k = rng.u32() as usize % pair.forward.len();
            pair.forward[k] = [f32::NAN, f32::INFINITY];
            pair.backward[k] = [f32::NEG_INFINITY, 0.0];
        }
    }
    let cameras = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    assert_eq!(cameras.cameras.len(), 8);
    assert!(
        cameras.notes.iter().any(|n| n.contains("no depth map")),
        "{:?}",
        cameras.notes
    );
    let error = evaluate(&cameras, &clip.truth).unwrap();
    assert!(
        error.ate_rmse_rigid < 0.002 * error.path_length,
        "{error:?}"
    );
}

#[test]
fn errors_of_a_moved_trajectory_are_those_that_were_put_in() {
    let truth = scene::truth(9, Intrinsics::from_fov_x(64, 48, 1.0));
    let mut moved = truth.clone();
    let turn = glam::DMat3::from_euler(glam::EulerRot::YXZ, 0.7, -0.3, 1.9);
    for camera in &mut moved.cameras {
        camera.pose.position = 0.5 * (turn * camera.pose.position) + DVec3::new(1.0, 2.0, 3.0);
        camera.pose.rotation = turn * camera.pose.rotation;
        camera.intrinsics.fx *= 1.1;
    }
    let error = evaluate(&moved, &truth).unwrap();
    assert!(
        error.ate_rmse < 1e-12 && error.rpe_translation < 1e-12,
        "{error:?}"
    );
    assert!(error.rpe_rotation_degrees < 1e-5, "{error:?}");
    assert!((error.scale - 2.0).abs() < 1e-12 && (error.focal_error - 0.1).abs() < 1e-12);
    assert!(error.ate_rmse_rigid > 0.1 * error.path_length);
    moved.cameras.truncate(2);
    assert!(evaluate(&moved, &truth).is_none());
}
