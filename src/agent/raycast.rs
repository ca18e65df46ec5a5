//! Batched closest-hit rays in a world on the GPU.

use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_1d};
use crate::monitor::Monitor;
use crate::world::World;

use super::AgentError;

/// A voxel index that means none.
pub const NOWHERE: u32 = u32::MAX;
/// Rays in one dispatch: 64 MiB of rays and 32 MiB of hits.
const BATCH: usize = 2 << 20;

crate::gpu_struct! {
    /// Params of `agent/raycast`.
    pub struct RaycastParams {
        /// Corner of voxel (0, 0, 0), voxels a unit of length in the last.
        pub origin: [f32; 4],
        /// Voxels along x, y, z.
        pub dims: [u32; 4],
        /// Rays.
        pub rays: u32,
        /// 1: unknown voxels stop rays; 0: rays pass them as if they were free.
        pub stop_unknown: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

crate::gpu_struct! {
    /// A ray `origin + t * direction`; the direction need not have length 1.
    pub struct Ray {
        /// Origin in the world, and the largest t (infinity is allowed).
        pub origin: [f32; 4],
        /// Direction; the last is not used.
        pub direction: [f32; 4],
    }
}

impl Ray {
    /// From `origin` along `direction` up to `t_max` lengths of it.
    pub fn new(origin: [f64; 3], direction: [f64; 3], t_max: f64) -> Self {
        let [x, y, z] = origin.map(|a| a as f32);
        let [dx, dy, dz] = direction.map(|a| a as f32);
        Self {
            origin: [x, y, z, t_max as f32],
            direction: [dx, dy, dz, 0.0],
        }
    }
}

crate::gpu_struct! {
    /// What a ray met.
    pub struct Hit {
        /// Lengths of the direction; where the ray left, `t_max` when nothing was met, 0 when invalid.
        pub t: f32,
        /// A [`HitState`].
        pub state: u32,
        /// Index of the voxel, [`NOWHERE`] when outside.
        pub voxel: u32,
        /// Face by which the voxel was entered: 0 -x, 1 +x, 2 -y, 3 +y, 4 -z, 5 +z; 6 started inside; 7 none.
        pub face: u32,
    }
}

/// How a ray ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum HitState {
    /// Reached `t_max`.
    None = 0,
    /// Hit a solid voxel.
    Solid = 1,
    /// Left the grid, or never met it.
    Left = 2,
    /// Entered an unknown voxel while those stop rays.
    Unknown = 3,
    /// Not finite, no direction, negative or NaN `t_max`, or coordinates beyond 1e18.
    Invalid = 4,
}

impl Hit {
    /// How the ray ended.
    pub fn end(&self) -> HitState {
        match self.state {
            0 => HitState::None,
            1 => HitState::Solid,
            2 => HitState::Left,
            3 => HitState::Unknown,
            _ => HitState::Invalid,
        }
    }
}

/// One thread a ray.
pub static RAYCAST: Kernel = crate::kernel!(
    "agent/raycast", shared ["shared/grid"], twin crate::agent::twins::raycast::twin,
    workgroup [64, 1, 1], params RaycastParams,
    // A ray through the edge of a voxel within rounding may pass on either side of it.
    bind [read voxels: u32, read rays: Ray, write hits: Hit => within(1e-5, 1e-5).but(0.001, 4)]
);

/// A world on the GPU, ready for rays.
#[derive(Debug)]
pub struct Caster {
    gpu: Gpu,
    /// Packed states.
    pub voxels: Buffer<u32>,
    /// Corner, and voxels a unit of length.
    pub origin: [f32; 4],
    /// Voxels along x, y, z.
    pub dims: [u32; 4],
}

impl Caster {
    /// Uploads a world.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn new(gpu: &Gpu, world: &World) -> Result<Self, GpuError> {
        let [x, y, z] = world.origin;
        let [nx, ny, nz] = world.dims;
        Ok(Self {
            gpu: gpu.clone(),
            voxels: gpu.upload(&world.packed())?,
            origin: [x, y, z, 1.0 / world.voxel],
            dims: [nx, ny, nz, 0],
        })
    }

    /// The GPU behind it.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Closest hit of each ray, in order. `stop_unknown`: unknown voxels stop rays; otherwise rays pass them.
    ///
    /// # Errors
    /// GPU errors, [`AgentError::Interrupted`].
    pub fn cast(
        &self,
        rays: &[Ray],
        stop_unknown: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Hit>, AgentError> {
        let mut hits = Vec::with_capacity(rays.len());
        for batch in rays.chunks(BATCH.min(self.gpu.caps().most::<Ray>())) {
            if monitor.stopped() {
                return Err(AgentError::Interrupted);
            }
            let params = RaycastParams {
                origin: self.origin,
                dims: self.dims,
                rays: batch.len() as u32,
                stop_unknown: u32::from(stop_unknown),
                pad: [0; 2],
            };
            let uploaded = self.gpu.upload(batch)?;
            let found = self.gpu.alloc::<Hit>(batch.len())?;
            let mut recorder = self.gpu.recorder();
            let groups = groups_1d(batch.len(), RAYCAST.workgroup[0]);
            recorder.run(
                &RAYCAST,
                &params,
                &[&self.voxels, &uploaded, &found],
                groups,
            )?;
            recorder.submit()?;
            hits.extend(self.gpu.read(&found)?);
        }
        Ok(hits)
    }
}
