//! What the pictures themselves tell beside the flow, and frames that show nothing.

use sora_director::camera::{CameraError, Cameras, evaluate, solve};
use sora_director::depth::DepthKind;
use sora_director::monitor::Silent;

use super::known_focal;
use super::scene::{Clip, picture, scene};

/// With pictures, black where `blank` says so; the flow there is that between nothing and something: none.
fn filmed(frames: usize, blank: &[usize]) -> Clip {
    let mut clip = scene(frames, DepthKind::RelativeInverse);
    clip.motion.luma = (0..frames)
        .map(|k| match blank.contains(&k) {
            true => vec![16.0; clip.motion.width as usize * clip.motion.height as usize],
            false => picture(&clip.truth, k),
        })
        .collect();
    for pair in &mut clip.motion.pairs {
        if blank.contains(&pair.a) || blank.contains(&pair.b) {
            pair.forward.fill([0.0; 2]);
            pair.backward.fill([0.0; 2]);
        }
    }
    clip
}

fn solved(clip: &Clip) -> Cameras {
    solve(&clip.motion, &clip.depths, &known_focal(clip), &Silent).unwrap()
}

#[test]
fn pictures_tell_places_that_flow_blurs() {
    let mut clip = filmed(12, &[]);
    // Off by some tenths of a pixel, by about as much over whole regions, as flow that is smooth by force.
    let width = clip.motion.width as usize;
    for pair in &mut clip.motion.pairs {
        let (a, b) = (pair.a as f32, pair.b as f32);
        for (flow, sign) in [(&mut pair.forward, 1.0), (&mut pair.backward, -1.0)] {
            for (p, f) in flow.iter_mut().enumerate() {
                let (x, y) = ((p % width) as f32, (p / width) as f32);
                f[0] += sign * 0.3 * (x / 13.0 + a).sin() * (y / 17.0 + b).cos();
                f[1] += sign * 0.3 * (y / 11.0 - b).sin();
            }
        }
    }
    let mut flowed = clip.clone();
    flowed.motion.luma = Vec::new();
    let [exact, rough] = [&clip, &flowed].map(|clip| {
        let cameras = solved(clip);
        let error = evaluate(&cameras, &clip.truth).unwrap();
        (
            error.ate_rmse / error.path_length,
            cameras.held_out_median.unwrap(),
        )
    });
    assert!(exact.0 < 0.6 * rough.0, "{exact:?} {rough:?}");
    assert!(exact.1 < 0.6 * rough.1, "{exact:?} {rough:?}");
}

#[test]
fn frames_that_show_nothing_have_no_cameras() {
    let clip = filmed(14, &[0, 6, 7, 13]);
    let cameras = solved(&clip);
    let frames: Vec<usize> = cameras.cameras.iter().map(|c| c.frame).collect();
    assert_eq!(frames, [1, 2, 3, 4, 5, 8, 9, 10, 11, 12]);
    assert_eq!(cameras.confidence.len(), frames.len());
    let told = |words: &str| cameras.notes.iter().any(|n| n.contains(words));
    assert!(told("2 of 14 frames show nothing"), "{:?}", cameras.notes);
    let error = evaluate(&cameras, &clip.truth).unwrap();
    assert!(error.ate_rmse < 0.005 * error.path_length, "{error:?}");
}

#[test]
fn a_black_clip_is_told() {
    let clip = filmed(9, &[0, 1, 2, 3, 4, 5, 6, 7]);
    let error = solve(&clip.motion, &clip.depths, &known_focal(&clip), &Silent).unwrap_err();
    let CameraError::Blank { shown, frames } = &error else {
        panic!("{error}");
    };
    assert_eq!([*shown, *frames], [1, 9]);
}
