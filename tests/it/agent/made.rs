//! A made-up place, a floor before a wall with boxes on it, in which things go, move and walk, or a pane stands.

use glam::{DMat3, DVec3};
use sora_director::agent::{Severity, Violation, What};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use sora_director::world::DepthView;

use super::bed::Take;
use super::persistence::told;
use crate::common::gpu;

const FRAMES: usize = 18;
const SIZE: [u32; 2] = [160, 96];

/// A box by its least and greatest corner.
type Block = [DVec3; 2];

fn block(x: f64, z: f64, half: f64, tall: f64) -> Block {
    [
        DVec3::new(x - half, 0.0, z - half),
        DVec3::new(x + half, tall, z + half),
    ]
}

/// Depth of a ray into a box.
fn hit(eye: DVec3, ray: DVec3, [low, high]: Block) -> Option<f64> {
    let (a, b) = ((low - eye) / ray, (high - eye) / ray);
    let (near, far) = (a.min(b).max_element(), a.max(b).min_element());
    (near < far && near > 0.0).then_some(near)
}

/// Light in [0, 1] that differs from place to place.
fn texture(p: DVec3, seed: f64) -> f64 {
    let wave = |a: f64, b: f64, c: f64| (a * p.x + b * p.y + c * p.z + seed).sin();
    0.35 + 0.1 * wave(7.0, 3.0, 2.0) + 0.1 * wave(-3.0, 11.0, 5.0) + 0.08 * wave(2.0, -5.0, 13.0)
}

/// Eighteen views from a camera that goes sideways and a little ahead; `blocks` by frame, a pane's place and opacity.
fn take(
    blocks: impl Fn(usize) -> Vec<Block>,
    pane: Option<(Block, f64)>,
    gain: impl Fn(usize) -> f64,
) -> Take {
    let views: Vec<DepthView> = (0..FRAMES)
        .map(|frame| {
            let s = frame as f64 / (FRAMES - 1) as f64;
            let eye = DVec3::new(2.4 * s - 1.2, 1.5, 0.8 * s);
            let camera = Camera {
                frame,
                time: frame as f64 / 8.0,
                intrinsics: Intrinsics::from_fov_x(SIZE[0], SIZE[1], 1.2),
                pose: Pose {
                    rotation: DMat3::from_cols(-DVec3::X, -DVec3::Y, DVec3::Z),
                    position: eye,
                },
                depth_scale: 1.0,
                depth_shift: 0.0,
            };
            let blocks = blocks(frame);
            let (mut depth, mut colour) = (Vec::new(), Vec::new());
            for y in 0..SIZE[1] {
                for x in 0..SIZE[0] {
                    let k = camera.intrinsics;
                    let ray = camera.pose.rotation
                        * k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
                    let (mut t, mut seed) = ((8.0 - eye.z) / ray.z, 0.0);
                    if ray.y < 0.0 && -eye.y / ray.y < t {
                        (t, seed) = (-eye.y / ray.y, 1.0);
                    }
                    for (n, b) in blocks.iter().enumerate() {
                        if let Some(d) = hit(eye, ray, *b).filter(|d| *d < t) {
                            (t, seed) = (d, 20.0 + 9.0 * n as f64);
                        }
                    }
                    let mut light =
                        texture(eye + t * ray, seed) * if seed > 1.0 { 0.5 } else { 1.0 };
                    if let Some((place, opacity)) = pane
                        && hit(eye, ray, place).is_some_and(|d| d < t)
                    {
                        light += opacity * (0.9 - light);
                    }
                    let v = ((light * gain(frame)).clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0) as u32;
                    depth.push(t as f32);
                    colour.push(v | v << 8 | v << 16 | 0xff00_0000);
                }
            }
            let alpha = vec![1.0; depth.len()];
            let mut view = DepthView::new(camera, SIZE, depth, alpha);
            view.colour = colour;
            view
        })
        .collect();
    Take {
        prompt: String::new(),
        cameras: Cameras::known(views.iter().map(|v| v.camera).collect(), LengthUnit::Metres),
        views,
        planted: Vec::new(),
    }
}

fn still() -> Vec<Block> {
    vec![block(-1.5, 5.0, 0.3, 0.8), block(1.2, 6.0, 0.4, 1.2)]
}

fn with(more: Block) -> Vec<Block> {
    [still(), vec![more]].concat()
}

fn steady(_: usize) -> f64 {
    1.0
}

fn apart(v: &Violation, x: f64, y: f64, z: f64) -> f64 {
    DVec3::new(v.location.x, v.location.y, v.location.z).distance(DVec3::new(x, y, z))
}

#[test]
fn what_stands_still_is_no_fault_though_the_exposure_jumps() {
    let jumps = |frame: usize| if frame % 3 == 1 { 0.7 } else { 1.0 };
    for gain in [steady as fn(usize) -> f64, jumps] {
        let all = told(&gpu(), &take(|_| still(), None, gain));
        assert!(all.is_empty(), "{all:#?}");
    }
}

#[test]
fn a_walker_is_no_fault() {
    // Across, and toward the camera.
    let across = |f: usize| with(block(-1.5 + 0.17 * f as f64, 4.0, 0.25, 1.7));
    let toward = |f: usize| with(block(0.2, 6.5 - 0.15 * f as f64, 0.25, 1.7));
    // Who stands first and walks then leaves bit by bit.
    let later = |f: usize| {
        with(block(
            -1.0 + 0.15 * f.saturating_sub(8) as f64,
            4.0,
            0.25,
            1.7,
        ))
    };
    for (name, walker) in [
        ("across", &across as &dyn Fn(usize) -> Vec<Block>),
        ("toward", &toward),
        ("later", &later),
    ] {
        let all = told(&gpu(), &take(walker, None, steady));
        assert!(all.is_empty(), "{name}: {all:#?}");
    }
}

#[test]
fn a_box_that_goes_is_told_with_its_moment() {
    let there = block(0.0, 4.5, 0.35, 0.7);
    let gone = |from: usize, to: usize| {
        move |f: usize| {
            if (from..to).contains(&f) {
                still()
            } else {
                with(there)
            }
        }
    };
    for (from, to) in [(8, FRAMES), (7, 12), (0, 9)] {
        let all = told(&gpu(), &take(gone(from, to), None, steady));
        let [v] = all.as_slice() else {
            panic!("{from} to {to}: {all:#?}");
        };
        assert_eq!(v.what, What::Vanished);
        assert_eq!(v.severity, Severity::High, "a box as wide as the agent");
        assert!(apart(v, 0.0, 0.35, 4.5) < 0.6, "{v:#?}");
        let moment = if from == 0 { to } else { from };
        assert_eq!(v.timestamp, moment as f64 / 8.0);
        assert!(v.evidence.frames.contains(&moment) && v.evidence.cells > 6);
    }
}

#[test]
fn a_box_that_moves_is_one_fault() {
    for by in [0.3, 0.9] {
        let all = told(
            &gpu(),
            &take(
                |f| with(block(if f < 9 { 0.4 } else { 0.4 - by }, 4.5, 0.3, 0.7)),
                None,
                steady,
            ),
        );
        let [v] = all.as_slice() else {
            panic!("{by}: {all:#?}");
        };
        assert_eq!(v.what, What::Moved, "{v:#?}");
        assert!(
            apart(v, 0.4, 0.35, 4.5) < 0.6 && v.timestamp == 9.0 / 8.0,
            "{v:#?}"
        );
    }
}

#[test]
fn a_pane_is_told_where_it_stands() {
    let place = [DVec3::new(-0.9, 0.0, 3.48), DVec3::new(0.9, 2.0, 3.52)];
    for opacity in [0.1, 0.3] {
        let all = told(&gpu(), &take(|_| still(), Some((place, opacity)), steady));
        let [v] = all.as_slice() else {
            panic!("{opacity}: {all:#?}");
        };
        assert_eq!((v.what, v.severity), (What::Veil, Severity::High));
        assert!(apart(v, 0.0, 0.85, 3.5) < 0.3, "{v:#?}");
        assert!(
            (v.size[0] - 1.8).abs() < 0.3 && v.size[2] < 0.3,
            "{:?}",
            v.size
        );
        assert!(v.evidence.sigmas.is_some_and(|s| s > 6.0) && v.evidence.frames.len() > 5);
    }
}
