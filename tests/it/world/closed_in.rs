//! What meshes close in: rooms, and the inside of walls and things.

use sora_director::agent::Body;
use sora_director::agent::traverse::{Column, Nav};
use sora_director::world::mesh::{Inside, MeshOptions, Triangle};
use sora_director::world::{Voxel, World};

use super::mesh::{block, quad, state};

const BODY: Body = Body {
    height: 1.7,
    radius: 0.3,
    climb: 0.2,
    gravity: 9.81,
    slope: 1.0,
};

fn built(triangles: &[Triangle], headroom: f32) -> World {
    let options = MeshOptions {
        inside: Inside::Rooms,
        headroom,
        ..MeshOptions::default()
    };
    World::from_triangles(triangles, &options).expect("world")
}

fn world(triangles: &[Triangle]) -> World {
    built(triangles, 1.7)
}

/// Faces turned over.
fn turned(triangles: Vec<Triangle>) -> Vec<Triangle> {
    triangles.into_iter().map(|[a, b, c]| [a, c, b]).collect()
}

/// Every third face turned over: nothing can be told from windings.
fn mixed(triangles: Vec<Triangle>) -> Vec<Triangle> {
    let turn = |(i, [a, b, c]): (usize, Triangle)| if i % 3 == 0 { [a, c, b] } else { [a, b, c] };
    triangles.into_iter().enumerate().map(turn).collect()
}

fn level(y: f32, [x0, x1]: [f32; 2], [z0, z1]: [f32; 2]) -> [Triangle; 2] {
    quad([[x0, y, z0], [x0, y, z1], [x1, y, z1], [x1, y, z0]])
}

/// A floor of 8 by 6 with a hole from (3, 2) to (4.5, 3.5).
fn floor_with_hole() -> Vec<Triangle> {
    let parts = [
        level(0.0, [0.0, 8.0], [0.0, 2.0]),
        level(0.0, [0.0, 8.0], [3.5, 6.0]),
        level(0.0, [0.0, 3.0], [2.0, 3.5]),
        level(0.0, [4.5, 8.0], [2.0, 3.5]),
    ];
    parts.concat()
}

fn area(nav: &Nav, kind: Column) -> f64 {
    nav.kind.iter().filter(|&&k| k == kind).count() as f64 * nav.voxel * nav.voxel
}

/// Kind of the column at a place.
fn kind(world: &World, nav: &Nav, x: f64, z: f64) -> Column {
    nav.kind[nav.cell_of(world, x, z).expect("inside")]
}

fn noted(world: &World, words: &str) -> bool {
    world.notes.iter().any(|n| n.contains(words))
}

const ROOM: [[f32; 3]; 2] = [[0.0; 3], [8.0, 2.8, 6.0]];

fn room() -> Vec<Triangle> {
    block(ROOM[0], ROOM[1])
}

#[test]
fn walls_with_two_sides_are_solid() {
    let outer = || block([-1.0, -0.3, -1.0], [9.0, 3.1, 7.0]);
    let proper = [outer(), turned(room())].concat();
    for (mesh, coherent) in [(proper.clone(), true), (mixed(proper), false)] {
        let world = world(&mesh);
        assert!(world.floor.abs() < 1e-6, "{}", world.floor);
        for p in [
            [-0.5, 1.0, 3.0],
            [4.0, 1.0, 6.5],
            [4.0, -0.15, 3.0],
            [4.0, 2.95, 3.0],
        ] {
            assert_eq!(state(&world, p), Voxel::Solid, "{p:?}: {:?}", world.notes);
        }
        assert_eq!(state(&world, [4.0, 1.0, 3.0]), Voxel::Free);
        assert_eq!(state(&world, [9.08, 1.0, 3.0]), Voxel::Free, "outside");
        let nav = Nav::new(&world, &BODY);
        let walkable = area(&nav, Column::Walkable);
        assert!((walkable - 48.0).abs() < 1.5, "{walkable}");
        assert_eq!(kind(&world, &nav, -0.5, 3.0), Column::Blocked);
        assert!(noted(&world, "inside of closed surfaces (1 parts"));
        assert_eq!(noted(&world, "contradict"), !coherent, "{:?}", world.notes);
    }
    // Walls of boxes, each closed.
    let mut boxes = block([-1.0, -0.3, -1.0], [9.0, 0.0, 7.0]);
    for (l, h) in [
        ([-1.0, 0.0, -1.0], [0.0, 2.8, 7.0]),
        ([8.0, 0.0, -1.0], [9.0, 2.8, 7.0]),
        ([0.0, 0.0, -1.0], [8.0, 2.8, 0.0]),
        ([0.0, 0.0, 6.0], [8.0, 2.8, 7.0]),
        ([-1.0, 2.8, -1.0], [9.0, 3.1, 7.0]),
    ] {
        boxes.extend(block(l, h));
    }
    for mesh in [boxes.clone(), mixed(boxes)] {
        let world = world(&mesh);
        assert_eq!(
            state(&world, [-0.5, 1.0, 3.0]),
            Voxel::Solid,
            "{:?}",
            world.notes
        );
        let walkable = area(&Nav::new(&world, &BODY), Column::Walkable);
        assert!((walkable - 48.0).abs() < 1.5, "{walkable}");
    }
}

#[test]
fn a_room_of_single_surfaces_stays_one() {
    for mesh in [room(), turned(room()), mixed(room())] {
        let world = world(&mesh);
        assert!(world.floor.abs() < 1e-6, "{}", world.floor);
        assert_eq!(state(&world, [4.0, 1.0, 3.0]), Voxel::Free);
        assert!(!noted(&world, "taken for solid"), "{:?}", world.notes);
        let walkable = area(&Nav::new(&world, &BODY), Column::Walkable);
        assert!((walkable - 48.0).abs() < 1.5, "{walkable}");
    }
    // Two rooms side by side, and two on top of each other.
    for shift in [[8.0, 0.0, 0.0], [0.0, 2.8, 0.0]] {
        let other = block(shift, std::array::from_fn(|a| ROOM[1][a] + shift[a]));
        for mesh in [
            [room(), other.clone()].concat(),
            mixed([room(), other].concat()),
        ] {
            let world = world(&mesh);
            let middle = std::array::from_fn(|a| [4.0, 1.0, 3.0][a] + f64::from(shift[a]));
            assert_eq!(state(&world, middle), Voxel::Free, "{:?}", world.notes);
            assert_eq!(state(&world, [4.0, 1.0, 3.0]), Voxel::Free);
        }
    }
}

#[test]
fn things_in_a_room_are_solid() {
    let hall = || block([0.0; 3], [10.0, 2.8, 10.0]);
    let pillar = || block([3.5, 0.0, 3.5], [6.5, 2.8, 6.5]);
    for mesh in [
        [hall(), pillar()].concat(),
        [turned(hall()), pillar()].concat(),
        mixed([hall(), pillar()].concat()),
    ] {
        let world = world(&mesh);
        assert_eq!(
            state(&world, [5.0, 1.0, 5.0]),
            Voxel::Solid,
            "{:?}",
            world.notes
        );
        let nav = Nav::new(&world, &BODY);
        let walkable = area(&nav, Column::Walkable);
        assert!((walkable - 91.0).abs() < 2.5, "{walkable}");
        assert_eq!(kind(&world, &nav, 5.0, 5.0), Column::Blocked);
    }
    // Without a bottom of its own, on the floor of a room that is looked at from within.
    let lower = |t: &Triangle| t.iter().all(|p| p[1] == 0.0);
    let bottomless: Vec<Triangle> = pillar().into_iter().filter(|t| !lower(t)).collect();
    assert_eq!(bottomless.len(), 10);
    let world = world(&[turned(hall()), bottomless].concat());
    assert_eq!(
        state(&world, [5.0, 1.0, 5.0]),
        Voxel::Solid,
        "{:?}",
        world.notes
    );
    // A thing that has room for an agent in it and more of the floor's level than is left of the room: a stage.
    let stage = block([4.0, 0.0, 0.0], [14.0, 1.8, 6.0]);
    let ramp = quad([
        [1.0, 0.0, 0.0],
        [1.0, 0.0, 6.0],
        [4.0, 1.8, 6.0],
        [4.0, 1.8, 0.0],
    ]);
    let mesh = [block([0.0; 3], [14.0, 5.0, 6.0]), stage, ramp.to_vec()].concat();
    let world = built(&mesh, 1.7);
    assert_eq!(
        state(&world, [9.0, 1.0, 3.0]),
        Voxel::Solid,
        "{:?}",
        world.notes
    );
    assert_eq!(state(&world, [9.0, 3.0, 3.0]), Voxel::Free);
}

#[test]
fn what_stands_on_no_ground_of_its_own_is_no_hole() {
    let walls = turned(room())
        .into_iter()
        .filter(|t| t.iter().any(|p| p[1] > 0.0));
    let shell: Vec<Triangle> = block([3.0, 0.0, 2.0], [4.5, 2.5, 3.5])
        .into_iter()
        .filter(|t| t.iter().any(|p| p[1] > 0.0))
        .collect();
    let pit: Vec<Triangle> = walls.chain(floor_with_hole()).collect();
    let with = world(&[pit.clone(), shell].concat());
    let nav = Nav::new(&with, &BODY);
    assert_eq!(kind(&with, &nav, 3.75, 2.75), Column::Blocked);
    let without = world(&pit);
    let nav = Nav::new(&without, &BODY);
    assert_eq!(kind(&without, &nav, 3.75, 2.75), Column::Open);
    // The hole alone, without what lies around the room.
    let open = (0..nav.kind.len()).filter(|&i| {
        let [x, _, z] = nav.place(&without, i);
        nav.kind[i] == Column::Open && (0.0..8.0).contains(&x) && (0.0..6.0).contains(&z)
    });
    let open = open.count() as f64 * nav.voxel * nav.voxel;
    assert!((open - 2.25).abs() < 0.25, "{open}");
}

#[test]
fn a_flat_mesh_has_holes_and_ends() {
    let plane = world(&level(0.0, [0.0, 8.0], [0.0, 6.0]));
    let nav = Nav::new(&plane, &BODY);
    for (x, z) in [(-0.08, 3.0), (8.08, 3.0), (4.0, -0.08), (4.0, 6.08)] {
        assert_eq!(kind(&plane, &nav, x, z), Column::Open, "{x} {z}");
    }
    // An agent on it fits into the grid.
    let top = f64::from(plane.origin[1]) + f64::from(plane.dims[1]) * f64::from(plane.voxel);
    assert!(top > 1.7, "{top}");
    let hole = world(&floor_with_hole());
    let nav = Nav::new(&hole, &BODY);
    assert_eq!(kind(&hole, &nav, 3.75, 2.75), Column::Open);
    assert_eq!(kind(&hole, &nav, 2.0, 2.75), Column::Walkable);
}

#[test]
fn a_roof_is_no_floor() {
    // Most of the floor lies under a stage that is too low to be under.
    for rise in [0.96, 1.44] {
        let hall = block([0.0; 3], [14.0, 5.0, 6.0]);
        for mesh in [
            [hall.clone(), block([4.0, 0.0, 0.0], [14.0, rise, 6.0])].concat(),
            mixed([hall, block([4.0, 0.0, 0.0], [14.0, rise, 6.0])].concat()),
        ] {
            let floor = world(&mesh).floor;
            assert!(floor.abs() < 1e-6 || (floor - rise).abs() < 1e-6, "{floor}");
        }
    }
    // No room is high enough: nothing is walked on, and that is said.
    let low = || block([0.0; 3], [8.0, 1.5, 6.0]);
    for (mesh, headroom, words) in [
        (turned(low()), 1.7, "has 1.50 over it at most"),
        (mixed(low()), 1.7, "has 1.50 over it at most"),
        (turned(room()), 5.0, "has 2.80 over it at most"),
        (turned(room()), 100.0, "has 2.80 over it at most"),
    ] {
        let world = built(&mesh, headroom);
        assert!(
            world.floor.abs() < 1e-6 && noted(&world, words),
            "{:?}",
            world.notes
        );
        let body = Body {
            height: f64::from(headroom),
            ..BODY
        };
        assert_eq!(area(&Nav::new(&world, &body), Column::Walkable), 0.0);
    }
    // The top of a slab is one, and so is that of a room for who fits on it only.
    let slab = world(&block([0.0; 3], [8.0, 0.5, 6.0]));
    assert!((slab.floor - 0.5).abs() < 1e-6 && noted(&slab, "has room on, at y = 0.50"));
    let nav = Nav::new(&slab, &BODY);
    assert!((area(&nav, Column::Walkable) - 48.0).abs() < 1.5);
}

#[test]
fn sheets_upon_sheets_are_covered() {
    let sheets: Vec<Triangle> = (0..300)
        .flat_map(|i| level(0.004 * i as f32, [0.0, 20.0], [0.0, 20.0]))
        .collect();
    let world = world(&sheets);
    let mut rows = std::collections::BTreeMap::<u32, usize>::new();
    world
        .solids()
        .for_each(|p| *rows.entry(p[1]).or_default() += 1);
    // 1.196 high: 24 or 25 rows of voxels, each of 401 x 401, which lie a share of a voxel off.
    assert!((24..=25).contains(&rows.len()), "{}", rows.len());
    assert!(rows.values().all(|&n| n == 401 * 401), "{rows:?}");
}

#[test]
fn the_grid_ends_agents_too() {
    let mut world = World::empty([0.0; 3], 0.1, [40, 30, 30]);
    world.fill(0, std::iter::repeat_n(Voxel::Free, world.len()));
    for z in 0..30 {
        for x in 0..40 {
            world.set([x, 2, z], Voxel::Solid);
        }
    }
    (world.floor, world.floor_found) = (0.3, true);
    let nav = Nav::new(&world, &BODY);
    assert!(nav.standable(20 + 40 * 15, &BODY));
    assert!(nav.standable(3 + 40 * 15, &BODY) && !nav.standable(2 + 40 * 15, &BODY));
    let wide = Body {
        radius: 5.0,
        ..BODY
    };
    let nav = Nav::new(&world, &wide);
    assert!((0..nav.kind.len()).all(|i| !nav.standable(i, &wide)));
}
