//! The voxels' storage against a plain array.

use sora_director::world::{Voxel, World};

use crate::common::Rng;

fn check(world: &World, plain: &[Voxel]) {
    assert!(world.states().eq(plain.iter().copied()), "{:?}", world.dims);
    let mut counts = [0; 3];
    for (i, &state) in plain.iter().enumerate() {
        counts[state as usize] += 1;
        let p = world.coordinates(i);
        assert_eq!(world.index(p), i);
        assert_eq!(world.at(p.map(i64::from)), state, "{p:?}");
    }
    assert_eq!(world.counts(), counts);
    for state in [Voxel::Unknown, Voxel::Free, Voxel::Solid] {
        let found = world.voxels(state).map(|p| world.index(p));
        let want = (0..plain.len()).filter(|&i| plain[i] == state);
        assert!(found.eq(want), "{state:?} in {:?}", world.dims);
    }
}

/// Single voxels, runs and whole fills in any order hold what a plain array holds, and equal worlds are equal however
/// they came to be.
#[test]
fn bricks_hold_what_an_array_holds() {
    let mut rng = Rng(31);
    for dims in [
        [1, 1, 1],
        [4, 4, 4],
        [5, 4, 3],
        [16, 16, 16],
        [17, 3, 66],
        [65, 9, 33],
        [0, 4, 4],
    ] {
        let mut world = World::empty([0.0; 3], 1.0, dims);
        let mut plain = vec![Voxel::Unknown; world.len()];
        check(&world, &plain);
        for round in 0..30 {
            let n = plain.len().max(1);
            let first = rng.u32() as usize % n;
            let state = Voxel::of(rng.u32() % 3);
            match round % 3 {
                0 => {
                    for _ in 0..100 {
                        let at = rng.u32() as usize % n;
                        let state = Voxel::of(rng.u32() % 3);
                        if let Some(held) = plain.get_mut(at) {
                            *held = state;
                            world.set(world.coordinates(at), state);
                        }
                    }
                }
                // Runs of one state, over the end too, and of all.
                1 => {
                    let length = rng.u32() as usize % (2 * n);
                    world.fill(first, std::iter::repeat_n(state, length));
                    let end = plain.len().min(first + length);
                    plain[first.min(end)..end].fill(state);
                }
                _ => {
                    let mix: Vec<Voxel> = (first..n).map(|_| Voxel::of(rng.u32() % 3)).collect();
                    world.fill(first, mix.iter().copied());
                    let end = plain.len();
                    plain[first.min(end)..].copy_from_slice(&mix[..end - first.min(end)]);
                }
            }
            check(&world, &plain);
            let mut same = World::empty([0.0; 3], 1.0, dims);
            same.fill(0, plain.iter().copied());
            assert_eq!(same, world);
        }
        // What is set outside is nowhere.
        world.set(dims, Voxel::Solid);
        world.fill(plain.len(), [Voxel::Solid]);
        check(&world, &plain);
        assert_eq!(world.at([-1, 0, 0]), Voxel::Unknown);
        assert_eq!(world.at([i64::MAX, 0, 0]), Voxel::Unknown);
    }
}

/// A world that is one state has no masks, whatever it was before, and a room of 512^3 takes a small part of a byte a
/// voxel.
#[test]
fn uniform_bricks_take_a_tag() {
    let dims = [130, 66, 70];
    let mut world = World::empty([0.0; 3], 1.0, dims);
    let tags = world.bricks().bytes();
    for state in [Voxel::Free, Voxel::Solid, Voxel::Unknown] {
        world.fill(0, std::iter::repeat_n(state, world.len()));
        assert_eq!(world.counts()[state as usize], world.len());
    }
    let open = world.bricks().bytes() - tags;
    assert!(
        open < 40 * tags,
        "one layer of masks at most: {open} over {tags}"
    );
    let n = 512u32;
    let mut room = World::empty([0.0; 3], 1.0, [n; 3]);
    let states = (0..n).flat_map(|z| (0..n).flat_map(move |y| (0..n).map(move |x| (x, y, z))));
    room.fill(
        0,
        states.map(|(x, y, z)| {
            let wall = |a: u32| a < 10 || a >= n - 10;
            let floor = y < 10 + (x / 7 + z / 5) % 3;
            match () {
                () if wall(x) || wall(z) || floor => Voxel::Solid,
                () if y > 300 + (x ^ z) % 9 => Voxel::Unknown,
                () => Voxel::Free,
            }
        }),
    );
    let share = room.bricks().bytes() as f64 / room.len() as f64;
    assert!(share < 0.125, "{share} bytes a voxel");
}

#[test]
fn components_are_joined_over_bricks() {
    let mut world = World::empty([0.0; 3], 1.0, [20, 9, 9]);
    for p in [
        [3, 3, 3],
        [4, 4, 4],
        [5, 5, 4],
        [12, 0, 0],
        [19, 8, 8],
        [18, 8, 8],
    ] {
        world.set(p, Voxel::Solid);
    }
    let found: Vec<Vec<[u32; 3]>> = world
        .solid_components()
        .iter()
        .map(|c| c.iter().map(|&i| world.coordinates(i)).collect())
        .collect();
    let want = [
        vec![[12, 0, 0]],
        vec![[3, 3, 3], [4, 4, 4], [5, 5, 4]],
        vec![[18, 8, 8], [19, 8, 8]],
    ];
    assert_eq!(found, want);
}
