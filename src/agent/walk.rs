//! Agents that walk by the thousand, in lockstep on the GPU: each a capsule that goes down the costs to its goal.
//!
//! A step goes straight to the column that lies [`stride`] columns on. The body over what it can climb is swept against the
//! voxels and slides along what it meets; then the floor is looked for under its middle, else under its rim, and without one
//! it falls. Agents stay on the GPU, those that have ended are left out of the next dispatch, and only sums come back.

use super::AgentError;
use super::met::MetParams;
use super::options::Body;
use super::raycast::Caster;
use super::terrain::Terrain;
use crate::gpu::compact::Compact;
use crate::gpu::histogram::Histogram;
use crate::gpu::indirect::record_args;
use crate::gpu::reduce::{Op, Reduce};
use crate::gpu::{AnyBuffer, Buffer, Gpu, GpuError, Kernel, groups_1d};
use crate::monitor::Monitor;

/// Steps of one dispatch; `kernels/agent/walk.wgsl` has the same.
pub const STEPS: u32 = 16;
/// Columns of one step at most, as there.
pub const MOST_STRIDE: u32 = 64;
/// Steps in a row that bring an agent no nearer to its goal, after which it is stuck; as there.
pub const PATIENCE: u32 = 8;
/// Dispatches between two looks at the monitor.
const ROUNDS: u32 = 8;
/// Agents of one batch at most.
const BATCH: usize = 1 << 20;

crate::gpu_struct! {
    /// Params of `agent/walk`.
    pub struct WalkParams {
        /// Corner of voxel (0, 0, 0), voxels a unit of length in the last.
        pub origin: [f32; 4],
        /// Voxels along x, y, z; columns are those along x and z.
        pub dims: [u32; 4],
        /// Radius of the body, less what rounding to voxels takes; it is swept no wider than it is high over what it climbs.
        pub radius: f32,
        /// Height of the body, less what rounding takes.
        pub height: f32,
        /// Highest step.
        pub climb: f32,
        /// Edge of a voxel.
        pub voxel: f32,
        /// Radius of the foot.
        pub rim: f32,
        /// Columns of a step.
        pub stride: u32,
        /// Most steps of an agent.
        pub limit: u32,
        /// 1: unknown voxels stop bodies; 0: bodies pass them.
        pub stop_unknown: u32,
        /// Diagonal of a voxel's face.
        pub diagonal: f32,
        /// Nothing.
        pub pad0: u32,
        /// Nothing.
        pub pad1: u32,
        /// Nothing.
        pub pad2: u32,
    }
}

crate::gpu_struct! {
    /// An agent on its way.
    pub struct Walker {
        /// Place of its feet, and how far it went along x and z.
        pub place: [f32; 4],
        /// The shortest way there is, and the least cost that it came to.
        pub reach: [f32; 2],
        /// How often it ran into something, and steps in a row that brought it no nearer.
        pub counts: [u32; 2],
        /// Its goal, of the terrain's.
        pub goal: u32,
        /// An [`End`].
        pub state: u32,
        /// Steps.
        pub steps: u32,
        /// Unused.
        pub pad: u32,
    }
}

/// Some steps of agents, one thread an agent.
pub static WALK: Kernel = crate::kernel!(
    "agent/walk", shared ["shared/grid", "shared/capsule"], twin crate::agent::twins::walk::twin,
    workgroup [64, 1, 1], params WalkParams,
    // A body that passes a voxel within rounding may touch it or not, and goes on elsewhere then.
    bind [read tags: u32, read masks: u32, read blocks: u32, read regions: u32,
          read fields: f32, read count: u32, read list: u32,
          write walkers: Walker => within(2e-3, 1e-3).but(0.02, 12)]
);

/// What is counted of agents, one thread an agent.
pub static TALLY: Kernel = crate::kernel!(
    "agent/tally", shared [], twin crate::agent::twins::tally::twin,
    workgroup [64, 1, 1], params MetParams,
    bind [read walkers: Walker, write walking: u32, write ends: u32, write steps: u32,
          write lengths: f32, write shares: f32 => within(1e-6, 1e-5)]
);

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum End {
    /// Not yet.
    Walking = 0,
    /// At its goal.
    Arrived = 1,
    /// No step brings it nearer.
    Stuck = 2,
    /// There was no floor; its place is where it landed, or under the world's lowest voxels.
    Fell = 3,
    /// Out of the world.
    Outside = 4,
    /// In what was never seen.
    Unseen = 5,
    /// It began in something solid.
    Inside = 6,
    /// It began at a place that is no number, or too far away to be one.
    Astray = 7,
    /// After its last step.
    Tired = 8,
}

impl End {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Walking,
        Self::Arrived,
        Self::Stuck,
        Self::Fell,
        Self::Outside,
        Self::Unseen,
        Self::Inside,
        Self::Astray,
        Self::Tired,
    ];
}

impl Walker {
    /// How its walk ended.
    pub fn end(&self) -> End {
        let found = End::ALL.into_iter().find(|&e| e as u32 == self.state);
        found.unwrap_or(End::Astray)
    }
}

/// Where an agent begins, and where it is to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// Place of its feet.
    pub from: [f32; 3],
    /// Its goal, of the terrain's.
    pub goal: usize,
    /// Length of the shortest way there could be.
    pub shortest: f32,
}

/// What came of walks.
#[derive(Debug)]
pub struct Walked {
    /// Agents by how they ended ([`End`] as a number), those that ran into nothing and those that did.
    counts: [[u64; 2]; 9],
    /// Steps of all agents.
    pub steps: u64,
    /// How far they went, all together.
    pub length: f64,
    /// Sum of the shortest way's share in the way that was gone, over those that arrived and ran into nothing.
    pub shares: f64,
    /// Trips that were asked for.
    trips: usize,
    /// Places of agents among the trips, and the agents.
    batches: Vec<(Vec<usize>, Buffer<Walker>)>,
}

impl Walked {
    /// Agents that ended so.
    pub fn ended(&self, end: End) -> u64 {
        self.counts[end as usize].iter().sum()
    }

    /// Agents that ended so and ran into nothing on their way.
    pub fn clean(&self, end: End) -> u64 {
        self.counts[end as usize][0]
    }

    /// Agents that ran into something.
    pub fn touched(&self) -> u64 {
        self.counts.iter().map(|c| c[1]).sum()
    }

    /// Each agent as it ended, in the order of the trips; one whose goal is none of the terrain's never walked and is
    /// [`End::Astray`]. It is read back now.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn walkers(&self, gpu: &Gpu) -> Result<Vec<Walker>, GpuError> {
        let astray = Walker {
            state: End::Astray as u32,
            ..Walker::default()
        };
        let mut all = vec![astray; self.trips];
        for (places, walkers) in &self.batches {
            for (&i, walker) in places.iter().zip(gpu.read(walkers)?) {
                all[i] = walker;
            }
        }
        Ok(all)
    }
}

/// Columns of a step: half a radius. Its straight line leaves the middles of the columns on the way by up to .45 of a voxel
/// at two columns, .63 at three.
pub fn stride(body: &Body, voxel: f64) -> u32 {
    ((0.5 * body.radius / voxel) as u32).clamp(1, MOST_STRIDE)
}

/// Params for a body; `limit` is the most steps of an agent.
pub fn params(caster: &Caster, body: &Body, limit: u32, stop_unknown: bool) -> WalkParams {
    let voxel = f64::from(caster.world().voxel);
    WalkParams {
        origin: caster.origin,
        dims: caster.dims,
        // Distances to blocked columns are those of middles, less half a voxel; supports leave room in whole voxels.
        radius: (body.radius - 0.5 * voxel).max(0.25 * voxel) as f32,
        height: (body.height - voxel) as f32,
        climb: body.climb as f32,
        voxel: voxel as f32,
        rim: (0.9 * body.radius) as f32,
        stride: stride(body, voxel),
        limit,
        stop_unknown: u32::from(stop_unknown),
        diagonal: voxel as f32 * std::f32::consts::SQRT_2,
        pad0: 0,
        pad1: 0,
        pad2: 0,
    }
}

/// Lets agents walk until each has ended. `stop_unknown`: unknown voxels stop bodies; otherwise bodies pass them. Two runs
/// give the same bits.
///
/// # Errors
/// GPU errors, [`AgentError::Interrupted`].
pub fn walk(
    caster: &Caster,
    terrain: &Terrain,
    body: &Body,
    trips: &[Trip],
    stop_unknown: bool,
    monitor: &dyn Monitor,
) -> Result<Walked, AgentError> {
    let caps = caster.gpu().caps();
    let mut walked = Walked {
        counts: [[0; 2]; 9],
        steps: 0,
        length: 0.0,
        shares: 0.0,
        trips: trips.len(),
        batches: Vec::new(),
    };
    // As many goals at a time as one binding holds, with the heights before them.
    let columns = terrain.heights.len().max(1);
    let goals = (caps.most::<f32>() / columns).saturating_sub(1).max(1);
    for first in (0..terrain.costs.len()).step_by(goals) {
        let costs = &terrain.costs[first..terrain.costs.len().min(first + goals)];
        let mine = |i: &usize| (first..first + costs.len()).contains(&trips[*i].goal);
        let places: Vec<usize> = (0..trips.len()).filter(mine).collect();
        if places.is_empty() {
            continue;
        }
        let mut fields = terrain.heights.clone();
        fields.extend(costs.iter().flatten());
        let fields = caster.gpu().upload(&fields)?;
        let limit = limit(caster, terrain, body, trips, &places);
        // So that no sum of a batch's steps passes 32 bits.
        let most = BATCH.min((u32::MAX / limit) as usize);
        for places in places.chunks(caps.most::<Walker>().min(most)) {
            let walkers: Vec<Walker> = places
                .iter()
                .map(|&i| begin(&trips[i], trips[i].goal - first))
                .collect();
            let params = params(caster, body, limit, stop_unknown);
            let buffer = batch(caster, &params, &fields, &walkers, &mut walked, monitor)?;
            walked.batches.push((places.to_vec(), buffer));
        }
    }
    Ok(walked)
}

fn begin(trip: &Trip, goal: usize) -> Walker {
    let [x, y, z] = trip.from;
    Walker {
        place: [x, y, z, 0.0],
        reach: [trip.shortest, f32::INFINITY],
        goal: goal as u32,
        ..Walker::default()
    }
}

/// Twice the steps of the longest way, and some more.
fn limit(caster: &Caster, terrain: &Terrain, body: &Body, trips: &[Trip], places: &[usize]) -> u32 {
    let world = caster.world();
    let longest = places.iter().filter_map(|&i| {
        let [x, _, z] = trips[i].from.map(f64::from);
        let [cx, _, cz] = world.voxel_of([x, 0.0, z]);
        let size = terrain.size.map(|n| n as i64);
        let inside = (0..size[0]).contains(&cx) && (0..size[1]).contains(&cz);
        let at = inside.then(|| (cx + size[0] * cz) as usize)?;
        let cost = terrain.costs[trips[i].goal][at];
        (cost < super::terrain::NO_WAY).then_some(cost)
    });
    let longest = f64::from(longest.fold(0.0f32, f32::max));
    let voxel = f64::from(world.voxel);
    let steps = longest / (f64::from(stride(body, voxel)) * voxel);
    64 + 2 * steps.ceil().min(1e6) as u32
}

fn batch(
    caster: &Caster,
    params: &WalkParams,
    fields: &Buffer<f32>,
    walkers: &[Walker],
    walked: &mut Walked,
    monitor: &dyn Monitor,
) -> Result<Buffer<Walker>, AgentError> {
    let (gpu, n) = (caster.gpu(), walkers.len());
    let walkers = gpu.upload(walkers)?;
    let all: Vec<u32> = (0..n as u32).collect();
    let (list, count) = (gpu.upload(&all)?, gpu.upload(&[n as u32])?);
    let args = gpu.alloc::<[u32; 4]>(1)?;
    let [walking, ends, steps] = [(); 3].map(|()| gpu.alloc::<u32>(n));
    let (walking, ends, steps) = (walking?, ends?, steps?);
    let (lengths, shares) = (gpu.alloc::<f32>(n)?, gpu.alloc::<f32>(n)?);
    let compact = Compact::new(gpu, n)?;
    let [tags, masks, blocks, regions] = caster.bricks();
    let bound: [&dyn AnyBuffer; 8] = [
        tags, masks, blocks, regions, fields, &count, &list, &walkers,
    ];
    let counted: [&dyn AnyBuffer; 6] = [&walkers, &walking, &ends, &steps, &lengths, &shares];
    let tally = MetParams {
        n: n as u32,
        ..MetParams::default()
    };
    let groups = groups_1d(n, TALLY.workgroup[0]);
    let mut recorder = gpu.recorder();
    for round in 0..params.limit.div_ceil(STEPS) {
        if round % ROUNDS == 0 {
            recorder.submit()?;
            if monitor.stopped() {
                return Err(AgentError::Interrupted);
            }
        }
        record_args(&mut recorder, (&count, 0), n, WALK.workgroup[0], &args)?;
        recorder.run_indirect(&WALK, params, &bound, &args, 0)?;
        recorder.run(&TALLY, &tally, &counted, groups)?;
        compact.record(&mut recorder, &walking, None, n, &list, (&count, 0))?;
    }
    // Sums: agents by how they ended, steps, lengths, shares.
    let bins = gpu.alloc::<u32>(32)?;
    Histogram::new(gpu)?.record(&mut recorder, &ends, n, 0, 5, &bins)?;
    let (whole, sums) = (gpu.upload(&[0, n as u32])?, gpu.alloc::<u32>(1)?);
    let [length, share] = [gpu.alloc::<f32>(1)?, gpu.alloc::<f32>(1)?];
    let reduce = Reduce::new(gpu, n)?;
    reduce.record(&mut recorder, Op::SumU32, &steps, n, &whole, 1, &sums)?;
    reduce.record(&mut recorder, Op::SumF32, &lengths, n, &whole, 1, &length)?;
    reduce.record(&mut recorder, Op::SumF32, &shares, n, &whole, 1, &share)?;
    recorder.submit()?;
    let bins = gpu.read(&bins)?;
    for (end, counts) in walked.counts.iter_mut().enumerate() {
        counts[0] += u64::from(bins[end]);
        counts[1] += u64::from(bins[end + 16]);
    }
    let one = |b: &Buffer<f32>| {
        gpu.read(b)
            .map(|v| v.first().map_or(0.0, |&x| f64::from(x)))
    };
    walked.steps += gpu.read(&sums)?.first().map_or(0, |&x| u64::from(x));
    walked.length += one(&length)?;
    walked.shares += one(&share)?;
    Ok(walkers)
}
