//! Exact optical flow between two frames of a scene.

use super::trace::TraceParams;
use crate::gpu::{Buffer, GpuError, Kernel, Recorder, groups_2d};

crate::gpu_struct! {
    /// Params of `mock/flow`.
    pub struct FlowParams {
        /// This frame's camera: x axis in the world.
        pub axis_x: [f32; 4],
        /// Its y axis (down).
        pub axis_y: [f32; 4],
        /// Its z axis (forward).
        pub axis_z: [f32; 4],
        /// Its centre in metres.
        pub position: [f32; 4],
        /// The next frame's camera: x axis.
        pub next_x: [f32; 4],
        /// Its y axis.
        pub next_y: [f32; 4],
        /// Its z axis.
        pub next_z: [f32; 4],
        /// Its centre.
        pub next_position: [f32; 4],
        /// fx, fy, cx, cy in pixels, of both.
        pub focal: [f32; 4],
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// First element of this frame in the traced depth and ids.
        pub base: u32,
        /// First element of the next frame in them.
        pub next: u32,
        /// First element in the output.
        pub out: u32,
        /// Primitives.
        pub count: u32,
        /// Not used.
        pub pad: [u32; 2],
        /// Eight vectors a primitive: rows and size in this frame, rows and size in the next; size.w is -1 in the
        /// next where it is gone.
        pub poses: [[[[f32; 4]; 32]; 32]; 2],
    }
}

/// Flow of one frame to the next: u and v in pixels, 1 where the point is seen in the next frame, and its depth there in
/// metres (0 for the sky; -1 behind the camera, where u and v are 0).
pub static FLOW: Kernel = crate::kernel!(
    "mock/flow", shared [], twin crate::mock::twins::flow::twin,
    workgroup [8, 8, 1], params FlowParams,
    // Whether a point at the very edge is seen, the third word, may fall either way.
    bind [read depth: f32, read ids: u32, write flow: [f32; 4] => within(2e-3, 1e-3).but(0.005, 1).at_most(1.0, 0.0)]
);

impl FlowParams {
    /// From the frame `a` to the frame `b` of one scene; their `base` tells where they were traced to.
    pub fn between(a: &TraceParams, b: &TraceParams, out: u32) -> Self {
        let mut params = Self {
            axis_x: a.axis_x,
            axis_y: a.axis_y,
            axis_z: a.axis_z,
            position: a.position,
            next_x: b.axis_x,
            next_y: b.axis_y,
            next_z: b.axis_z,
            next_position: b.position,
            focal: a.focal,
            size: a.size,
            base: a.base,
            next: b.base,
            out,
            count: a.count.min(b.count),
            ..Self::default()
        };
        let poses = params.poses.as_flattened_mut().as_flattened_mut();
        for ((p, q), slot) in a.list().iter().zip(b.list()).zip(poses.chunks_exact_mut(8)) {
            let mut size = q.size;
            if q.object[1] < 0.0 {
                size[3] = -1.0;
            }
            slot.copy_from_slice(&[
                p.row_x, p.row_y, p.row_z, p.size, q.row_x, q.row_y, q.row_z, size,
            ]);
        }
        params
    }
}

/// Records the flow of one frame.
///
/// # Errors
/// [`GpuError::Validation`] when a buffer ends too soon.
pub fn record(
    recorder: &mut Recorder,
    params: &FlowParams,
    depth: &Buffer<f32>,
    ids: &Buffer<u32>,
    flow: &Buffer<[f32; 4]>,
) -> Result<(), GpuError> {
    let [width, height] = params.size;
    let pixels = width as usize * height as usize;
    let first = params.base.max(params.next) as usize;
    let short =
        first + pixels > depth.len().min(ids.len()) || params.out as usize + pixels > flow.len();
    if short {
        return Err(GpuError::Validation {
            doing: "optical flow".to_owned(),
            reason: format!("{pixels} pixels do not fit into the buffers"),
        });
    }
    let groups = groups_2d(width, height, FLOW.workgroup);
    recorder.run(&FLOW, params, &[depth, ids, flow], groups)
}
