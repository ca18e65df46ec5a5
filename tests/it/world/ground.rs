//! The ground as cameras see it: floor, pits, the sky beyond its end, and noise that is none of them.

use sora_director::monitor::Silent;
use sora_director::world::ground::{FAR, NEAR};
use sora_director::world::{DepthView, Ground, Sight, Voxel, WorldOptions, align, build};

use crate::common::{Rng, gpu};
use crate::room::{Room, cameras};

fn pit() -> Room {
    Room {
        holes: vec![[[-0.4, -0.5], [0.4, 0.3]]],
        ..Room::sound()
    }
}

fn noisy(room: &Room, sigma: f32) -> Vec<DepthView> {
    let mut views = room.views(&cameras(18), 160, 120);
    let mut rng = Rng(7);
    for view in &mut views {
        view.depth
            .iter_mut()
            .for_each(|d| *d *= 1.0 + sigma * rng.normal());
    }
    views
}

fn share(ground: &Ground, what: Sight, low: [f64; 2], high: [f64; 2]) -> f64 {
    let inside: Vec<usize> = (0..ground.sight.len())
        .filter(|&i| {
            let [x, z] = ground.middle(i);
            x > low[0] && x < high[0] && z > low[1] && z < high[1]
        })
        .collect();
    let some = inside.iter().filter(|&&i| ground.sight[i] == what).count();
    some as f64 / inside.len().max(1) as f64
}

#[test]
fn a_pit_stands_out_of_the_floor_and_noise_does_not() {
    for sigma in [0.0, 0.01] {
        let ground = Ground::of(&noisy(&pit(), sigma), NEAR).expect("ground");
        assert!((ground.camera_height - 1.4).abs() < 1e-9);
        let deep = share(&ground, Sight::Deep, [-0.3, -0.4], [0.3, 0.2]);
        assert!(deep > 0.6, "noise {sigma}: {deep} of the pit");
        let beside = share(&ground, Sight::Deep, [-2.4, -2.8], [-0.6, 1.0]);
        assert!(beside < 0.01, "noise {sigma}: {beside} of the floor");
        let floor = share(&ground, Sight::Floor, [0.6, 0.6], [1.1, 1.8]);
        assert!(floor > 0.9, "noise {sigma}: {floor} is floor");
        assert!(ground.sigma <= 0.0041 + 0.6 * sigma, "{}", ground.sigma);
        // What stands on the floor hides it.
        let hidden = share(&ground, Sight::Hidden, [1.3, -2.3], [1.9, -1.5]);
        assert!(hidden > 0.5, "noise {sigma}: {hidden} under the block");
    }
}

#[test]
fn the_end_of_the_floor_is_where_nothing_is_seen() {
    let mut views = Room::sound().views(&cameras(18), 160, 120);
    // A wall is gone, and the sky is behind it.
    for view in &mut views {
        let (k, pose) = (view.intrinsics(), view.camera.pose);
        for i in 0..view.depth.len() as u32 {
            let (x, y) = (
                f64::from(i % view.width) + 0.5,
                f64::from(i / view.width) + 0.5,
            );
            let at = pose.to_world(k.unproject(x, y, f64::from(view.depth[i as usize])));
            if at.x > 2.49 && at.z.abs() < 1.0 {
                view.depth[i as usize] = f32::INFINITY;
            }
        }
    }
    let ground = Ground::of(&views, FAR).expect("ground");
    assert!(share(&ground, Sight::Void, [3.0, -0.4], [4.0, 0.4]) > 0.8);
    assert_eq!(share(&ground, Sight::Void, [-2.4, -2.8], [2.0, 2.8]), 0.0);
    // Nobody over the floor, no ground.
    assert!(Ground::of(&[], NEAR).is_none());
}

#[test]
fn noise_leaves_a_floor_flat_and_a_pit_open() {
    let cameras = cameras(18);
    let views = noisy(&pit(), 0.004);
    let alignment = align(&views, &cameras);
    let views = alignment.apply_to_views(&views);
    let options = WorldOptions {
        voxel_metres: 0.07,
        ..WorldOptions::default()
    };
    let world = build(&gpu(), &views, &alignment, &options, &Silent).expect("world");
    // The last row under y = 0, which is a face between voxels.
    let level = (-world.origin[1] / world.voxel).round() as i64 - 1;
    let top = |x: f64, z: f64| {
        let p = alignment.point(glam::DVec3::new(x, 0.0, z));
        let [cx, _, cz] = world.voxel_of(p.to_array());
        let solid = |row: &i64| world.at([cx, *row, cz]) == Voxel::Solid;
        (level - 6..level + 6).rev().find(solid)
    };
    for (x, z) in [
        (0.9, 1.0),
        (-0.9, -1.0),
        (0.8, 0.9),
        (-1.0, 0.4),
        (1.0, 0.2),
    ] {
        assert_eq!(top(x, z), Some(level), "at {x}, {z}");
    }
    assert_ne!(top(0.0, -0.1), Some(level), "the pit");
}
