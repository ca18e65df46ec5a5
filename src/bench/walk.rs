//! Agents that walk through a world of voxels.

use super::{Ground, Size, Stage, Work};
use crate::agent::raycast::Caster;
use crate::agent::terrain::{Fields, NO_WAY, Terrain};
use crate::agent::traverse::Nav;
use crate::agent::walk::{End, Trip, stride, walk};
use crate::agent::{AgentOptions, Body};
use crate::camera::{Cameras, LengthUnit};
use crate::numeric::Rng;

const SEED: u64 = 12;
const GOALS: usize = 16;

const fn size(name: &'static str, count: usize) -> Size {
    Size::new(name, count, [0; 2], count as f64)
}

/// As agents walk them: from anywhere to sixteen goals, their fields uploaded, sums read back.
pub static STAGE: Stage = Stage {
    name: "walk",
    unit: "agent steps",
    about: "agents that walk to 16 goals in a room of 256x96x256 voxels, a swept capsule and the floor a step",
    sizes: &[
        size("10^3 agents", 1000),
        size("10^4 agents", 10_000),
        size("10^5 agents", 100_000),
    ],
    prepare,
};

fn body(world: &crate::world::World) -> anyhow::Result<Body> {
    let nobody = Cameras::known(Vec::new(), LengthUnit::Metres);
    Ok(AgentOptions::default().body(world, &nobody, &mut Vec::new())?)
}

/// Columns from each column to a goal.
fn columns(terrain: &Terrain, goal: usize, body: &Body, voxel: f32) -> Vec<u32> {
    let all = [&terrain.heights[..], &terrain.costs[goal]].concat();
    let fields = Fields {
        size: terrain.size,
        all: &all,
        climb: body.climb as f32,
        voxel,
    };
    let cost = |i: usize| terrain.costs[goal][i];
    let mut order: Vec<usize> = (0..terrain.heights.len())
        .filter(|&i| cost(i) < NO_WAY)
        .collect();
    order.sort_by(|&a, &b| cost(a).total_cmp(&cost(b)));
    let mut columns = vec![0; terrain.heights.len()];
    for i in order {
        columns[i] = fields.downhill(0, i).map_or(0, |next| columns[next] + 1);
    }
    columns
}

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let world = super::rays::room();
    let body = body(&world)?;
    let nav = Nav::new(&world, &body);
    let standable: Vec<usize> = (0..nav.kind.len())
        .filter(|&i| nav.standable(i, &body))
        .collect();
    anyhow::ensure!(!standable.is_empty(), "the room has no floor");
    let mut rng = Rng::new(SEED);
    let mut any = || standable[(rng.unit() * standable.len() as f64) as usize];
    let goals: Vec<usize> = (0..GOALS).map(|_| any()).collect();
    let terrain = Terrain::new(&nav, &body, &goals);
    let columns: Vec<Vec<u32>> = (0..GOALS)
        .map(|g| columns(&terrain, g, &body, world.voxel))
        .collect();
    let stride = stride(&body, f64::from(world.voxel));
    let (mut trips, mut steps) = (Vec::new(), 0);
    while trips.len() < size.count {
        let (goal, from) = (trips.len() % GOALS, any());
        let shortest = terrain.costs[goal][from];
        if shortest < NO_WAY && shortest > 0.0 {
            let place = nav.place(&world, from);
            trips.push(Trip {
                from: place.map(|a| a as f32),
                goal,
                shortest,
            });
            steps += u64::from(columns[goal][from].div_ceil(stride));
        }
    }
    let caster = Caster::new(&ground.gpu()?, &world)?;
    Ok(Work::new(steps as f64, move |monitor| {
        let walked = walk(&caster, &terrain, &body, &trips, false, monitor)?;
        anyhow::ensure!(
            walked.ended(End::Arrived) == trips.len() as u64,
            "agents were lost"
        );
        anyhow::ensure!(walked.steps == steps, "agents went other ways");
        Ok(())
    }))
}
