//! Rays through a world of voxels.

use super::{Ground, Size, Stage, Work};
use crate::agent::raycast::{Caster, Ray};
use crate::camera::LengthUnit;
use crate::numeric::Rng;
use crate::world::{Voxel, World};

const SEED: u64 = 11;
const DIMS: [u32; 3] = [256, 96, 256];

const fn size(name: &'static str, count: usize) -> Size {
    Size::new(name, count, [0; 2], count as f64)
}

/// As agents cast them: up, through the world and back.
pub static STAGE: Stage = Stage {
    name: "rays",
    unit: "rays",
    about: "closest hits in a room of 256x96x256 voxels, uploaded and read back",
    sizes: &[
        size("10^3 rays", 1000),
        size("10^4 rays", 10_000),
        size("10^5 rays", 100_000),
        size("10^6 rays", 1_000_000),
        size("10^7 rays", 10_000_000),
    ],
    prepare,
};

/// A closed room with crates.
pub(super) fn room() -> World {
    let mut world = World::empty([0.0; 3], 0.05, DIMS);
    (world.floor_found, world.unit) = (true, LengthUnit::Metres);
    world.fill(0, std::iter::repeat_n(Voxel::Free, world.len()));
    let mut rng = Rng::new(SEED);
    let mut crates = Vec::new();
    for _ in 0..40 {
        let side = 6 + (rng.unit() * 14.0) as u32;
        let [x, z] = [0, 0].map(|_: u32| 8 + (rng.unit() * 220.0) as u32);
        crates.push(([x, z], side));
    }
    for z in 0..DIMS[2] {
        for y in 0..DIMS[1] {
            for x in 0..DIMS[0] {
                let wall = [x, y, z]
                    .iter()
                    .zip(DIMS)
                    .any(|(a, n)| *a == 0 || *a + 1 == n);
                let inside = |([cx, cz], side): &([u32; 2], u32)| {
                    (*cx..cx + side).contains(&x) && (*cz..cz + side).contains(&z) && y < *side
                };
                if wall || crates.iter().any(inside) {
                    world.set([x, y, z], Voxel::Solid);
                }
            }
        }
    }
    world
}

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let world = room();
    let extent = world.dims.map(|n| f64::from(n) * f64::from(world.voxel));
    let mut rng = Rng::new(SEED);
    let rays: Vec<Ray> = (0..size.count)
        .map(|_| {
            let origin = extent.map(|e| e * rng.range(0.4, 0.6));
            Ray::new(origin, [0; 3].map(|_: i32| rng.range(-1.0, 1.0)), 1e3)
        })
        .collect();
    let caster = Caster::new(&ground.gpu()?, &world)?;
    Ok(Work::new(size.count as f64, move |monitor| {
        let hits = caster.cast(&rays, true, monitor)?;
        anyhow::ensure!(hits.len() == rays.len(), "rays were lost");
        Ok(())
    }))
}
