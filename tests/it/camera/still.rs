//! Cameras that do not travel: told from those that do, and solved for what can be known of them.

use glam::DVec3;
use sora_director::camera::{CameraError, Cameras, FocalSource, Pose, SolveOptions, Way, solve};
use sora_director::depth::DepthKind;
use sora_director::monitor::Silent;

use super::known_focal;
use super::scene::{film, intrinsics, truth};

/// The scene's cameras, which go `by` times as far and turn as much.
fn cameras(frames: usize, by: f64) -> Cameras {
    let mut cameras = truth(frames, intrinsics());
    for camera in &mut cameras.cameras {
        camera.pose.position *= by;
    }
    cameras
}

fn degrees(a: &Pose, b: &Pose) -> f64 {
    let m = a.rotation.transpose() * b.rotation;
    let trace = m.x_axis.x + m.y_axis.y + m.z_axis.z;
    ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees()
}

#[test]
fn a_camera_that_turns_is_solved_in_one_place_with_its_focal_length() {
    let clip = film(cameras(16, 0.0), DepthKind::RelativeInverse);
    let options = SolveOptions::default();
    let found = solve(&clip.motion, &clip.depths, &options, &Silent).unwrap();
    assert_eq!(found.way, Way::Turns, "{:?}", found.notes);
    assert_eq!(found.cameras.len(), 16);
    assert_eq!(found.focal_source, FocalSource::Estimated);
    let focal = found.cameras[0].intrinsics.fx / clip.intrinsics.fx;
    assert!((focal - 1.0).abs() < 0.01, "{focal}");
    for (camera, truth) in found.cameras.iter().zip(&clip.truth.cameras) {
        assert_eq!(camera.pose.position, DVec3::ZERO);
        let off = degrees(&camera.pose, &truth.pose);
        assert!(off < 0.2, "{off}");
    }
    let words = found.notes.join("; ");
    assert!(words.contains("turns on the spot"), "{words}");
    assert!(words.contains("network's alone"), "{words}");
    // Depth is aligned from frame to frame all the same.
    let mut scales: Vec<f64> = (0..16)
        .map(|k| depth_of(&clip.depth_truth[k], &found, k, &clip.depths))
        .collect();
    scales.sort_by(f64::total_cmp);
    let (low, high) = (scales[0], scales[15]);
    assert!(high / low < 1.05, "{low} {high}");
}

/// Median of a frame's aligned inverse depth times the true depth.
fn depth_of(
    truth: &[f64],
    cameras: &Cameras,
    frame: usize,
    depths: &sora_director::depth::DepthMaps,
) -> f64 {
    let map = depths.maps[frame].as_ref().unwrap();
    let mut all: Vec<f64> = map
        .values
        .iter()
        .zip(truth)
        .filter_map(|(v, z)| {
            let rho = cameras.cameras[frame].inverse_depth(depths.kind, f64::from(*v))?;
            Some(rho * z)
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[test]
fn a_camera_that_stands_is_one_view() {
    let mut clip = film(cameras(10, 0.0), DepthKind::RelativeInverse);
    for camera in &mut clip.truth.cameras {
        camera.pose = Pose::gauge();
    }
    let clip = film(clip.truth, DepthKind::RelativeInverse);
    let found = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    assert_eq!(found.way, Way::Stands);
    assert_eq!(found.focal_source, FocalSource::Known);
    assert!(found.cameras.iter().all(|c| c.pose == Pose::gauge()));
    // How deep the scene is as a whole nothing tells; the frames' maps agree.
    let mut scales: Vec<f64> = (0..10)
        .map(|k| depth_of(&clip.depth_truth[k], &found, k, &clip.depths))
        .collect();
    scales.sort_by(f64::total_cmp);
    assert!(scales[9] / scales[0] < 1.05, "{scales:?}");
    let words = found.notes.join("; ");
    assert!(words.contains("one view"), "{words}");
}

#[test]
fn known_cameras_in_one_place_do_not_travel() {
    let way = |cameras: Cameras| Cameras::known(cameras.cameras, cameras.unit).way;
    assert_eq!(way(cameras(6, 1.0)), Way::Travels);
    assert_eq!(way(cameras(6, 0.0)), Way::Turns);
    let mut one = cameras(6, 0.0);
    for camera in &mut one.cameras {
        // As a file of 32 bits has it, far from its origin.
        camera.pose = Pose::gauge();
        camera.pose.position = DVec3::new(400.0, 0.0, 1e-5 * camera.time);
    }
    assert_eq!(way(one), Way::Stands);
}

#[test]
fn little_travel_is_travel_where_the_flow_tells_it() {
    // Over the widest pairs a parallax of some pixels at a width of 640, where flow is right to a fifth of one.
    let clip = film(cameras(12, 0.06), DepthKind::RelativeInverse);
    let found = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    let parallax = found.parallax.unwrap();
    assert!((1.0..8.0).contains(&parallax), "{parallax}");
    assert_eq!(found.way, Way::Travels);
}

#[test]
fn a_hand_that_trembles_turns() {
    // What little it travels is less than what flow tells.
    let clip = film(cameras(12, 0.002), DepthKind::RelativeInverse);
    let found = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap();
    assert_eq!(found.way, Way::Turns, "{:?}", found.parallax);
}

#[test]
fn a_travel_that_explains_nothing_of_what_moves_is_none() {
    // The lower third streams toward the camera as a road does, which the far rest, hardly moved, knows nothing of.
    let mut clip = film(cameras(16, 0.1), DepthKind::RelativeInverse);
    let width = clip.motion.width as usize;
    let road = width * clip.motion.height as usize * 2 / 3;
    for pair in &mut clip.motion.pairs {
        let step = 2.0 * (pair.b - pair.a) as f32;
        pair.forward[road..].iter_mut().for_each(|f| f[1] += step);
        pair.backward[road..].iter_mut().for_each(|f| f[1] -= step);
    }
    let found = solve(
        &clip.motion,
        &clip.depths,
        &SolveOptions::default(),
        &Silent,
    );
    // Nor is it one that stands: that explains it no better.
    let refused = matches!(
        found,
        Err(CameraError::DepthContradicts { .. } | CameraError::Unsolved { .. })
    );
    assert!(refused, "{found:?}");
}
