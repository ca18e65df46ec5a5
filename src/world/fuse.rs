//! Host bindings of the kernels that fuse depth views into voxels.

use super::DepthView;
use crate::gpu::Kernel;

crate::gpu_struct! {
    /// Params of `world/surface`, one view.
    pub struct SurfaceParams {
        /// fx, fy, cx, cy in pixels of the view.
        pub intrinsics: [f32; 4],
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// First element of the view in all three buffers.
        pub first: u32,
        /// Share by which inverse depth may bend between neighbours.
        pub edge: f32,
    }
}

crate::gpu_struct! {
    /// A view as kernels see it.
    pub struct GpuView {
        /// First row of world-to-camera, translation in w.
        pub row0: [f32; 4],
        /// Second row.
        pub row1: [f32; 4],
        /// Third row.
        pub row2: [f32; 4],
        /// fx, fy, cx, cy in pixels of the view.
        pub intrinsics: [f32; 4],
        /// Width, height, first element in the surface buffer, unused.
        pub size: [u32; 4],
    }
}

impl GpuView {
    /// `first` is the view's first element in the buffer of all views.
    pub fn new(view: &DepthView, first: u32) -> Self {
        let r = view.camera.pose.rotation.transpose();
        let t = -(r * view.camera.pose.position);
        let row = |i: usize| {
            let c = r.row(i);
            [c.x as f32, c.y as f32, c.z as f32, t[i] as f32]
        };
        let k = view.intrinsics();
        Self {
            row0: row(0),
            row1: row(1),
            row2: row(2),
            intrinsics: [k.fx as f32, k.fy as f32, k.cx as f32, k.cy as f32],
            size: [view.width, view.height, first, 0],
        }
    }
}

crate::gpu_struct! {
    /// Params of `world/integrate`.
    pub struct IntegrateParams {
        /// Corner of voxel (0, 0, 0), voxel edge in w.
        pub origin: [f32; 4],
        /// Voxels along x, y, z; those of this dispatch in w.
        pub dims: [u32; 4],
        /// Views in this dispatch.
        pub views: u32,
        /// 1 to start from nothing, 0 to add to what is there.
        pub reset: u32,
        /// Truncation, a length.
        pub truncation: f32,
        /// Voxel of the first evidence.
        pub first: u32,
    }
}

crate::gpu_struct! {
    /// Params of `world/classify`.
    pub struct ClassifyParams {
        /// Voxels.
        pub voxels: u32,
        /// Voxel edge.
        pub voxel: f32,
        /// Weight of a view that sees a surface.
        pub occupied: f32,
        /// Weight of a view that sees through.
        pub free: f32,
    }
}

/// Depth and alpha of a view to a camera-space normal (xyz) and depth (w); see the kernel for edges.
pub static SURFACE: Kernel = crate::kernel!(
    "world/surface", shared [], twin crate::world::twins::surface::twin,
    workgroup [8, 8, 1], params SurfaceParams,
    // A pixel whose inverse depth bends by the limit within rounding may be an edge or not.
    bind [read depth: f32, read alpha: f32, write surface: [f32; 4] => within(1e-4, 1e-4).but(0.001, 4)]
);

/// Evidence a voxel: weighted sum of distances, sum of weights, views through, views of a surface.
pub static INTEGRATE: Kernel = crate::kernel!(
    "world/integrate", shared ["shared/view"], twin crate::world::twins::integrate::twin,
    workgroup [64, 1, 1], params IntegrateParams,
    // A voxel that falls between two pixels, or on the truncation, within rounding may fall on either side.
    bind [read views: GpuView, read surface: [f32; 4], write evidence: [f32; 4] => within(1e-4, 1e-4).but(0.001, 4)]
);

/// Evidence to states, 16 voxels a word.
pub static CLASSIFY: Kernel = crate::kernel!(
    "world/classify", shared [], twin crate::world::twins::classify::twin,
    workgroup [64, 1, 1], params ClassifyParams,
    // Evidence at a limit within rounding may fall on either side.
    bind [read evidence: [f32; 4], write states: u32 => EXACT.but(0.001, 1)]
);
