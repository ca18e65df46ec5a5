//! Where the floor ends before what shows nothing, which may be a plain wall or the open: a doubt, and no verdict.

use glam::{DMat3, DVec3};
use sora_director::agent::{AgentOptions, AgentReport, Violation, What, inspect};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use sora_director::monitor::Silent;
use sora_director::world::{DepthView, Voxel, World};

use crate::common::gpu;

/// Half a side and the height of the room, the camera's height over its floor; metres.
const HALF: f64 = 3.0;
const TALL: f64 = 2.6;
const EYE: f64 = 1.5;
const SIZE: [u32; 2] = [320, 180];

/// A part of the wall at z = -HALF: from and to along x and y.
type Part = [[f64; 2]; 2];

/// The room's voxels, which a depth network makes of it with and without its plain parts.
fn room() -> World {
    let (voxel, edge) = (0.05f32, 0.1f32);
    let dims = [124, 60, 124];
    let mut world = World::empty([-3.1, -edge, -3.1], voxel, dims);
    (world.floor_found, world.unit, world.floor) = (true, LengthUnit::Metres, 0.0);
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| {
            let [x, y, z] = world.coordinates(i);
            let inside = |a: u32| (2..122).contains(&a);
            match inside(x) && inside(z) && (2..54).contains(&y) {
                true => Voxel::Free,
                false => Voxel::Solid,
            }
        })
        .collect();
    world.fill(0, states);
    world
}

/// Light of a place: a pattern of tiles of .2 m that no window of a few pixels misses.
fn light(p: DVec3) -> u32 {
    let [x, y, z] = (p * 5.0).to_array().map(|v| (v + 0.01).floor() as i64);
    let n = (x * 7 + y * 13 + z * 5).rem_euclid(6) as u32;
    60 + 30 * n
}

/// What a camera sees of the room, plain parts of whose far wall show nothing; its depth has the wall there.
fn view(frame: usize, at: DVec3, plain: &[Part], plain_floor: bool) -> DepthView {
    let intrinsics = Intrinsics::from_fov_x(SIZE[0], SIZE[1], 1.2);
    let pose = Pose {
        rotation: DMat3::from_cols(DVec3::X, -DVec3::Y, -DVec3::Z),
        position: at,
    };
    let camera = Camera {
        frame,
        time: frame as f64,
        intrinsics,
        pose,
        depth_scale: 1.0,
        depth_shift: 0.0,
    };
    let (mut depth, mut colour) = (Vec::new(), Vec::new());
    for (y, x) in (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).map(move |x| (y, x))) {
        let ray = pose.rotation * intrinsics.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
        let to = |at: f64, ray: f64, low: f64, high: f64| match ray {
            r if r > 0.0 => (high - at) / r,
            r if r < 0.0 => (low - at) / r,
            _ => f64::INFINITY,
        };
        let near = [
            to(at.x, ray.x, -HALF, HALF),
            to(at.y, ray.y, 0.0, TALL),
            to(at.z, ray.z, -HALF, HALF),
        ];
        let d = near.into_iter().fold(f64::INFINITY, f64::min);
        let p = at + ray * d;
        let within = |v: f64, [low, high]: [f64; 2]| v >= low && v < high;
        let shows_nothing = p.z < 1e-6 - HALF
            && plain
                .iter()
                .any(|[x, y]| within(p.x, *x) && within(p.y, *y));
        let on_plain_floor = plain_floor && p.y < 1e-6 && p.z < 0.5;
        let grey = match shows_nothing || on_plain_floor {
            true => 230,
            false => light(p),
        };
        depth.push(d as f32);
        colour.push((grey * 0x01_01_01) | 0xff00_0000);
    }
    let alpha = vec![1.0; depth.len()];
    DepthView {
        colour,
        ..DepthView::new(camera, SIZE, depth, alpha)
    }
}

/// What a take of six frames is told of.
struct Told {
    ends: Vec<Violation>,
    report: AgentReport,
}

fn told(plain: &[Part], plain_floor: bool, change: fn(&mut Vec<DepthView>, &mut Cameras)) -> Told {
    let mut views: Vec<DepthView> = (0..6)
        .map(|k| {
            let along = k as f64 * 0.15;
            let at = DVec3::new(along - 0.4, EYE, 2.0 - along);
            view(k, at, plain, plain_floor)
        })
        .collect();
    let cameras = views.iter().map(|v| v.camera).collect();
    let mut cameras = Cameras::known(cameras, LengthUnit::Metres);
    change(&mut views, &mut cameras);
    let options = AgentOptions::default();
    let found = inspect(&gpu(), &room(), &views, &cameras, &options, &Silent).expect("a report");
    let report = found.report;
    let ends = report.doubts.iter().filter(|v| v.what == What::BlankEnd);
    Told {
        ends: ends.cloned().collect(),
        report,
    }
}

/// From the floor to the ceiling.
const OPENING: Part = [[-0.5, 1.5], [0.0, TALL]];

#[test]
fn a_plain_end_of_the_floor_is_a_doubt_and_what_does_not_reach_it_is_none() {
    for (name, plain, plain_floor, wide) in [
        ("textured throughout", vec![], false, None),
        ("an opening", vec![OPENING], false, Some(2.0)),
        (
            "behind a pole",
            vec![[[-0.5, 0.3], [0.0, TALL]], [[0.75, 1.5], [0.0, TALL]]],
            false,
            Some(2.0),
        ),
        ("a window", vec![[OPENING[0], [0.9, 2.0]]], false, None),
        ("a skirting", vec![[OPENING[0], [0.0, 0.7]]], false, None),
        (
            "narrower than an agent",
            vec![[[-0.1, 0.2], [0.0, TALL]]],
            false,
            None,
        ),
        ("a floor without texture", vec![], true, None),
        ("both", vec![OPENING], true, Some(2.0)),
    ] {
        let Told { ends, report } = told(&plain, plain_floor, |_, _| {});
        assert_eq!(ends.len(), usize::from(wide.is_some()), "{name}: {ends:?}");
        assert_eq!(report.metrics["blank_ends"], ends.len() as f64, "{name}");
        if let (Some(wide), [end]) = (wide, &ends[..]) {
            assert!((end.size[0] - wide).abs() < 0.3, "{name}: {end:?}");
            let at = end.location;
            assert!(
                (at.x - 0.5).abs() < 0.4 && (at.z + HALF).abs() < 0.4,
                "{name}: {end:?}"
            );
            let evidence = &end.evidence;
            assert!(
                !evidence.frames.is_empty() && evidence.share > Some(0.7),
                "{name}: {end:?}"
            );
        }
        assert!(
            report.violations.is_empty(),
            "{name}: {:?}",
            report.violations
        );
    }
}

#[test]
fn measured_depth_and_views_without_pictures_have_no_plain_end() {
    let measured = told(&[OPENING], false, |_, cameras| cameras.measured = true);
    assert!(measured.ends.is_empty() && !measured.report.metrics.contains_key("blank_ends"));
    let unseen = told(&[OPENING], false, |views, _| {
        views.iter_mut().for_each(|v| v.colour.clear());
    });
    assert!(unseen.ends.is_empty() && !unseen.report.metrics.contains_key("blank_ends"));
    let notes = unseen.report.notes.concat();
    assert!(notes.contains("the views have no pictures"), "{notes}");
    // Of two views that show it nothing is told.
    let two = told(&[OPENING], false, |views, _| {
        views[2..].iter_mut().for_each(|v| v.colour.clear());
    });
    assert!(two.ends.is_empty(), "{:?}", two.ends);
}

#[test]
fn collisions_are_judged_by_views_that_were_held_out() {
    // Every fourth view sees the room much smaller: the world that the others made is wrong for it alone.
    let of = |held_out: bool| {
        let told = match held_out {
            true => told(&[], false, |views, _| {
                for view in views.iter_mut().step_by(4) {
                    view.depth.iter_mut().for_each(|d| *d *= 0.6);
                    view.held_out = true;
                }
            }),
            false => told(&[], false, |views, _| {
                for view in views.iter_mut().step_by(4) {
                    view.depth.iter_mut().for_each(|d| *d *= 0.6);
                }
            }),
        };
        let rays = told.report.metrics.get("held_out_rays").copied();
        (told.report.metrics["collision_rate"], rays)
    };
    let (all, none) = of(false);
    let (held, rays) = of(true);
    assert!(none.is_none() && rays > Some(1000.0), "{none:?} {rays:?}");
    assert!(all > 0.2 && all < 0.75 && held > 0.9, "{all} {held}");
}
