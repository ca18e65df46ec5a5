//! Connected solids, and dropping small ones in mid-air: they are noise of the fit, not things.

use super::{Voxel, World};

impl World {
    /// Components of solid voxels (26 neighbours) as indices, in the order of their first voxels.
    pub fn solid_components(&self) -> Vec<Vec<usize>> {
        let dims = self.dims.map(i64::from);
        // A bit a voxel: the first visit takes it.
        let mut visited = vec![0u64; self.len().div_ceil(64)];
        let mut first = |i: usize| {
            let (word, bit) = (&mut visited[i / 64], 1 << (i % 64));
            let new = *word & bit == 0;
            *word |= bit;
            new
        };
        let mut found = Vec::new();
        for start in self.solids() {
            let start = self.index(start);
            if !first(start) {
                continue;
            }
            let mut component = vec![start];
            let mut at = 0;
            while at < component.len() {
                let p = self.coordinates(component[at]).map(i64::from);
                at += 1;
                let low = p.map(|a| (a - 1).max(0));
                let high: [i64; 3] = std::array::from_fn(|a| (p[a] + 1).min(dims[a] - 1));
                for z in low[2]..=high[2] {
                    for y in low[1]..=high[1] {
                        for x in low[0]..=high[0] {
                            if self.at([x, y, z]) == Voxel::Solid {
                                let j = self.index([x as u32, y as u32, z as u32]);
                                if first(j) {
                                    component.push(j);
                                }
                            }
                        }
                    }
                }
            }
            found.push(component);
        }
        found
    }
}

/// Turns solid components of fewer than `least` voxels that do not reach the floor into free space, and notes how many.
pub(super) fn drop_small(world: &mut World, least: usize) {
    let near_floor = world.floor + 2.0 * world.voxel;
    let (mut dropped, mut voxels) = (0, 0);
    for component in world.solid_components() {
        let grounded = component
            .iter()
            .any(|&i| world.origin[1] + world.coordinates(i)[1] as f32 * world.voxel <= near_floor);
        if component.len() < least && !grounded {
            dropped += 1;
            voxels += component.len();
            for i in component {
                world.set(world.coordinates(i), Voxel::Free);
            }
        }
    }
    if dropped > 0 {
        world.notes.push(format!(
            "{dropped} solid specks in mid-air ({voxels} voxels in all, under {least} each) were dropped as noise"
        ));
    }
}
