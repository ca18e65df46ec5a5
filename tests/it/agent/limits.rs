//! Limits from which on something counts, a little under and at them.

use glam::DVec3;
use sora_director::agent::raycast::Caster;
use sora_director::agent::settle::{Rest, SettleParams, settle};
use sora_director::agent::{AgentOptions, AgentReport, inspect};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit};
use sora_director::monitor::Silent;
use sora_director::world::{DepthView, Voxel, World};

use super::doubts::hall;
use crate::common::gpu;
use crate::room::look;

/// Sides that floats hold exactly.
const VOXEL: f64 = 0.125;
/// From the camera to the wall that it looks at.
const AWAY: f64 = 4.0;

/// A wall at z = 5 over a floor.
fn wall() -> World {
    let mut world = World::empty([0.0; 3], VOXEL as f32, [64, 32, 64]);
    (world.floor_found, world.unit, world.floor) = (true, LengthUnit::Metres, 0.25);
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| match world.coordinates(i) {
            [_, y, z] if y < 2 || z >= 40 => Voxel::Solid,
            _ => Voxel::Free,
        })
        .collect();
    world.fill(0, states);
    world
}

/// A view straight onto that wall with so many pixels inside its edge, which all count, and the wall at this depth.
fn view(inside: [u32; 2], depth: f64, time: f64) -> DepthView {
    let [width, height] = inside.map(|n| n + 2);
    let eye = DVec3::new(4.0, 2.0, 5.0 - AWAY);
    let camera = Camera {
        frame: 0,
        time,
        intrinsics: Intrinsics::from_fov_x(width, height, 0.2),
        pose: look(eye, eye + DVec3::Z),
        depth_scale: 1.0,
        depth_shift: 0.0,
    };
    let pixels = (width * height) as usize;
    let (depth, alpha) = (vec![depth as f32; pixels], vec![1.0; pixels]);
    DepthView::new(camera, [width, height], depth, alpha)
}

fn told(views: &[DepthView]) -> AgentReport {
    let cameras = views.iter().map(|v| v.camera).collect();
    let cameras = Cameras::known(cameras, LengthUnit::Metres);
    let options = AgentOptions::default();
    let found = inspect(&gpu(), &wall(), views, &cameras, &options, &Silent);
    found.expect("a report").report
}

#[test]
fn a_thousand_rays_of_held_out_views_judge_alone_and_one_less_does_not() {
    // What the world was made of has the wall where it is; of what was held out one view does, the other four voxels too
    // far: its rays meet something in what it saw through.
    let of = |right: [u32; 2], wrong: [u32; 2]| {
        let mut views = vec![view([100, 100], AWAY, 0.0)];
        for (inside, depth) in [(right, AWAY), (wrong, AWAY + 4.0 * VOXEL)] {
            views.push(DepthView {
                held_out: true,
                ..view(inside, depth, 0.0)
            });
        }
        told(&views).metrics
    };
    let thousand = of([20, 25], [20, 25]);
    assert_eq!(thousand["camera_rays"], 11_000.0);
    assert_eq!(thousand["held_out_rays"], 1000.0);
    assert_eq!(
        ["collision_rate", "phantom_hit_rate", "false_free_rate"].map(|m| thousand[m]),
        [0.5, 0.5, 0.0]
    );
    // A quarter lies four voxels off, three quarters up there is no error.
    assert!((thousand["hit_spread"] - 2.0).abs() < 1e-3, "{thousand:?}");
    let less = of([18, 28], [15, 33]);
    assert_eq!(less["camera_rays"], 10_999.0);
    assert!(!less.contains_key("held_out_rays"), "{less:?}");
    // All judge.
    assert_eq!(less["collision_rate"], 495.0 / 10_999.0);
    assert!(less["hit_spread"] < 1e-3, "{less:?}");
}

#[test]
fn views_of_one_moment_say_nothing_of_what_lasts() {
    let of = |times: &[f64]| {
        let views: Vec<DepthView> = times.iter().map(|&t| view([40, 40], AWAY, t)).collect();
        let report = told(&views);
        let tested = report.metrics.contains_key("persistence_points");
        (report.notes.concat(), tested)
    };
    for times in [[2.0; 6].as_slice(), &[0.0; 2]] {
        let (notes, tested) = of(times);
        assert!(notes.contains("no order in time") && !tested, "{notes}");
    }
    // One that is later makes it a clip, and one view alone is a short one.
    let (notes, tested) = of(&[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert!(!notes.contains("whether things last") && tested, "{notes}");
    let (notes, tested) = of(&[0.0]);
    assert!(notes.contains("that takes six views") && !tested, "{notes}");
}

/// Bodies slide farther the stronger gravity is, which a world in camera heights lets choose.
#[test]
fn bodies_are_restless_from_a_drift_of_a_voxel_on() {
    let voxel = 0.05f32;
    // One in two from x = 2 to 5, steeper than the friction holds.
    let mut world = hall(|x, _| 10 + (x.clamp(40, 100) - 40) / 2);
    world.unit = LengthUnit::CameraHeights;
    let caster = Caster::new(&gpu(), &world).expect("up");
    let of = |metres_per_height: f64| {
        let options = AgentOptions {
            friction: 0.2,
            metres_per_height,
            ..AgentOptions::default()
        };
        let cameras = Cameras::known(Vec::new(), LengthUnit::CameraHeights);
        let found = inspect(&gpu(), &world, &[], &cameras, &options, &Silent);
        let metrics = found.expect("a report").report.metrics;
        // Bodies amid the slope as the scenario puts them down: half a voxel over the highest floor under the foot.
        let (radius, climb) = (0.9 * options.radius_heights as f32, 0.13f32);
        let top = |x: f32| {
            let column = (x / voxel) as u32;
            (10 + (column.clamp(40, 100) - 40) / 2) as f32 * voxel
        };
        let bodies: Vec<[f32; 4]> = (48..92)
            .map(|i| {
                let x = (i as f32 + 0.5) * voxel;
                [x, top(x + radius) + 0.5 * voxel, 3.0, 0.0]
            })
            .collect();
        let params = SettleParams {
            steps: 60,
            dt: 1.0 / 60.0,
            gravity: (9.81 / metres_per_height) as f32,
            radius,
            reach: climb,
            friction: 0.2,
            drop: climb + 2.0 * voxel,
            ..SettleParams::default()
        };
        let rests = settle(&caster, &params, &bodies).expect("settle");
        let drift = |r: &Rest| r.drift / voxel;
        let least = rests.iter().map(drift).fold(f32::INFINITY, f32::min);
        let most = rests.iter().map(drift).fold(0.0, f32::max);
        let share = metrics["bodies_unstable"] / metrics["bodies_dropped"];
        ([least, most], share)
    };
    let ([least, most], share) = of(15.0);
    assert!(least > 0.5 && most < 1.0, "{least} to {most} voxels");
    assert_eq!(share, 0.0);
    let ([least, most], share) = of(8.0);
    assert!(least > 1.0 && most < 2.5, "{least} to {most} voxels");
    // The slope is 60 of the 104 columns that a body can stand on.
    assert!((0.4..0.65).contains(&share), "{share}");
}
