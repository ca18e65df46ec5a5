//! The floor of a world as flat as it was seen to be: its voxels follow the ground's own noise no further than that tells.

use super::{Ground, Sight, Voxel, World};

/// Heights within so many sigmas of the floor's plane are on it.
const SIGMAS: f64 = 3.0;
/// Half a side of the patch whose median a column's height is, in cells of the ground.
const PATCH: i64 = 2;
/// Rows of a floor.
const THICK: i64 = 2;

/// Puts the floor's voxels where the ground was seen, flat where its height differs from the plane's by noise only, and
/// takes away the bumps that noise left on it. Where the ground was seen to go on under the floor, there is none.
pub(super) fn flatten(world: &mut World, ground: &Ground) {
    let voxel = f64::from(world.voxel);
    let noise = SIGMAS * f64::from(ground.sigma) * ground.camera_height;
    let [nx, ny, nz] = world.dims.map(i64::from);
    let level = f64::from(world.floor) - f64::from(world.origin[1]);
    for z in 0..nz {
        for x in 0..nx {
            let [cx, _, cz] = world.centre([x, 0, z]);
            let Some(cell) = ground.cell_of(cx, cz) else {
                continue;
            };
            match ground.sight[cell] {
                // Just behind the foot of a wall the plane is met a little under what is seen: that is no floor.
                Sight::Floor if ground.excess[cell] >= -ground.deep() => {
                    let Some(mut height) = patch(ground, cell) else {
                        continue;
                    };
                    if height.abs() <= noise.max(0.75 * voxel) {
                        height = 0.0;
                    }
                    let top = ((level + height) / voxel).round() as i64 - 1;
                    for y in (top - THICK + 1).max(0)..=top.min(ny - 1) {
                        world.set([x as u32, y as u32, z as u32], Voxel::Solid);
                    }
                    let band = top + 1 + (noise / voxel).ceil() as i64;
                    if world.at([x, band + 1, z]) != Voxel::Solid {
                        for y in (top + 1).max(0)..=band.min(ny - 1) {
                            if world.at([x, y, z]) == Voxel::Solid {
                                world.set([x as u32, y as u32, z as u32], Voxel::Free);
                            }
                        }
                    }
                }
                Sight::Deep | Sight::Void => {
                    let top = (level / voxel).round() as i64;
                    for y in (top - 2 * THICK).max(0)..=top.min(ny - 1) {
                        world.set([x as u32, y as u32, z as u32], Voxel::Free);
                    }
                }
                Sight::Floor | Sight::Unknown | Sight::Hidden => {}
            }
        }
    }
}

/// The median height of the floor about a cell; `None` where hardly any is.
fn patch(ground: &Ground, cell: usize) -> Option<f64> {
    let [nx, nz] = ground.size.map(|n| n as i64);
    let (x, z) = (cell as i64 % nx, cell as i64 / nx);
    let mut heights = Vec::with_capacity(25);
    for v in (z - PATCH).max(0)..=(z + PATCH).min(nz - 1) {
        for u in (x - PATCH).max(0)..=(x + PATCH).min(nx - 1) {
            let h = ground.height[(u + nx * v) as usize];
            if h.is_finite() {
                heights.push(f64::from(h));
            }
        }
    }
    (heights.len() >= 5).then(|| crate::numeric::median(&mut heights))?
}
