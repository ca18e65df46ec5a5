//! Solid voxels that cameras see through: walls that are not there.

use super::AgentError;
use crate::gpu::{Gpu, Kernel, groups_1d};
use crate::monitor::Monitor;
use crate::world::fuse::GpuView;
use crate::world::{DepthView, World};

crate::gpu_struct! {
    /// Params of `agent/seen_through`.
    pub struct SeenParams {
        /// Corner of voxel (0, 0, 0), voxel edge in the last.
        pub origin: [f32; 4],
        /// Voxels along x, y, z.
        pub dims: [u32; 4],
        /// Voxels in the list.
        pub voxels: u32,
        /// Views in this dispatch.
        pub views: u32,
        /// Views in the dispatches before; 0 starts from nothing.
        pub first_view: u32,
        /// How far behind the voxel the surface must lie.
        pub margin: f32,
    }
}

/// One thread a voxel of the list.
pub static SEEN_THROUGH: Kernel = crate::kernel!(
    "agent/seen_through", shared ["shared/view"], twin crate::agent::twins::seen_through::twin,
    workgroup [64, 1, 1], params SeenParams,
    // A voxel that falls between two pixels within rounding may be seen through or not.
    bind [read list: u32, read views: GpuView, read depth: f32,
        write seen: [u32; 4] => within(1e-5, 1e-5).float_at(2).but(0.001, 3)]
);

/// A solid voxel that views see through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Index of the voxel.
    pub voxel: usize,
    /// Views that see through it.
    pub views: u32,
    /// The nearest of them.
    pub nearest: usize,
}

/// Solid voxels that at least `least` views see through by more than `margin`, in the order of their indices.
///
/// # Errors
/// GPU errors, [`AgentError::Interrupted`].
pub fn seen_through(
    gpu: &Gpu,
    world: &World,
    views: &[DepthView],
    margin: f32,
    least: u32,
    monitor: &dyn Monitor,
) -> Result<Vec<Seen>, AgentError> {
    let solid: Vec<u32> = world.solids().map(|p| world.index(p) as u32).collect();
    if solid.is_empty() || views.is_empty() {
        return Ok(Vec::new());
    }
    let list = gpu.upload(&solid)?;
    let seen = gpu.alloc::<[u32; 4]>(solid.len())?;
    let mut recorder = gpu.recorder();
    let mut done = 0;
    for part in views.chunks(16) {
        if monitor.stopped() {
            return Err(AgentError::Interrupted);
        }
        let (mut depth, mut posed) = (Vec::new(), Vec::new());
        for view in part {
            posed.push(GpuView::new(view, depth.len() as u32));
            for y in 0..view.height {
                depth.extend((0..view.width).map(|x| view.surface(x, y).unwrap_or(0.0)));
            }
        }
        let params = SeenParams {
            origin: [
                world.origin[0],
                world.origin[1],
                world.origin[2],
                world.voxel,
            ],
            dims: [world.dims[0], world.dims[1], world.dims[2], 0],
            voxels: solid.len() as u32,
            views: part.len() as u32,
            first_view: done,
            margin,
        };
        let (posed, depth) = (gpu.upload(&posed)?, gpu.upload(&depth)?);
        let groups = groups_1d(solid.len(), SEEN_THROUGH.workgroup[0]);
        recorder.run(
            &SEEN_THROUGH,
            &params,
            &[&list, &posed, &depth, &seen],
            groups,
        )?;
        recorder.submit()?;
        done += part.len() as u32;
    }
    Ok(gpu
        .read(&seen)?
        .iter()
        .zip(&solid)
        .filter(|(s, _)| s[0] >= least.max(1))
        .map(|(s, &voxel)| Seen {
            voxel: voxel as usize,
            views: s[0],
            nearest: s[1] as usize - 1,
        })
        .collect())
}
