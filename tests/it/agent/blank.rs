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
/// Where the cameras begin along x.
const START: f64 = -0.4;

/// Light of what shows nothing.
const PLAIN: u32 = 230;
/// Light of a place that shows nothing; `None` of one with texture.
type Shows = fn(DVec3) -> Option<u32>;

fn within(v: f64, [low, high]: [f64; 2]) -> bool {
    v >= low && v < high
}

/// A part of the wall at z = -HALF, from and to along x and y.
fn far(p: DVec3, x: [f64; 2], y: [f64; 2]) -> Option<u32> {
    (p.z < 1e-6 - HALF && within(p.x, x) && within(p.y, y)).then_some(PLAIN)
}

/// A part of the wall at x = HALF, from the floor to the ceiling, from and to along z.
fn side(p: DVec3, z: [f64; 2]) -> Option<u32> {
    (p.x > HALF - 1e-6 && within(p.z, z)).then_some(PLAIN)
}

fn floor(p: DVec3) -> Option<u32> {
    (p.y < 1e-6 && p.z < 0.5).then_some(PLAIN)
}

fn opening(p: DVec3) -> Option<u32> {
    far(p, OPENING, [0.0, TALL])
}

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

/// What a camera sees of the room, parts of which show nothing; its depth has the wall there.
fn view(frame: usize, at: DVec3, shows: Shows) -> DepthView {
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
        let grey = shows(p).unwrap_or_else(|| light(p));
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

fn told(shows: Shows, change: fn(&mut Vec<DepthView>, &mut Cameras)) -> Told {
    told_from(START, shows, change)
}

fn told_from(x: f64, shows: Shows, change: fn(&mut Vec<DepthView>, &mut Cameras)) -> Told {
    let mut views: Vec<DepthView> = (0..6)
        .map(|k| {
            let along = k as f64 * 0.15;
            let at = DVec3::new(x + along, EYE, 2.0 - along);
            view(k, at, shows)
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

/// Along x.
const OPENING: [f64; 2] = [-0.5, 1.5];

#[test]
fn a_plain_end_of_the_floor_is_a_doubt_and_what_does_not_reach_it_is_none() {
    let cases: [(&str, Shows, Option<f64>); 9] = [
        ("textured throughout", |_| None, None),
        ("an opening", opening, Some(2.0)),
        (
            "behind a pole",
            |p| far(p, [-0.5, 0.3], [0.0, TALL]).or(far(p, [0.75, 1.5], [0.0, TALL])),
            Some(2.0),
        ),
        (
            "the sky's edge amid it",
            |p| far(p, OPENING, [0.0, 0.65]).or(far(p, OPENING, [0.65, TALL]).map(|_| 190)),
            Some(2.0),
        ),
        ("a window", |p| far(p, OPENING, [0.9, 2.0]), None),
        ("a skirting", |p| far(p, OPENING, [0.0, 0.7]), None),
        (
            "narrower than an agent",
            |p| far(p, [-0.1, 0.2], [0.0, TALL]),
            None,
        ),
        ("a floor without texture", floor, None),
        ("both", |p| opening(p).or(floor(p)), Some(2.0)),
    ];
    for (name, shows, wide) in cases {
        let Told { ends, report } = told(shows, |_, _| {});
        assert_eq!(
            ends.len(),
            usize::from(wide.is_some()),
            "{name}: {ends:?} {:?}",
            report.doubts
        );
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
    let measured = told(opening, |_, cameras| cameras.measured = true);
    assert!(measured.ends.is_empty() && !measured.report.metrics.contains_key("blank_ends"));
    let unseen = told(opening, |views, _| {
        views.iter_mut().for_each(|v| v.colour.clear());
    });
    assert!(unseen.ends.is_empty() && !unseen.report.metrics.contains_key("blank_ends"));
    let notes = unseen.report.notes.concat();
    assert!(notes.contains("the views have no pictures"), "{notes}");
    // Of two views that show it nothing is told.
    let two = told(opening, |views, _| {
        views[2..].iter_mut().for_each(|v| v.colour.clear());
    });
    assert!(two.ends.is_empty(), "{:?}", two.ends);
}

/// As a network that takes what shows nothing for the sky.
fn sees_nothing(views: &mut Vec<DepthView>, _: &mut Cameras) {
    for view in views {
        for (depth, colour) in view.depth.iter_mut().zip(&view.colour) {
            if colour & 0xff == PLAIN {
                *depth = 100.0;
            }
        }
    }
}

#[test]
fn where_depth_shows_nothing_either_the_end_is_open_and_told_once() {
    // From the cameras the one in the side wall is narrower than a cell of the far ground.
    let far_wall: (Shows, _) = (opening, [[0.5, -HALF], [2.0, 0.0]]);
    let side_wall: (Shows, _) = (|p| side(p, [-2.9, -1.9]), [[HALF, -2.4], [0.0, 1.0]]);
    for (name, x, (shows, [at, size])) in [
        ("before them", START, far_wall),
        ("at a grazing angle", 1.9, side_wall),
    ] {
        let Told { ends, report } = told_from(x, shows, sees_nothing);
        assert!(ends.is_empty(), "{name}: {ends:?}");
        let all = report.violations.iter().chain(&report.doubts);
        let open: Vec<&Violation> = all.filter(|v| v.what == What::OpenBoundary).collect();
        let [one] = open[..] else {
            panic!("{name}: {open:?} {:?}", report.metrics)
        };
        assert!(one.confidence > 0.5, "{name}: {one:?}");
        // The far ground has no share of views.
        assert_eq!(one.evidence.share.is_some(), x > START, "{name}: {one:?}");
        let off = [one.location.x - at[0], one.location.z - at[1]];
        assert!(off[0].hypot(off[1]) < 0.5, "{name}: {one:?}");
        // By cells of the far ground, which are .38 wide, or by pixels.
        let off = [one.size[0] - size[0], one.size[2] - size[1]];
        assert!(off[0].abs().max(off[1].abs()) < 0.95, "{name}: {one:?}");
    }
}

#[test]
fn where_a_rough_floor_leaves_it_unsure_that_depth_shows_nothing_it_stays_a_doubt() {
    let Told { report, .. } = told(opening, |views, cameras| {
        sees_nothing(views, cameras);
        for view in views {
            let (k, pose) = (view.intrinsics(), view.camera.pose);
            for i in 0..view.depth.len() {
                let [x, y] = [i as u32 % view.width, i as u32 / view.width];
                let ray = k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
                let p = pose.to_world(ray * f64::from(view.depth[i]));
                if p.y < 1e-3 {
                    // Plates of .9 m that lie a tenth too deep or too high.
                    let plate = ((p.x / 0.9).floor() + (p.z / 0.9).floor()) as i64;
                    view.depth[i] *= [0.91, 1.09][plate.rem_euclid(2) as usize];
                }
            }
        }
    });
    // The floor that is off itself lies at the same place, so that it stands in the figures alone.
    assert_eq!(report.metrics["blank_ends"], 1.0);
    let all = report.violations.iter().chain(&report.doubts);
    let sure = all.filter(|v| v.what == What::OpenBoundary && v.confidence >= 0.5);
    assert_eq!(sure.count(), 0, "{:?}", report.violations);
}

#[test]
fn collisions_are_judged_by_views_that_were_held_out() {
    // Every fourth view sees the room much smaller: the world that the others made is wrong for it alone.
    let of = |held_out: bool| {
        let told = match held_out {
            true => told(
                |_| None,
                |views, _| {
                    for view in views.iter_mut().step_by(4) {
                        view.depth.iter_mut().for_each(|d| *d *= 0.6);
                        view.held_out = true;
                    }
                },
            ),
            false => told(
                |_| None,
                |views, _| {
                    for view in views.iter_mut().step_by(4) {
                        view.depth.iter_mut().for_each(|d| *d *= 0.6);
                    }
                },
            ),
        };
        let rays = told.report.metrics.get("held_out_rays").copied();
        (told.report.metrics["collision_rate"], rays)
    };
    let (all, none) = of(false);
    let (held, rays) = of(true);
    assert!(none.is_none() && rays > Some(1000.0), "{none:?} {rays:?}");
    assert!(all > 0.2 && all < 0.75 && held > 0.9, "{all} {held}");
}
