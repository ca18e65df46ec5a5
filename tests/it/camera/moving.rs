//! Masks of what moves, by cameras that are true or solved.

use glam::DVec3;
use sora_director::camera::moving::{moving, moving_share};
use sora_director::camera::{Cameras, SolveOptions, solve};
use sora_director::depth::DepthKind;
use sora_director::monitor::Silent;
use sora_director::motion::Masks;

use super::scene::{self, Clip};

/// Pixels that move and are masked, are masked only, move only.
fn counts(masks: &Masks, truth: &Cameras) -> [usize; 3] {
    let mut counts = [0; 3];
    for (frame, mask) in masks.frames.iter().enumerate() {
        let mask = mask.as_ref().expect("a mask");
        for (is, told) in scene::moves(truth, frame).into_iter().zip(&mask.moving) {
            match (is, *told >= 128) {
                (true, true) => counts[0] += 1,
                (false, true) => counts[1] += 1,
                (true, false) => counts[2] += 1,
                (false, false) => {}
            }
        }
    }
    counts
}

fn assert_masked(clip: &Clip, cameras: &Cameras, what: &str) -> Masks {
    let masks = moving(&clip.motion, &clip.depths, cameras);
    let [hit, extra, missed] = counts(&masks, &clip.truth);
    let (recall, precision) = (
        hit as f64 / (hit + missed) as f64,
        hit as f64 / (hit + extra) as f64,
    );
    assert!(
        recall >= 0.9 && precision >= 0.8,
        "{what}: recall {recall:.3}, precision {precision:.3}"
    );
    masks
}

#[test]
fn what_moves_is_masked_and_keeps_its_number() {
    // The ball goes against the camera's way, so nearly along its epipolar lines: the depth tells of it.
    let clip = scene::scene(10, DepthKind::Metric);
    let masks = assert_masked(&clip, &clip.truth, "true cameras");
    let share = moving_share(&masks).expect("masks");
    assert!((0.01..0.1).contains(&share), "{share}");
    for (frame, mask) in masks.frames.iter().enumerate() {
        let mask = mask.as_ref().expect("a mask");
        let ball = scene::moves(&clip.truth, frame);
        let on = mask.objects.iter().zip(&ball).filter(|(_, b)| **b);
        let (ones, all) = on.fold((0, 0), |n, (o, _)| (n.0 + usize::from(*o == 1), n.1 + 1));
        assert!(ones * 10 >= all * 9, "frame {frame}: {ones} of {all}");
    }
    let clip = scene::scene(10, DepthKind::RelativeInverse);
    let options = SolveOptions {
        width: 160,
        height: 96,
        ..SolveOptions::default()
    };
    let solved = solve(&clip.motion, &clip.depths, &options, &Silent).expect("solved");
    assert_masked(&clip, &solved, "solved cameras");
}

#[test]
fn a_camera_that_only_turns_masks_what_moves_too() {
    let mut truth = scene::truth(10, scene::intrinsics());
    for camera in &mut truth.cameras {
        camera.pose.position = DVec3::ZERO;
    }
    let clip = scene::film(truth, DepthKind::Metric);
    assert_masked(&clip, &clip.truth, "a camera that turns");
}

#[test]
fn what_is_not_known_is_not_told() {
    let clip = scene::scene(6, DepthKind::Metric);
    // Without its camera or its map a frame has no mask.
    let mut cameras = clip.truth.clone();
    cameras.cameras.remove(5);
    let mut depths = clip.depths.clone();
    depths.maps[0] = None;
    let masks = moving(&clip.motion, &depths, &cameras);
    let known: Vec<bool> = masks.frames.iter().map(Option::is_some).collect();
    assert_eq!(known, [false, true, true, true, true, false]);
    // Nor where no flow hangs together.
    let mut torn = clip.motion.clone();
    for pair in &mut torn.pairs {
        pair.forward.fill([f32::NAN, 3.0]);
    }
    let masks = moving(&torn, &clip.depths, &clip.truth);
    assert!(masks.frames.iter().all(Option::is_none));
    assert_eq!(moving_share(&masks), None);
    // Depth that is wrong throughout moves nothing, but a hole in it is no mover.
    let mut holes = clip.depths.clone();
    for map in holes.maps.iter_mut().flatten() {
        map.values[..160 * 40].fill(f32::NAN);
    }
    let masks = moving(&clip.motion, &holes, &clip.truth);
    let mask = masks.frames[3].as_ref().expect("a mask");
    let told = mask.moving[..160 * 20].iter().filter(|m| **m >= 128);
    assert!(told.count() < 32);
}

#[test]
fn blank_sky_does_not_move_by_the_flow_of_the_edges_beside_it() {
    // An opening in what stands near: the map has the sky there, the flow goes on with what is about it.
    let mut clip = scene::scene(10, DepthKind::Metric);
    let (width, height) = (160, 96);
    let opening = |p: usize| (30..60).contains(&(p % width)) && (50..80).contains(&(p / width));
    for map in clip.depths.maps.iter_mut().flatten() {
        let (w, h) = (map.width as usize, map.height as usize);
        for (q, value) in map.values.iter_mut().enumerate() {
            if opening((q / w * height / h) * width + q % w * width / w) {
                *value = 1e4;
            }
        }
    }
    let masked = |clip: &Clip| {
        let masks = moving(&clip.motion, &clip.depths, &clip.truth);
        let mask = masks.frames[5].as_ref().expect("a mask");
        let inside: Vec<u8> = (0..width * height)
            .filter(|&p| opening(p) && !scene::moves(&clip.truth, 5)[p])
            .map(|p| mask.moving[p])
            .collect();
        inside.iter().filter(|m| **m >= 128).count() as f64 / inside.len() as f64
    };
    // By the flow alone it moves; so it does where the pictures show something that goes with the flow.
    let alone = masked(&clip);
    clip.motion.luma = (0..10).map(|k| scene::picture(&clip.truth, k)).collect();
    let textured = masked(&clip);
    for luma in &mut clip.motion.luma {
        for (p, value) in luma.iter_mut().enumerate() {
            if opening(p) {
                *value = 220.0;
            }
        }
    }
    let blank = masked(&clip);
    assert!(alone > 0.7 && textured > 0.7, "{alone} {textured}");
    assert!(blank < 0.1, "{blank}");
}
