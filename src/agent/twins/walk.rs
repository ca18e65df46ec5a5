//! Twin of `kernels/agent/walk.wgsl`.

use rayon::prelude::*;

use super::raycast::grid;
use crate::agent::raycast::{HitState, NOWHERE, Ray};
use crate::agent::terrain::{Fields, NO_FLOOR};
use crate::agent::walk::{End, PATIENCE, STEPS, WalkParams, Walker};
use crate::gpu::Call;
use crate::world::sweep::Sweep;
use crate::world::walk::{Grid, sane};

/// Column of a place.
fn column(p: &WalkParams, x: f32, z: f32) -> Option<usize> {
    let cx = ((x - p.origin[0]) * p.origin[3]).floor();
    let cz = ((z - p.origin[2]) * p.origin[3]).floor();
    let inside = cx >= 0.0 && cz >= 0.0 && cx < p.dims[0] as f32 && cz < p.dims[2] as f32;
    inside.then(|| cx as usize + p.dims[0] as usize * cz as usize)
}

/// The body's way over what it can climb: an end where it is stopped for good, an error where it cannot even begin.
fn go(
    p: &WalkParams,
    grid: &Grid<'_>,
    w: &mut Walker,
    [foot, head]: [f32; 2],
    mut motion: [f32; 2],
) -> Result<End, End> {
    let stop = p.stop_unknown != 0;
    for k in u32::from(w.steps != 0)..4 {
        let [dx, dz] = if k == 0 { [0.0; 2] } else { motion };
        let length = (dx * dx + dz * dz).sqrt();
        if k > 0 && length < 1e-3 * p.voxel {
            break;
        }
        let met = grid.sweep(
            &Sweep {
                middle: [w.place[0], 0.5 * (foot + head), w.place[2]],
                height: head - foot,
                // A squat body is no wider there than it is high, or it would reach into its floor.
                radius: p.radius.min(0.5 * (head - foot)),
                motion: [dx, 0.0, dz],
            },
            stop,
        );
        if k == 0 {
            match met.state {
                HitState::Unknown => return Err(End::Unseen),
                _ if met.voxel != NOWHERE => return Err(End::Inside),
                _ => continue,
            }
        }
        w.place[0] += dx * met.t;
        w.place[2] += dz * met.t;
        w.place[3] += length * met.t;
        if met.voxel == NOWHERE {
            break;
        }
        if met.state == HitState::Unknown {
            return Ok(End::Unseen);
        }
        w.counts[0] += 1;
        let [nx, _, nz] = met.normal;
        let away = (nx * nx + nz * nz).sqrt();
        if away < 1e-3 {
            break;
        }
        let n = [nx / away, nz / away];
        w.place[0] += 0.01 * p.voxel * n[0];
        w.place[2] += 0.01 * p.voxel * n[1];
        let rest = [dx * (1.0 - met.t), dz * (1.0 - met.t)];
        let into = (rest[0] * n[0] + rest[1] * n[1]).min(0.0);
        motion = [rest[0] - n[0] * into, rest[1] - n[1] * into];
    }
    Ok(End::Walking)
}

/// Height of the floor under a place, looked for from `start` to a step under `bottom`; or where it falls to, and how that ends.
fn land(
    p: &WalkParams,
    grid: &Grid<'_>,
    [x, y, z, _]: [f32; 4],
    [start, bottom]: [f32; 2],
) -> (f32, End) {
    let deep = start - bottom + p.climb + 0.5 * p.voxel;
    let cast = |dx: f32, dz: f32, most: f32, stop: bool| {
        let ray = Ray {
            origin: [x + dx, start, z + dz, most],
            direction: [0.0, -1.0, 0.0, 0.0],
        };
        grid.cast(&ray, stop)
    };
    let r = p.rim;
    let mut floor = NO_FLOOR;
    for (k, [dx, dz]) in [[0.0, 0.0], [-r, 0.0], [r, 0.0], [0.0, -r], [0.0, r]]
        .into_iter()
        .enumerate()
    {
        if k == 1 && floor > NO_FLOOR {
            break;
        }
        let hit = cast(dx, dz, deep, false);
        if hit.end() == HitState::Solid && hit.face == 3 {
            floor = floor.max(start - hit.t);
        }
    }
    if floor > NO_FLOOR {
        return (floor, End::Walking);
    }
    let hit = cast(0.0, 0.0, 1e18, true);
    match hit.end() {
        HitState::Unknown => (start - hit.t, End::Unseen),
        HitState::Solid if hit.face == 6 => (y, End::Stuck),
        HitState::Solid => (start - hit.t, End::Fell),
        _ => (p.origin[1], End::Fell),
    }
}

/// One step.
fn step(p: &WalkParams, grid: &Grid<'_>, fields: &Fields<'_>, w: &mut Walker) -> End {
    let [x, y, z, _] = w.place;
    if ![x, y, z].into_iter().all(sane) {
        return End::Astray;
    }
    let Some(here) = column(p, x, z) else {
        return End::Outside;
    };
    let goal = w.goal as usize;
    let there = fields.cost(goal, here) == 0.0;
    let (mut at, mut top, mut bottom) = (here, y, y);
    for _ in 0..p.stride {
        if fields.cost(goal, at) == 0.0 {
            break;
        }
        let Some(next) = fields.downhill(goal, at) else {
            break;
        };
        at = next;
        (top, bottom) = (top.max(fields.height(at)), bottom.min(fields.height(at)));
    }
    let mut motion = [0.0; 2];
    if at != here {
        let middle = |i: usize, a: usize| (i as f32 + 0.5) * p.voxel + p.origin[a];
        let nx = p.dims[0] as usize;
        motion = [middle(at % nx, 0) - x, middle(at / nx, 2) - z];
    }
    let foot = top + p.climb + 0.5 * p.voxel;
    let head = (bottom + p.height).max(foot + 0.5 * p.voxel);
    let mut end = match go(p, grid, w, [foot, head], motion) {
        Ok(end) => end,
        Err(end) => return end,
    };
    let (floor, landed) = land(p, grid, w.place, [foot, bottom]);
    if landed == End::Walking || end == End::Walking {
        w.place[1] = floor;
    }
    if end == End::Walking {
        end = landed;
    }
    w.steps += 1;
    if end != End::Walking {
        return end;
    }
    let Some(now) = column(p, w.place[0], w.place[2]) else {
        return End::Outside;
    };
    let cost = fields.cost(goal, now);
    if there || cost == 0.0 {
        return End::Arrived;
    }
    if cost < w.reach[1] {
        (w.reach[1], w.counts[1]) = (cost, 0);
    } else {
        w.counts[1] += 1;
    }
    match () {
        () if at == here || w.counts[1] >= PATIENCE => End::Stuck,
        () if w.steps >= p.limit => End::Tired,
        () => End::Walking,
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: WalkParams = call.params();
    let grid = grid(call, p.origin, p.dims);
    let fields = Fields {
        size: [p.dims[0] as usize, p.dims[2] as usize],
        all: call.read(4),
        climb: p.climb,
        voxel: p.voxel,
    };
    let count = call.read::<u32>(5)[0] as usize;
    let list = &call.read::<u32>(6)[..count];
    let walkers = call.write::<Walker>(7);
    let ended: Vec<Walker> = list
        .par_iter()
        .map(|&i| {
            let mut w = walkers[i as usize];
            for _ in 0..STEPS {
                if w.state != End::Walking as u32 {
                    break;
                }
                w.state = step(&p, &grid, &fields, &mut w) as u32;
            }
            w
        })
        .collect();
    for (&i, w) in list.iter().zip(ended) {
        walkers[i as usize] = w;
    }
}
