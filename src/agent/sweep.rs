//! Batches of moving capsules in a world, on the GPU or on the host's cores.

use super::AgentError;
use super::raycast::{Caster, Path};
use crate::gpu::{AnyBuffer, Kernel, groups_1d};
use crate::monitor::Monitor;
use crate::world::rays::HitState;
use crate::world::sweep::{Contact, Sweep};

crate::gpu_struct! {
    /// Params of `agent/sweep`.
    pub struct SweepParams {
        /// Corner of voxel (0, 0, 0), voxels a unit of length in the last.
        pub origin: [f32; 4],
        /// Voxels along x, y, z.
        pub dims: [u32; 4],
        /// Capsules.
        pub capsules: u32,
        /// 1: unknown voxels stop capsules; 0: capsules pass them as if they were free.
        pub stop_unknown: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

crate::gpu_struct! {
    /// A [`Sweep`] as kernels read it.
    pub struct Capsule {
        /// Its middle, and its height.
        pub middle: [f32; 4],
        /// Its motion, and its radius.
        pub motion: [f32; 4],
    }
}

crate::gpu_struct! {
    /// A [`Contact`] as kernels write it.
    pub struct Met {
        /// From the voxel to the capsule, and the share of the motion before.
        pub normal: [f32; 4],
        /// A [`HitState`].
        pub state: u32,
        /// Index of the voxel, [`super::raycast::NOWHERE`] where nothing is met.
        pub voxel: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

/// First contacts, one thread a capsule.
pub static SWEEP: Kernel = crate::kernel!(
    "agent/sweep", shared ["shared/grid", "shared/capsule"], twin crate::agent::twins::sweep::twin,
    workgroup [64, 1, 1], params SweepParams,
    // A capsule that passes a voxel within rounding may touch it or not.
    bind [read tags: u32, read masks: u32, read blocks: u32, read regions: u32,
          read capsules: Capsule, write contacts: Met => within(1e-3, 1e-4).but(0.002, 4)]
);

impl Capsule {
    /// Of a sweep.
    pub fn of(sweep: &Sweep) -> Self {
        let ([x, y, z], [dx, dy, dz]) = (sweep.middle, sweep.motion);
        Self {
            middle: [x, y, z, sweep.height],
            motion: [dx, dy, dz, sweep.radius],
        }
    }

    /// As a sweep.
    pub fn sweep(&self) -> Sweep {
        let ([x, y, z, height], [dx, dy, dz, radius]) = (self.middle, self.motion);
        Sweep {
            middle: [x, y, z],
            height,
            radius,
            motion: [dx, dy, dz],
        }
    }
}

impl Met {
    /// Of a contact.
    pub fn of(contact: &Contact) -> Self {
        let [x, y, z] = contact.normal;
        Self {
            normal: [x, y, z, contact.t],
            state: contact.state as u32,
            voxel: contact.voxel,
            pad: [0; 2],
        }
    }

    /// As a contact.
    pub fn contact(&self) -> Contact {
        let [x, y, z, t] = self.normal;
        Contact {
            t,
            state: HitState::of(self.state),
            voxel: self.voxel,
            normal: [x, y, z],
        }
    }
}

impl Caster {
    /// What each capsule first touches, in order, as [`crate::world::World::sweep`] says it.
    ///
    /// # Errors
    /// GPU errors, [`AgentError::Interrupted`].
    pub fn sweep(
        &self,
        sweeps: &[Sweep],
        stop_unknown: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Contact>, AgentError> {
        let most = self.gpu().caps().most::<Met>();
        let mut found = Vec::with_capacity(sweeps.len());
        for batch in sweeps.chunks(most.min(1 << 20)) {
            if monitor.stopped() {
                return Err(AgentError::Interrupted);
            }
            found.extend(match self.path() {
                Path::Host => self.world().sweep(batch, stop_unknown),
                Path::Kernel => self.touched(batch, stop_unknown)?,
            });
        }
        Ok(found)
    }

    fn touched(&self, sweeps: &[Sweep], stop_unknown: bool) -> Result<Vec<Contact>, AgentError> {
        let gpu = self.gpu();
        let capsules: Vec<Capsule> = sweeps.iter().map(Capsule::of).collect();
        let params = SweepParams {
            origin: self.origin,
            dims: self.dims,
            capsules: capsules.len() as u32,
            stop_unknown: u32::from(stop_unknown),
            pad: [0; 2],
        };
        let uploaded = gpu.upload(&capsules)?;
        let contacts = gpu.alloc::<Met>(capsules.len())?;
        let [tags, masks, blocks, regions] = self.bricks();
        let bound: [&dyn AnyBuffer; 6] = [tags, masks, blocks, regions, &uploaded, &contacts];
        let mut recorder = gpu.recorder();
        let groups = groups_1d(capsules.len(), SWEEP.workgroup[0]);
        recorder.run(&SWEEP, &params, &bound, groups)?;
        recorder.submit()?;
        Ok(gpu.read(&contacts)?.iter().map(Met::contact).collect())
    }
}
