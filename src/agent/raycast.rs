//! Batched rays in a world: closest hits, and whether there is any, on the GPU or on the host's cores.

use crate::gpu::{AnyBuffer, Buffer, Gpu, GpuError, GpuType, Kernel, groups_1d};
use crate::monitor::Monitor;
use crate::world::World;
pub use crate::world::rays::{Hit, HitState, NOWHERE, Ray};

use super::AgentError;

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

/// Closest hits, one thread a ray.
pub static RAYCAST: Kernel = crate::kernel!(
    "agent/raycast", shared ["shared/grid"], twin crate::agent::twins::raycast::twin,
    workgroup [64, 1, 1], params RaycastParams,
    // A ray through the edge of a voxel within rounding may pass on either side of it.
    bind [read tags: u32, read masks: u32, read blocks: u32, read regions: u32,
          read rays: Ray, write hits: Hit => within(1e-5, 1e-5).but(0.001, 4)]
);

/// Whether anything stops each ray, one thread a ray.
pub static BLOCKED: Kernel = crate::kernel!(
    "agent/blocked", shared ["shared/grid"], twin crate::agent::twins::blocked::twin,
    workgroup [64, 1, 1], params RaycastParams,
    bind [read tags: u32, read masks: u32, read blocks: u32, read regions: u32,
          read rays: Ray, write flags: u32 => EXACT.but(0.001, 1)]
);

/// Where rays are cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// By a kernel.
    Kernel,
    /// On the host's cores.
    Host,
}

/// A world on the GPU, ready for rays.
#[derive(Debug)]
pub struct Caster {
    gpu: Gpu,
    world: World,
    path: Path,
    bricks: [Buffer<u32>; 4],
    /// Corner, and voxels a unit of length.
    pub origin: [f32; 4],
    /// Voxels along x, y, z.
    pub dims: [u32; 4],
}

impl Caster {
    /// Uploads a world. Rays are cast by the quicker path: on the host where the GPU is the host's cores too.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn new(gpu: &Gpu, world: &World) -> Result<Self, GpuError> {
        // Whoever watches the kernels wants to see them.
        let path = match gpu.caps().software && !gpu.is_shadowed() {
            true => Path::Host,
            false => Path::Kernel,
        };
        Self::on(gpu, world, path)
    }

    /// Uploads a world, for rays that are cast by `path`.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn on(gpu: &Gpu, world: &World, path: Path) -> Result<Self, GpuError> {
        let [x, y, z] = world.origin;
        let [nx, ny, nz] = world.bricks().dims();
        let [masks, blocks, regions] = world.bricks().levels();
        let up = |words: &[[u32; 4]]| gpu.upload::<u32>(words.as_flattened());
        Ok(Self {
            gpu: gpu.clone(),
            world: world.clone(),
            path,
            bricks: [
                gpu.upload(world.bricks().tags())?,
                up(masks)?,
                up(blocks)?,
                up(regions)?,
            ],
            origin: [x, y, z, 1.0 / world.voxel],
            dims: [nx, ny, nz, 0],
        })
    }

    /// Where rays are cast.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The GPU behind it.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Tags, masks, blocks and regions of the bricks, as kernels read them.
    pub fn bricks(&self) -> [&dyn AnyBuffer; 4] {
        self.bricks.each_ref().map(|b| b as &dyn AnyBuffer)
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
        self.batches(rays, monitor, |batch| match self.path {
            Path::Host => Ok(self.world.cast(batch, stop_unknown)),
            Path::Kernel => {
                let (_, hits) = self.dispatch::<Hit>(&RAYCAST, batch, stop_unknown)?;
                Ok(self.gpu.read(&hits)?)
            }
        })
    }

    /// Whether anything stops each ray, in order.
    ///
    /// # Errors
    /// GPU errors, [`AgentError::Interrupted`].
    pub fn blocked(
        &self,
        rays: &[Ray],
        stop_unknown: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<bool>, AgentError> {
        self.batches(rays, monitor, |batch| match self.path {
            Path::Host => Ok(self.world.blocked(batch, stop_unknown)),
            Path::Kernel => {
                let (_, flags) = self.dispatch::<u32>(&BLOCKED, batch, stop_unknown)?;
                Ok(self.gpu.read(&flags)?.iter().map(|&f| f != 0).collect())
            }
        })
    }

    /// Casts rays batch by batch.
    pub(super) fn batches<T>(
        &self,
        rays: &[Ray],
        monitor: &dyn Monitor,
        mut cast: impl FnMut(&[Ray]) -> Result<Vec<T>, AgentError>,
    ) -> Result<Vec<T>, AgentError> {
        let mut found = Vec::with_capacity(rays.len());
        for batch in rays.chunks(BATCH.min(self.gpu.caps().most::<Ray>())) {
            if monitor.stopped() {
                return Err(AgentError::Interrupted);
            }
            found.extend(cast(batch)?);
        }
        Ok(found)
    }

    /// Runs a kernel of rays, and gives the rays and what it wrote.
    pub(super) fn dispatch<T: GpuType>(
        &self,
        kernel: &'static Kernel,
        rays: &[Ray],
        stop_unknown: bool,
    ) -> Result<(Buffer<Ray>, Buffer<T>), GpuError> {
        let params = RaycastParams {
            origin: self.origin,
            dims: self.dims,
            rays: rays.len() as u32,
            stop_unknown: u32::from(stop_unknown),
            pad: [0; 2],
        };
        let uploaded = self.gpu.upload(rays)?;
        let found = self.gpu.alloc::<T>(rays.len())?;
        let [tags, masks, blocks, regions] = self.bricks();
        let mut recorder = self.gpu.recorder();
        let groups = groups_1d(rays.len(), kernel.workgroup[0]);
        let bound: [&dyn AnyBuffer; 6] = [tags, masks, blocks, regions, &uploaded, &found];
        recorder.run(kernel, &params, &bound, groups)?;
        recorder.submit()?;
        Ok((uploaded, found))
    }
}
