//! Bodies dropped onto the world: do they rest?

use super::AgentError;
use super::raycast::Caster;
use crate::gpu::{AnyBuffer, Kernel, groups_1d};

crate::gpu_struct! {
    /// Params of `agent/settle`.
    pub struct SettleParams {
        /// Corner of voxel (0, 0, 0), voxels a unit of length in the last.
        pub origin: [f32; 4],
        /// Voxels along x, y, z.
        pub dims: [u32; 4],
        /// Bodies.
        pub bodies: u32,
        /// Steps.
        pub steps: u32,
        /// Seconds a step.
        pub dt: f32,
        /// Downward acceleration, lengths per second squared.
        pub gravity: f32,
        /// Radius of the foot.
        pub radius: f32,
        /// Height over the foot from which down-rays start.
        pub reach: f32,
        /// Coefficient of friction.
        pub friction: f32,
        /// Fall after which a body is lost.
        pub drop: f32,
    }
}

/// One thread a body.
pub static SETTLE: Kernel = crate::kernel!(
    "agent/settle", shared ["shared/grid"], twin crate::agent::twins::settle::twin,
    workgroup [64, 1, 1], params SettleParams,
    // A foot over the edge of a voxel within rounding may stand on it or not.
    bind [read tags: u32, read masks: u32, read blocks: u32, read regions: u32,
          read bodies: [f32; 4], write rests: [f32; 4] => within(2e-3, 1e-3).but(0.01, 4)]
);

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rest {
    /// Horizontal distance from the start.
    pub drift: f32,
    /// Highest rise of energy over the start, per mass.
    pub energy_rise: f32,
    /// How far the foot went down.
    pub fall: f32,
    /// It fell out of the world.
    pub fell: bool,
    /// It met unknown space, so nothing can be said.
    pub unknown: bool,
}

/// Drops a body at each position; `params` gives all but grid and count.
///
/// # Errors
/// GPU errors.
pub fn settle(
    caster: &Caster,
    params: &SettleParams,
    positions: &[[f32; 4]],
) -> Result<Vec<Rest>, AgentError> {
    let params = SettleParams {
        origin: caster.origin,
        dims: caster.dims,
        bodies: positions.len() as u32,
        ..*params
    };
    let gpu = caster.gpu();
    let bodies = gpu.upload(positions)?;
    let rests = gpu.alloc::<[f32; 4]>(positions.len())?;
    let mut recorder = gpu.recorder();
    let groups = groups_1d(positions.len(), SETTLE.workgroup[0]);
    let [tags, masks, blocks, regions] = caster.bricks();
    let bound: [&dyn AnyBuffer; 6] = [tags, masks, blocks, regions, &bodies, &rests];
    recorder.run(&SETTLE, &params, &bound, groups)?;
    recorder.submit()?;
    Ok(gpu
        .read(&rests)?
        .iter()
        .map(|&[drift, energy_rise, fall, end]| Rest {
            drift,
            energy_rise,
            fall,
            fell: end == 1.0,
            unknown: end >= 2.0,
        })
        .collect())
}
