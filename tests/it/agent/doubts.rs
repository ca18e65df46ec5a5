//! What hardly ever proved true on takes and so is a doubt at best, in worlds where it is true: at its place, with its size.

use sora_director::agent::{AgentOptions, AgentReport, Severity, Violation, What, inspect};
use sora_director::camera::{Cameras, LengthUnit};
use sora_director::monitor::Silent;
use sora_director::world::{DepthView, Voxel, World};

use crate::common::gpu;
use crate::room::{CEILING, HALF, Room, cameras};

const VOXEL: f64 = 0.05;
/// Voxels along x and z, and up.
const WIDE: u32 = 120;
const TALL: u32 = 80;
/// Voxels of the walls around, and of the floor: it lies at y = .5.
const WALL: u32 = 4;
const FLOOR: u32 = 10;

/// A floor of 5.6 x 5.6 m between walls, solid up to `top` in each column, in voxels.
pub(super) fn hall(top: impl Fn(u32, u32) -> u32) -> World {
    let mut world = World::empty([0.0; 3], VOXEL as f32, [WIDE, TALL, WIDE]);
    (world.floor_found, world.unit, world.floor) = (true, LengthUnit::Metres, 0.5);
    let inside = |a: u32| (WALL..WIDE - WALL).contains(&a);
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| {
            let [x, y, z] = world.coordinates(i);
            let open = inside(x) && inside(z);
            match open && y >= top(x, z) {
                true => Voxel::Free,
                false => Voxel::Solid,
            }
        })
        .collect();
    world.fill(0, states);
    world
}

fn report(
    world: &World,
    views: &[DepthView],
    cameras: &Cameras,
    options: &AgentOptions,
) -> AgentReport {
    let found = inspect(&gpu(), world, views, cameras, options, &Silent);
    found.expect("a report").report
}

fn unseen(world: &World, options: &AgentOptions) -> AgentReport {
    let cameras = Cameras::known(Vec::new(), LengthUnit::Metres);
    report(world, &[], &cameras, options)
}

/// The doubts of a kind; it is never among the violations.
fn doubts(report: &AgentReport, what: What) -> Vec<&Violation> {
    assert!(
        report.violations.iter().all(|v| v.what != what),
        "{:?}",
        report.violations
    );
    let of = report.doubts.iter().filter(|v| v.what == what);
    of.collect()
}

/// The one doubt of a kind, which stands at a place within reach of it along x, y and z.
fn the_doubt(report: &AgentReport, what: What, place: [f64; 3], reach: [f64; 3]) -> Violation {
    let [one] = doubts(report, what)[..] else {
        panic!("{what:?}: {:#?}", report.doubts)
    };
    let at = [one.location.x, one.location.y, one.location.z];
    let near = (0..3).all(|a| (at[a] - place[a]).abs() <= reach[a]);
    assert!(near, "{one:?} stands elsewhere than {place:?}");
    assert_eq!(one.confidence, 0.01);
    assert_eq!(one.kind, what.kind());
    one.clone()
}

/// The numbers among the words, without what follows them.
fn numbers(words: &str) -> Vec<f64> {
    let number = |w: &str| {
        let digits = w.trim_matches(|c: char| !c.is_ascii_digit());
        digits.parse().ok()
    };
    words.split(' ').filter_map(number).collect()
}

#[test]
fn a_step_that_nobody_climbs_is_a_doubt_along_its_edge() {
    // A platform from x = 3 on, which a ramp along the wall at z = 0 leads up to; its edge is a step from z = 2.2 on.
    let with = |up: u32| {
        let world = hall(|x, z| match (x, z) {
            (60.., _) => FLOOR + up,
            (40.., ..44) => FLOOR + (x - 39) * up / 20,
            _ => FLOOR,
        });
        unseen(&world, &AgentOptions::default())
    };
    let high = with(8);
    // Where it falls off under a foot: from the edge a foot's radius inwards, up to where the wall keeps bodies away.
    let doubt = the_doubt(&high, What::UnevenFloor, [3.1, 0.9, 3.8], [0.2, 0.01, 0.3]);
    let [wide, long, degrees, step] = numbers(&doubt.description)[..] else {
        panic!("{}", doubt.description)
    };
    assert!((0.25..0.5).contains(&wide), "{}", doubt.description);
    assert!((long - 3.4).abs() < 0.2, "{}", doubt.description);
    assert_eq!((degrees, step), (45.0, 0.2), "{}", doubt.description);
    assert_eq!(doubt.severity, Severity::Medium);
    assert!(high.metrics["steep_cells"] > 300.0, "{:?}", high.metrics);
    // The score is the even share of the floor, times the share of bodies that rest.
    let [area, steep, unstable, dropped, score] = [
        "walkable_area",
        "steep_cells",
        "bodies_unstable",
        "bodies_dropped",
        "physics_score",
    ]
    .map(|name| high.metrics[name]);
    let even = 1.0 - steep * VOXEL * VOXEL / area;
    let want = even * (1.0 - unstable / dropped);
    assert!(
        even < 0.99 && (score - want).abs() < 1e-5,
        "{score}, {want}"
    );
    // As high as an agent climbs; and under what its steepest ramp rises from the middle of a foot to its end and a voxel.
    for up in [4, 6] {
        let low = with(up);
        assert!(
            doubts(&low, What::UnevenFloor).is_empty(),
            "{:?}",
            low.doubts
        );
        assert_eq!(low.metrics["steep_cells"], 0.0, "{up}");
    }
}

#[test]
fn bodies_that_slide_down_a_slope_are_one_doubt_on_it() {
    // Nine in ten from x = 2 to 3.5: agents climb it, but it is steeper than the friction of .8 holds.
    let world = hall(|x, _| FLOOR + (x.clamp(39, 69) - 39) * 9 / 10);
    let slides = unseen(&world, &AgentOptions::default());
    let doubt = the_doubt(
        &slides,
        What::RestlessBody,
        [2.75, 1.15, 3.0],
        [0.25, 0.3, 0.4],
    );
    let [restless, of, off] = numbers(&doubt.description)[..] else {
        panic!("{}", doubt.description)
    };
    assert_eq!(restless, slides.metrics["bodies_unstable"]);
    assert_eq!(of, slides.metrics["bodies_dropped"]);
    assert!((0.1..0.3).contains(&(restless / of)), "{restless} of {of}");
    assert!((0.1..0.6).contains(&off), "{}", doubt.description);
    assert_eq!(slides.metrics["steep_cells"], 0.0);
    // One in two is less than the friction holds, and more than a smooth floor does.
    let world = hall(|x, _| FLOOR + (x.clamp(39, 69) - 39) / 2);
    let rests = unseen(&world, &AgentOptions::default());
    assert!(
        doubts(&rests, What::RestlessBody).is_empty(),
        "{:?}",
        rests.doubts
    );
    assert_eq!(rests.metrics["bodies_unstable"], 0.0);
    let smooth = AgentOptions {
        friction: 0.3,
        ..AgentOptions::default()
    };
    let slides = unseen(&world, &smooth);
    let place = [2.75, 0.85, 3.0];
    let doubt = the_doubt(&slides, What::RestlessBody, place, [0.25, 0.2, 0.4]);
    // Over an agent's radius.
    assert_eq!(doubt.severity, Severity::Medium, "{}", doubt.description);
}

#[test]
fn floor_behind_a_wall_is_a_doubt_and_behind_a_door_none() {
    let with = |door: bool| {
        let world = hall(|x, z| match (76..80).contains(&x) {
            true if !(door && (50..70).contains(&z)) => TALL,
            _ => FLOOR,
        });
        unseen(&world, &AgentOptions::default())
    };
    let shut = with(false);
    // What agents stand on of it: columns whose edge is the radius of .3 m away from the walls.
    let doubt = the_doubt(
        &shut,
        What::CutOffFloor,
        [4.9, 0.5, 3.0],
        [0.06, 0.01, 0.06],
    );
    let words = &doubt.description;
    assert!(words.contains("1.20 m by 5.00 m (29% of"), "{words}");
    assert_eq!(doubt.severity, Severity::High);
    assert_eq!(shut.metrics["islands"], 2.0);
    assert!((shut.metrics["largest_island_share"] - 60.0 / 84.0).abs() < 1e-9);
    assert!(shut.metrics["path_pairs_cut_off"] > 0.0 && shut.metrics["path_completion"] < 0.8);
    let open = with(true);
    assert!(
        doubts(&open, What::CutOffFloor).is_empty(),
        "{:?}",
        open.doubts
    );
    assert_eq!(open.metrics["islands"], 1.0);
    assert_eq!(open.metrics["path_pairs_cut_off"], 0.0);
}

/// The voxels of a room, without anything but what stands in it.
fn voxels(room: &Room) -> World {
    let mut world = World::empty([-2.7, -0.3, -3.2], VOXEL as f32, [108, 64, 128]);
    (world.floor_found, world.unit, world.floor) = (true, LengthUnit::Metres, 0.0);
    let solid = |p: [f64; 3]| {
        let out = p[0].abs() > HALF[0] || p[2].abs() > HALF[1] || p[1] < 0.0 || p[1] > CEILING;
        let within = |[low, high]: &[[f64; 3]; 2]| (0..3).all(|a| p[a] > low[a] && p[a] < high[a]);
        out || room.boxes.iter().any(within)
    };
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| {
            let at = world.centre(world.coordinates(i).map(i64::from));
            match solid(at) {
                true => Voxel::Solid,
                false => Voxel::Free,
            }
        })
        .collect();
    world.fill(0, states);
    world
}

#[test]
fn a_block_that_cameras_see_and_the_world_has_not_is_a_doubt() {
    let sound = Room::sound();
    let (low, high) = ([-0.4, 0.0, -0.4], [0.4, 0.8, 0.4]);
    let mut seen = sound.clone();
    seen.boxes.push([low, high]);
    let cameras = cameras(24);
    let told = |world: &Room, views: &Room| {
        let views = views.views(&cameras, 160, 120);
        report(&voxels(world), &views, &cameras, &AgentOptions::default())
    };
    let gone = told(&sound, &seen);
    // On its surface, over all of it but what lies so near to the floor that the floor may be what was seen.
    let doubt = the_doubt(
        &gone,
        What::MissingSolid,
        [0.0, 0.5, 0.0],
        [0.45, 0.35, 0.45],
    );
    let [by, x, y, z] = numbers(&doubt.description)[..] else {
        panic!("{}", doubt.description)
    };
    assert!(by > 20.0 && by <= 24.0, "{}", doubt.description);
    for (size, want) in [(x, 0.8), (y, 0.75), (z, 0.8)] {
        assert!((size - want).abs() <= 0.15, "{}", doubt.description);
    }
    assert_eq!(doubt.severity, Severity::High);
    assert!(!doubt.evidence.frames.is_empty());
    assert!(gone.metrics["false_free_rate"] > 0.02, "{:?}", gone.metrics);
    // In the world too, and in neither.
    for (world, views) in [(&seen, &seen), (&sound, &sound)] {
        let there = told(world, views);
        assert!(
            doubts(&there, What::MissingSolid).is_empty(),
            "{:?}",
            there.doubts
        );
        assert!(
            there.metrics["false_free_rate"] < 0.001,
            "{:?}",
            there.metrics
        );
    }
}
