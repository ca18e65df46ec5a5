//! Twin of `kernels/agent/settle.wgsl`.

use super::raycast::grid;
use crate::agent::raycast::{HitState, Ray};
use crate::agent::settle::SettleParams;
use crate::gpu::Call;
use crate::world::walk::{Grid, sane};

const NOTHING: f32 = -3.0e38;

/// Drift, rise of energy, fall and end of each body.
pub fn settle(p: &SettleParams, grid: &Grid<'_>, bodies: &[[f32; 4]]) -> Vec<[f32; 4]> {
    bodies[..p.bodies as usize]
        .iter()
        .map(|&[x, y, z, _]| rest(p, grid, [x, y, z]))
        .collect()
}

fn rest(p: &SettleParams, grid: &Grid<'_>, start: [f32; 3]) -> [f32; 4] {
    if !start.iter().all(|&x| sane(x)) {
        return [0.0, 0.0, 0.0, 3.0];
    }
    let r = p.radius;
    let (mut at, mut velocity) = (start, [0.0f32; 3]);
    let (mut rise, mut end) = (0.0f32, 0.0);
    for _ in 0..p.steps {
        velocity[1] -= p.gravity * p.dt;
        for a in 0..3 {
            at[a] += velocity[a] * p.dt;
        }
        let (mut heights, mut unknown) = ([NOTHING; 5], false);
        for (k, [dx, dz]) in [[0.0, 0.0], [-r, 0.0], [r, 0.0], [0.0, -r], [0.0, r]]
            .into_iter()
            .enumerate()
        {
            let o = [at[0] + dx, at[1] + p.reach, at[2] + dz];
            let ray = Ray {
                origin: [o[0], o[1], o[2], p.reach + p.drop + 4.0 * r],
                direction: [0.0, -1.0, 0.0, 0.0],
            };
            let hit = grid.cast(&ray, true);
            if hit.state == HitState::Solid as u32 {
                heights[k] = o[1] - hit.t;
            }
            unknown |= hit.state == HitState::Unknown as u32;
        }
        let contact = heights.iter().fold(NOTHING, |a, &b| a.max(b));
        if contact > -1.0e38 && at[1] <= contact {
            at[1] = contact;
            velocity[1] = 0.0;
            let slope = |a: f32, b: f32| {
                if a > -1.0e38 && b > -1.0e38 {
                    (b - a) / (2.0 * r)
                } else {
                    0.0
                }
            };
            let (sx, sz) = (slope(heights[1], heights[2]), slope(heights[3], heights[4]));
            let steep = (sx * sx + sz * sz).sqrt();
            if steep > p.friction {
                let pull = p.gravity * (steep - p.friction) / (1.0 + steep * steep) * p.dt / steep;
                velocity[0] -= sx * pull;
                velocity[2] -= sz * pull;
            } else {
                velocity[0] = 0.0;
                velocity[2] = 0.0;
            }
        } else if contact <= -1.0e38 && unknown {
            end = 2.0;
            break;
        }
        let speed =
            velocity[0] * velocity[0] + velocity[1] * velocity[1] + velocity[2] * velocity[2];
        rise = rise.max(0.5 * speed + p.gravity * (at[1] - start[1]));
        if start[1] - at[1] > p.drop {
            end = 1.0;
            break;
        }
    }
    let (dx, dz) = (at[0] - start[0], at[2] - start[2]);
    [(dx * dx + dz * dz).sqrt(), rise, start[1] - at[1], end]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SettleParams = call.params();
    let grid = grid(call, p.origin, p.dims);
    let rests = settle(&p, &grid, call.read(4));
    call.put(5, 0, &rests);
}
