//! Ends of the floor and holes in worlds without views: one of each place, with its length.

use sora_director::agent::{AgentOptions, What, inspect};
use sora_director::camera::{Cameras, LengthUnit};
use sora_director::monitor::Silent;
use sora_director::world::{Voxel, World};

use crate::common::gpu;

/// A floor of 12 x 12 with its wall on one side only, about a hole of 1.6 x 1.6 in its middle.
fn plate(hole: bool) -> World {
    let dims = [140, 30, 140];
    let mut world = World::empty([0.0; 3], 0.1, dims);
    (world.floor_found, world.unit, world.floor) = (true, LengthUnit::Metres, 0.8);
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| {
            let [x, y, z] = world.coordinates(i);
            let on = |a: u32| (10..130).contains(&a);
            let pit = hole && (62..78).contains(&x) && (62..78).contains(&z);
            match () {
                () if on(x) && z == 9 => Voxel::Solid,
                () if on(x) && on(z) && y < 8 && !pit => Voxel::Solid,
                () => Voxel::Free,
            }
        })
        .collect();
    world.fill(0, states);
    world
}

#[test]
fn an_end_that_goes_round_a_hole_is_told_beside_it() {
    for hole in [true, false] {
        let cameras = Cameras::known(Vec::new(), LengthUnit::Metres);
        let found = inspect(
            &gpu(),
            &plate(hole),
            &[],
            &cameras,
            &AgentOptions::default(),
            &Silent,
        )
        .expect("report");
        let told = |what: What| {
            let all = found
                .report
                .violations
                .iter()
                .filter(move |v| v.what == what);
            all.collect::<Vec<_>>()
        };
        let holes = told(What::Hole);
        assert_eq!(
            holes.len(),
            usize::from(hole),
            "{:?}",
            found.report.violations
        );
        if let [one] = holes[..] {
            assert!(
                (one.size[0] - 1.6).abs() < 0.21 && (one.size[2] - 1.6).abs() < 0.21,
                "{one:?}"
            );
        }
        // Three sides of 12, as one end.
        let ends = told(What::OpenBoundary);
        assert_eq!(ends.len(), 1, "{:?}", found.report.violations);
        let words = &ends[0].description;
        let length = words
            .split("over ")
            .nth(1)
            .and_then(|w| w.split(' ').next());
        let length: f64 = length.and_then(|w| w.parse().ok()).expect("a length");
        assert!((length - 36.0).abs() < 1.0, "{words}");
    }
}
