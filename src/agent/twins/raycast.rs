//! Twin of `kernels/agent/raycast.wgsl` and of the stepping in `kernels/shared/grid.wgsl`.

use crate::agent::raycast::{Hit, HitState, NOWHERE, Ray, RaycastParams};
use crate::gpu::Call;
use rayon::prelude::*;

/// A grid as the kernels see it.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Corner of voxel (0, 0, 0), voxels a unit of length in the last.
    pub origin: [f32; 4],
    /// Voxels along x, y, z.
    pub dims: [u32; 4],
}

/// Casts all rays, on every core.
pub fn raycast(p: &RaycastParams, voxels: &[u32], rays: &[Ray]) -> Vec<Hit> {
    let grid = Grid {
        origin: p.origin,
        dims: p.dims,
    };
    rays[..p.rays as usize]
        .par_iter()
        .map(|ray| {
            let [ox, oy, oz, t_max] = ray.origin;
            let [dx, dy, dz, _] = ray.direction;
            let stop = p.stop_unknown != 0;
            cast(&grid, voxels, [ox, oy, oz], [dx, dy, dz], t_max, stop)
        })
        .collect()
}

/// Whether a coordinate is one that rays are defined for.
pub fn sane(x: f32) -> bool {
    x.abs() <= 1e18
}

fn answer(t: f32, state: HitState, voxel: u32, face: u32) -> Hit {
    Hit {
        t,
        state: state as u32,
        voxel,
        face,
    }
}

/// One ray.
pub fn cast(
    grid: &Grid,
    voxels: &[u32],
    o: [f32; 3],
    d: [f32; 3],
    t_max: f32,
    stop_unknown: bool,
) -> Hit {
    let usable = o.iter().chain(&d).all(|&x| sane(x));
    if t_max.is_nan() || !usable || t_max.is_sign_negative() {
        return answer(0.0, HitState::Invalid, NOWHERE, 7);
    }
    let dims = [grid.dims[0], grid.dims[1], grid.dims[2]];
    let n = dims.map(|n| n as f32);
    let g: [f32; 3] = std::array::from_fn(|a| (o[a] - grid.origin[a]) * grid.origin[3]);
    let e = d.map(|d| d * grid.origin[3]);
    let (mut enter, mut leave, mut face, mut moving) = (0.0f32, 3.0e38f32, 6u32, 0);
    let mut inverse = [0.0f32; 3];
    for a in 0..3 {
        if e[a].abs() < 1e-20 {
            if g[a] < 0.0 || g[a] >= n[a] {
                return answer(0.0, HitState::Left, NOWHERE, 7);
            }
            continue;
        }
        moving += 1;
        inverse[a] = 1.0 / e[a];
        let (low, high) = ((0.0 - g[a]) * inverse[a], (n[a] - g[a]) * inverse[a]);
        if low.min(high) > enter {
            enter = low.min(high);
            face = 2 * a as u32 + u32::from(e[a] <= 0.0);
        }
        leave = leave.min(low.max(high));
    }
    if moving == 0 {
        return answer(0.0, HitState::Invalid, NOWHERE, 7);
    }
    if enter >= leave {
        return answer(0.0, HitState::Left, NOWHERE, 7);
    }
    if enter > t_max {
        return answer(t_max, HitState::None, NOWHERE, 7);
    }
    let mut cell: [i32; 3] =
        std::array::from_fn(|a| (g[a] + e[a] * enter).floor().clamp(0.0, n[a] - 1.0) as i32);
    let (mut direction, mut crossing) = ([0i32; 3], [3.0e38f32; 3]);
    let plane = |cell: i32, up: bool, a: usize| ((cell + i32::from(up)) as f32 - g[a]) * inverse[a];
    for a in 0..3 {
        if face < 6 && face as usize / 2 == a {
            cell[a] = if e[a] > 0.0 { 0 } else { dims[a] as i32 - 1 };
        }
        if inverse[a] != 0.0 {
            direction[a] = if e[a] > 0.0 { 1 } else { -1 };
            crossing[a] = plane(cell[a], e[a] > 0.0, a);
        }
    }
    let mut t = enter;
    for _ in 0..dims.iter().sum::<u32>() + 3 {
        let at = cell[0] as u32 + dims[0] * (cell[1] as u32 + dims[1] * cell[2] as u32);
        let state = voxels[at as usize >> 4] >> (2 * (at & 15)) & 3;
        if state == 2 {
            return answer(t, HitState::Solid, at, face);
        }
        if state == 0 && stop_unknown {
            return answer(t, HitState::Unknown, at, face);
        }
        let mut a = usize::from(crossing[1] < crossing[0]);
        if crossing[2] < crossing[0].min(crossing[1]) {
            a = 2;
        }
        let next = t.max(crossing[a]);
        if next > t_max {
            return answer(t_max, HitState::None, at, 7);
        }
        t = next;
        cell[a] += direction[a];
        if cell[a] < 0 || cell[a] >= dims[a] as i32 {
            return answer(t, HitState::Left, NOWHERE, 7);
        }
        face = 2 * a as u32 + u32::from(direction[a] < 0);
        crossing[a] = plane(cell[a], direction[a] > 0, a);
    }
    answer(t, HitState::Left, NOWHERE, 7)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(2, 0, &raycast(&call.params(), call.read(0), call.read(1)));
}
