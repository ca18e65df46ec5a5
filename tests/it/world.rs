//! Tests of the world stage.

mod bricks;
mod closed_in;
mod file;
mod mesh;
mod mesh_files;

pub use file::first_version;

use glam::{DMat3, DQuat, DVec3};
use sora_director::camera::{Cameras, LengthUnit};
use sora_director::gpu::caps::Limits;
use sora_director::gpu::{AdapterChoice, Gpu, groups_1d, groups_2d};
use sora_director::monitor::{Monitor, Silent};
use sora_director::world::fuse::{
    CLASSIFY, ClassifyParams, GpuView, INTEGRATE, IntegrateParams, SURFACE, SurfaceParams,
};
use sora_director::world::twins as twin;
use sora_director::world::{DepthView, Voxel, World, WorldError, WorldOptions, align, build};

use crate::common::{Rng, assert_close, garbage, gpu};
use crate::room::{CEILING, HALF, Room, cameras};

#[path = "world/ground.rs"]
mod ground;
#[path = "world/refine.rs"]
mod refinement;

/// Depth with edges, transparent and non-finite pixels.
fn rough_view(width: u32, height: u32, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let mut rng = Rng(seed);
    let depth = (0..width * height)
        .map(|i| match rng.u32() % 40 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => -1.0,
            3 => 0.0,
            4 => 5.0 * rng.f32(),
            _ => 2.0 + 0.02 * (i / width) as f32 + 0.01 * (i % width) as f32,
        })
        .collect();
    let alpha = (0..width * height)
        .map(|_| {
            if rng.u32().is_multiple_of(15) {
                0.3
            } else {
                0.9
            }
        })
        .collect();
    (depth, alpha)
}

#[test]
fn surface_matches_its_twin() {
    let gpu = gpu();
    for (width, height, first) in [(0, 0, 0), (1, 1, 3), (7, 9, 0), (8, 8, 5), (33, 17, 2)] {
        let (mut depth, mut alpha) = rough_view(width, height, u64::from(width * 7 + height));
        depth.splice(0..0, vec![1.0; first as usize]);
        alpha.splice(0..0, vec![1.0; first as usize]);
        let params = SurfaceParams {
            intrinsics: [30.0, 31.0, 16.0, 8.0],
            width,
            height,
            first,
            edge: 0.04,
        };
        let out = garbage::<[f32; 4]>(&gpu, depth.len());
        let mut want = gpu.read(&out).expect("read");
        let (d, a) = (
            gpu.upload(&depth).expect("up"),
            gpu.upload(&alpha).expect("up"),
        );
        let mut recorder = gpu.recorder();
        let groups = groups_2d(width, height, SURFACE.workgroup);
        recorder
            .run(&SURFACE, &params, &[&d, &a, &out], groups)
            .expect("run");
        recorder.submit().expect("submit");
        twin::surface::surface(&params, &depth, &alpha, &mut want);
        let got = gpu.read(&out).expect("read");
        assert_close(
            "surface",
            got.as_flattened(),
            want.as_flattened(),
            1e-4,
            1e-4,
        );
    }
}

#[test]
fn integrate_and_classify_match_their_twins() {
    let gpu = gpu();
    let room = Room::sound();
    let views = room.views(&cameras(5), 40, 30);
    for (n, dims, reset) in [
        (0u32, [1, 1, 1], 1u32),
        (1, [1, 1, 1], 1),
        (63, [7, 3, 3], 1),
        (65, [13, 5, 2], 0),
        (4096, [16, 16, 16], 1),
        (4097, [17, 241, 1], 0),
    ] {
        let mut surface = Vec::new();
        let mut posed = Vec::new();
        for (i, view) in views.iter().enumerate() {
            let k = view.intrinsics();
            let first = surface.len() as u32;
            surface.resize(surface.len() + view.depth.len(), [0.0; 4]);
            let params = SurfaceParams {
                intrinsics: [k.fx as f32, k.fy as f32, k.cx as f32, k.cy as f32],
                width: view.width,
                height: view.height,
                first: 0,
                edge: 0.04,
            };
            twin::surface::surface(
                &params,
                &view.depth,
                &view.alpha,
                &mut surface[first as usize..],
            );
            let mut v = GpuView::new(view, first);
            if i == 4 {
                v.row0[3] = f32::NAN;
            }
            posed.push(v);
        }
        let params = IntegrateParams {
            origin: [-2.6, -0.3, -3.1, 5.2 / dims[0] as f32 * 0.9],
            dims: [dims[0], dims[1], dims[2], n],
            views: posed.len() as u32,
            reset,
            truncation: 0.5,
            // The second layer of the grid that has one.
            first: if n == 65 { 65 } else { 0 },
        };
        let mut rng = Rng(9);
        let start: Vec<[f32; 4]> = (0..n).map(|_| std::array::from_fn(|_| rng.f32())).collect();
        let evidence = if reset == 1 {
            garbage(&gpu, n as usize)
        } else {
            gpu.upload(&start).expect("up")
        };
        let (s, v) = (
            gpu.upload(&surface).expect("up"),
            gpu.upload(&posed).expect("up"),
        );
        let mut recorder = gpu.recorder();
        recorder
            .run(
                &INTEGRATE,
                &params,
                &[&v, &s, &evidence],
                groups_1d(n as usize, 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let mut want = start.clone();
        twin::integrate::integrate(&params, &posed, &surface, &mut want);
        let got = gpu.read(&evidence).expect("read");
        assert_close(
            "integrate",
            got.as_flattened(),
            want.as_flattened(),
            1e-4,
            1e-4,
        );
        let params = ClassifyParams {
            voxels: n,
            voxel: 0.1,
            occupied: 0.85,
            free: 0.4,
        };
        // States of the same evidence, special values among it.
        let mut evidence_in = got.clone();
        for (k, e) in evidence_in
            .iter_mut()
            .enumerate()
            .filter(|(k, _)| k % 7 == 0)
        {
            e[k % 4] = [f32::NAN, f32::INFINITY, 0.0, -1.0][k / 4 % 4];
        }
        let e = gpu.upload(&evidence_in).expect("up");
        let words = garbage::<u32>(&gpu, (n as usize).div_ceil(16));
        recorder
            .run(
                &CLASSIFY,
                &params,
                &[&e, &words],
                groups_1d(words.len(), 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        assert_eq!(
            gpu.read(&words).expect("read"),
            twin::classify::classify(&params, &evidence_in)
        );
    }
}

/// The room seen in the solver's gauge: turned, tilted, scaled.
fn tilted(
    views: &[DepthView],
    cameras: &Cameras,
    turn: DMat3,
    scale: f64,
) -> (Vec<DepthView>, Cameras) {
    let shift = DVec3::new(3.0, -2.0, 5.0);
    let mut moved = cameras.clone();
    moved.unit = LengthUnit::Arbitrary;
    for c in &mut moved.cameras {
        c.pose.rotation = turn * c.pose.rotation;
        c.pose.position = scale * (turn * c.pose.position) + shift;
    }
    let mut out = views.to_vec();
    for (v, c) in out.iter_mut().zip(&moved.cameras) {
        v.camera = *c;
        v.depth.iter_mut().for_each(|d| *d *= scale as f32);
    }
    (out, moved)
}

#[test]
fn alignment_recovers_a_tilted_floor() {
    let room = Room::sound();
    let cameras = cameras(9);
    let mut views = room.views(&cameras, 96, 72);
    let mut rng = Rng(3);
    for view in &mut views {
        // Smooth error of 1% a view and pixel noise of .3%.
        let bias = 1.0 + 0.01 * rng.normal();
        view.depth
            .iter_mut()
            .for_each(|d| *d *= bias * (1.0 + 0.003 * rng.normal()));
    }
    for degrees in [0.0, 12.0, 20.0] {
        let turn = DMat3::from_quat(DQuat::from_axis_angle(
            DVec3::new(0.8, 0.1, 0.6).normalize(),
            f64::to_radians(degrees),
        ));
        let (views, moved) = tilted(&views, &cameras, turn, 0.37);
        let found = align(&views, &moved);
        assert!(found.floor_found);
        assert_eq!(found, align(&views, &moved), "deterministic");
        let up = found.rotation * (turn * DVec3::Y);
        let off = up.angle_between(DVec3::Y).to_degrees();
        assert!(off < 0.5, "{degrees} degrees: floor {off} degrees off");
        assert_eq!(found.unit, LengthUnit::CameraHeights);
        assert!(
            (found.scale * 0.37 * 1.4 - 1.0).abs() < 0.02,
            "scale {}",
            found.scale
        );
        let aligned = found.apply_to_cameras(&moved);
        let first = aligned.cameras[0].pose.position;
        assert!(first.x.abs() < 1e-9 && first.z.abs() < 1e-9, "{first}");
        assert!((first.y - 1.0).abs() < 0.02, "{first}");
        let ratio = aligned.cameras[0].depth_scale * found.scale / moved.cameras[0].depth_scale;
        assert!((ratio - 1.0).abs() < 1e-12);
    }
    // Known metres are not scaled; a view of nothing has no floor and says so.
    assert_eq!(align(&views, &cameras).scale, 1.0);
    let nothing = align(&[], &cameras);
    assert!(!nothing.floor_found && !nothing.notes.is_empty());
}

#[test]
fn the_room_becomes_its_voxels() {
    let room = Room::sound();
    let cameras = cameras(18);
    let views = room.views(&cameras, 128, 96);
    let alignment = align(&views, &cameras);
    let views = alignment.apply_to_views(&views);
    let options = WorldOptions {
        voxel_metres: 0.08,
        ..Default::default()
    };
    let world = build(&gpu(), &views, &alignment, &options, &Silent).expect("world");
    // From the world's frame back into the room's.
    let shift = alignment.translation;
    let (mut right, mut wrong) = ([0, 0], [0, 0]);
    for (i, state) in world.states().enumerate() {
        let p = DVec3::from_array(world.centre(world.coordinates(i).map(i64::from)));
        let p = alignment.rotation.transpose() * (p - shift);
        // Signed distance to the shell of the empty room.
        let room_inside = (HALF[0] - p.x.abs())
            .min(HALF[1] - p.z.abs())
            .min(p.y)
            .min(CEILING - p.y);
        let boxes = room.boxes.iter().map(|[l, h]| {
            let c = (DVec3::from_array(*l) + DVec3::from_array(*h)) / 2.0;
            let half = (DVec3::from_array(*h) - DVec3::from_array(*l)) / 2.0;
            ((p - c).abs() - half).max_element()
        });
        let distance = boxes.fold(room_inside, f64::min);
        let v = 1.5 * f64::from(world.voxel);
        if state == Voxel::Free && distance.abs() > v {
            if distance > 0.0 {
                right[0] += 1
            } else {
                wrong[0] += 1
            }
        }
        if state == Voxel::Solid {
            if distance.abs() <= 2.0 * v {
                right[1] += 1
            } else {
                wrong[1] += 1
            }
        }
    }
    eprintln!(
        "free right, solid right {right:?}, wrong {wrong:?}, {:?} {:?}",
        world.dims, world.notes
    );
    assert!(right[0] > 20_000 && right[1] > 5_000, "{right:?}");
    assert!(
        wrong[0] * 200 < right[0],
        "free where solid: {wrong:?} of {right:?}"
    );
    // Planes go on underground behind the foot of a wall, where no agent comes.
    assert!(
        wrong[1] * 50 < right[1],
        "solid where free: {wrong:?} of {right:?}"
    );
    assert_eq!(
        world,
        build(&gpu(), &views, &alignment, &options, &Silent).expect("world")
    );
    // The same on a device that holds a few views and a small part of the voxels at once.
    let low = Gpu::open_within(&AdapterChoice::Auto, Limits::Low(1 << 18)).expect("a device");
    let most = low.caps().most::<[f32; 4]>();
    assert!(world.len() > 3 * most, "{} voxels", world.len());
    assert_eq!(
        world,
        build(&low, &views, &alignment, &options, &Silent).expect("world")
    );
    let bytes = world.to_bytes();
    assert_eq!(World::from_bytes(&bytes).expect("read"), world);
    assert!(bytes.len() < world.len() / 4, "{} bytes", bytes.len());
}

#[test]
fn bad_input_is_one_clear_error() {
    struct Stop;
    impl Monitor for Stop {
        fn stopped(&self) -> bool {
            true
        }
    }
    let cameras = cameras(2);
    let views = Room::sound().views(&cameras, 16, 12);
    let alignment = align(&views, &cameras);
    let gpu = gpu();
    let build = |views: &[DepthView], options: &WorldOptions, monitor: &dyn Monitor| {
        build(&gpu, views, &alignment, options, monitor).expect_err("refused")
    };
    let standard = WorldOptions::default();
    assert!(matches!(build(&[], &standard, &Silent), WorldError::Empty));
    assert!(matches!(
        build(&views, &standard, &Stop),
        WorldError::Interrupted
    ));
    let mut short = views.clone();
    short[1].depth.pop();
    assert!(matches!(
        build(&short, &standard, &Silent),
        WorldError::Shape { frame: 1, .. }
    ));
    let mut lost = views.clone();
    lost[0].camera.pose.position.x = f64::NAN;
    assert!(matches!(
        build(&lost, &standard, &Silent),
        WorldError::Camera { frame: 0 }
    ));
    let mut clear = views.clone();
    clear.iter_mut().for_each(|v| v.alpha.fill(0.0));
    assert!(matches!(
        build(&clear, &standard, &Silent),
        WorldError::Empty
    ));
    let flat = WorldOptions {
        truncation: 0.5,
        ..Default::default()
    };
    assert!(matches!(
        build(&views, &flat, &Silent),
        WorldError::Option {
            field: "truncation",
            ..
        }
    ));
    // More than indices hold.
    let large = WorldOptions {
        max_voxels: (1 << 31) + 1,
        ..Default::default()
    };
    let error = build(&views, &large, &Silent).to_string();
    assert_eq!(
        error,
        "world option 'max_voxels' is 2147483649; it must be at most 2147483648"
    );
}

#[test]
fn a_scene_beyond_the_cap_is_coarser_and_says_so() {
    let cameras = cameras(4);
    let views = Room::sound().views(&cameras, 48, 36);
    let alignment = align(&views, &cameras);
    let options = WorldOptions {
        max_voxels: 20_000,
        ..Default::default()
    };
    let world = build(&gpu(), &views, &alignment, &options, &Silent).expect("world");
    assert!(world.len() <= 24_000, "{:?}", world.dims);
    assert!(
        world.voxel > options.voxel_metres && !world.notes.is_empty(),
        "{:?}",
        world.notes
    );
}
