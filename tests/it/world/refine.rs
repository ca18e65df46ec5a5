//! Depth from pictures: the kernels beside their twins, and a plane sweep that mends depth.

use glam::{DMat3, DVec3};
use sora_director::camera::{Camera, Intrinsics, Pose};
use sora_director::gpu::groups_2d;
use sora_director::monitor::Silent;
use sora_director::world::refine::{
    COST, CostParams, DIFFER, DifferParams, Neighbour, PICK, PickParams, ROWS, RowsParams, TEXTURE,
    TextureParams,
};
use sora_director::world::{DepthView, refine};

use crate::common::parity::Case;
use crate::common::{Rng, gpu};

const SIZES: [[u32; 2]; 5] = [[1, 1], [3, 2], [7, 9], [8, 8], [33, 17]];

fn pixels(n: usize, seed: u64) -> Vec<u32> {
    let mut rng = Rng(seed);
    (0..n).map(|_| rng.u32()).collect()
}

/// Values with some that are no numbers.
fn rough(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng(seed);
    let odd = [f32::NAN, f32::INFINITY, -1.0, 0.0];
    (0..n)
        .map(|i| {
            if i % 13 == 5 {
                odd[i / 13 % 4]
            } else {
                rng.f32()
            }
        })
        .collect()
}

#[test]
fn textures_match_their_twin() {
    for [width, height] in SIZES {
        let n = (width * height) as usize;
        let params = TextureParams {
            width,
            height,
            base: 3,
            pad: 0,
        };
        let mut flat = vec![0xff80_8080; n + 3];
        for colour in [&mut pixels(n + 3, 5), &mut flat] {
            let got: Vec<f32> = Case::new(&TEXTURE, params)
                .input(colour)
                .output::<f32>(n + 3)
                .run(groups_2d(width, height, TEXTURE.workgroup))
                .get(0);
            assert!(got[3..].iter().all(|t| t.is_finite()));
        }
    }
}

#[test]
fn differences_means_and_costs_match_their_twins() {
    for [width, height] in SIZES {
        let n = (width * height) as usize;
        let near = |dx: f32, z: f32| Neighbour {
            row0: [1.0, 0.0, 0.0, dx],
            row1: [0.0, 1.0, 0.0, 0.1],
            row2: [0.0, 0.0, 1.0, z],
            intrinsics: [20.0, 20.0, width as f32 / 2.0, height as f32 / 2.0],
            size: [width, height, n as u32, 0],
        };
        // One of them looks away.
        let neighbours = [near(0.3, 0.0), near(-0.2, 0.4), near(0.0, -1e9)];
        let texture: Vec<f32> = rough(2 * n, 3)
            .iter()
            .map(|t| if t.is_finite() { *t } else { 0.5 })
            .collect();
        let prior = rough(n, 8);
        let changes = [-0.2, 0.0, 0.1, 0.3];
        let params = DifferParams {
            intrinsics: [20.0, 20.0, width as f32 / 2.0, height as f32 / 2.0],
            width,
            height,
            base: 0,
            candidates: 3,
            first: 1,
            layers: 9,
            ..DifferParams::default()
        };
        let deep = |kernel: &sora_director::gpu::Kernel, layers| {
            let [x, y, _] = groups_2d(width, height, kernel.workgroup);
            [x, y, layers]
        };
        let difference: Vec<f32> = Case::new(&DIFFER, params)
            .input(&neighbours)
            .input(&texture)
            .input(&prior)
            .input(&changes)
            .output::<f32>(9 * n)
            .run(deep(&DIFFER, 9))
            .get(0);
        assert!(
            difference[6 * n..].iter().all(|d| *d == 1.2),
            "what looks away sees nothing"
        );
        let params = RowsParams {
            width,
            height,
            layers: 9,
            pad: 0,
        };
        let means: Vec<f32> = Case::new(&ROWS, params)
            .input(&difference)
            .output::<f32>(9 * n)
            .run(deep(&ROWS, 9))
            .get(0);
        for neighbours in [0, 1, 3] {
            let params = CostParams {
                width,
                height,
                candidates: 3,
                neighbours,
                first: 1,
                ..CostParams::default()
            };
            Case::new(&COST, params)
                .input(&means)
                .update(&vec![7.0f32; 4 * n])
                .run(deep(&COST, 3));
        }
    }
}

#[test]
fn picks_match_their_twin() {
    let changes: Vec<f32> = (-3..=3).map(|k| k as f32 * 0.05).collect();
    for [width, height] in SIZES {
        let n = (width * height) as usize;
        let params = PickParams {
            width,
            height,
            candidates: 7,
            zero: 3,
            penalty: 0.2,
            far: 0.1,
            apart: 0.06,
            hopeless: 0.9,
        };
        let cost: Vec<f32> = rough(7 * n, 21)
            .iter()
            .map(|c| if c.is_finite() { *c } else { 1.5 })
            .collect();
        let picked: Vec<[f32; 4]> = Case::new(&PICK, params)
            .input(&changes)
            .input(&cost)
            .input(&vec![0.5f32; n])
            // On the prior, between two candidates, far off, and none.
            .input(
                &(0..n)
                    .map(|i| [0.5f32, 0.51, 0.9, 0.0][i % 4])
                    .collect::<Vec<_>>(),
            )
            .output::<[f32; 4]>(n)
            .run(groups_2d(width, height, PICK.workgroup))
            .get(0);
        for (i, p) in picked.iter().enumerate() {
            let c = |k: usize| cost[k * n + i];
            let least = |of: &[usize]| of.iter().map(|k| c(*k)).fold(1e9, f32::min);
            let (plane, under) = match i % 4 {
                0 => (c(3), least(&[0, 1])),
                1 => (least(&[3, 4]), least(&[0, 1, 2])),
                2 => (1e9, least(&[0, 1, 2, 3, 4, 5, 6])),
                _ => (1e9, 1e9),
            };
            assert_eq!((p[1], p[2]), (plane, under), "at the floor, and under it");
            assert_eq!(p[3], least(&[0, 1, 2, 3, 4, 5, 6]));
            assert!(
                (0.5 * 0.85 - 1e-4..=0.5 * 1.15 + 1e-4).contains(&p[0]),
                "{p:?}"
            );
        }
    }
}

/// A textured wall at z = -4, seen by cameras side by side, with depth that is a few percent off.
fn wall(off: f32, textured: bool) -> Vec<DepthView> {
    let (width, height) = (96u32, 64u32);
    let intrinsics = Intrinsics::from_fov_x(width, height, 1.0);
    (0..5)
        .map(|i| {
            let pose = Pose {
                position: DVec3::new(f64::from(i) * 0.5, 1.0, 0.0),
                ..Pose::gauge()
            };
            let camera = Camera {
                frame: i as usize,
                time: f64::from(i),
                intrinsics,
                pose,
                depth_scale: 1.0,
                depth_shift: 0.0,
            };
            let colour = (0..width * height)
                .map(|p| {
                    let (x, y) = (f64::from(p % width) + 0.5, f64::from(p / width) + 0.5);
                    let at = pose.to_world(intrinsics.unproject(x, y, 4.0));
                    let wave = (at.x * 23.0).sin()
                        + (at.y * 19.0 + at.x * 5.0).sin()
                        + (at.x * 7.0 - at.y * 11.0).cos();
                    let grey = if textured {
                        (128.0 + 40.0 * wave) as u32
                    } else {
                        128
                    };
                    0xff00_0000 | (grey * 0x01_0101)
                })
                .collect();
            let n = (width * height) as usize;
            let mut view =
                DepthView::new(camera, [width, height], vec![4.0 * off; n], vec![1.0; n]);
            view.colour = colour;
            view
        })
        .collect()
}

fn median_error(views: &[DepthView]) -> f32 {
    let mut off: Vec<f32> = views
        .iter()
        .flat_map(|v| v.depth.iter().map(|d| (d / 4.0 - 1.0).abs()))
        .collect();
    off.sort_by(f32::total_cmp);
    off[off.len() / 2]
}

#[test]
fn texture_mends_depth_and_its_absence_leaves_it() {
    let gpu = gpu();
    for off in [1.06f32, 0.95] {
        let mut views = wall(off, true);
        assert_eq!(refine(&gpu, &mut views, false, &Silent).expect("refine"), 5);
        let error = median_error(&views);
        assert!(error < 0.02, "{error} is left of {off}");
        let mut plain = wall(off, false);
        refine(&gpu, &mut plain, false, &Silent).expect("refine");
        // But at borders, which some candidates see in fewer neighbours than others.
        let all: Vec<f32> = plain.iter().flat_map(|v| v.depth.clone()).collect();
        let same = |d: &&f32| (**d / (4.0 * off) - 1.0).abs() < 1e-5;
        let kept = all.iter().filter(same).count() * 10 >= all.len() * 7;
        assert!(kept, "nothing tells of a plain wall");
    }
    // Without pictures, without parallax and of one view alone nothing changes.
    let mut bare = wall(1.05, true);
    bare.iter_mut().for_each(|v| v.colour.clear());
    assert_eq!(refine(&gpu, &mut bare, false, &Silent).expect("refine"), 0);
    let mut still = wall(1.05, true);
    let pose = still[0].camera.pose;
    still.iter_mut().for_each(|v| v.camera.pose = pose);
    assert_eq!(refine(&gpu, &mut still, false, &Silent).expect("refine"), 0);
    assert!(still.iter().all(|v| v.depth[0] == 4.2));
}

/// A textured plane at the height `level`, seen from a height of 1 by cameras that look down on it and go sideways, with depth that says
/// y = 0.
fn ground(level: f64, textured: bool) -> Vec<DepthView> {
    let (width, height) = (96u32, 64u32);
    let intrinsics = Intrinsics::from_fov_x(width, height, 1.0);
    let gauge = Pose::gauge();
    (0..5)
        .map(|i| {
            let pose = Pose {
                position: DVec3::new(f64::from(i) * 0.12, 1.0, 0.0),
                rotation: DMat3::from_rotation_x(-0.9) * gauge.rotation,
            };
            let camera = Camera {
                frame: i as usize,
                time: f64::from(i),
                intrinsics,
                pose,
                depth_scale: 1.0,
                depth_shift: 0.0,
            };
            let depth = |p: u32, level: f64| {
                let (x, y) = (f64::from(p % width) + 0.5, f64::from(p / width) + 0.5);
                let ray = pose.rotation * intrinsics.unproject(x, y, 1.0);
                ((level - pose.position.y) / ray.y, ray)
            };
            let colour = (0..width * height)
                .map(|p| {
                    let (z, ray) = depth(p, level);
                    let at = pose.position + z * ray;
                    let wave = (at.x * 81.0).sin()
                        + (at.z * 97.0 + at.x * 23.0).sin()
                        + (at.x * 37.0 - at.z * 47.0).cos();
                    let grey = if textured {
                        (128.0 + 40.0 * wave) as u32
                    } else {
                        128
                    };
                    0xff00_0000 | (grey * 0x01_0101)
                })
                .collect();
            let depths = (0..width * height)
                .map(|p| depth(p, 0.0).0 as f32)
                .collect();
            DepthView {
                colour,
                ..DepthView::new(
                    camera,
                    [width, height],
                    depths,
                    vec![1.0; (width * height) as usize],
                )
            }
        })
        .collect()
}

#[test]
fn pictures_tell_what_lies_under_a_floor_that_depth_shows() {
    let gpu = gpu();
    let under = |level: f64, textured: bool, floor: bool| -> Option<f64> {
        let mut views = ground(level, textured);
        assert_eq!(
            refine(&gpu, &mut views, floor, &Silent).expect("refined"),
            5
        );
        let told = views.iter().flat_map(|v| v.under.iter());
        let mut told: Vec<f64> = told
            .filter(|u| !u.is_nan())
            .map(|u| f64::from(*u))
            .collect();
        sora_director::numeric::median(&mut told)
    };
    let [floor, pit] = [0.0, -0.2].map(|level| under(level, true, true).expect("pixels"));
    // What lies but a little under the floor matches nearly as well as the floor itself.
    assert!(floor < -0.05, "the floor matches better: {floor}");
    assert!(pit > 0.1, "what lies under it matches better: {pit}");
    // Without texture everything matches alike, which tells nothing; without a floor nobody looks.
    assert_eq!(under(-0.2, false, true), None);
    assert_eq!(under(-0.2, true, false), None);
}
