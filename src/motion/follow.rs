//! Points carried along the flow, on the device.

use super::Step;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_1d};
use crate::{gpu_struct, kernel};

gpu_struct! {
    /// Params of `motion/follow`.
    pub struct FollowParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Points.
        pub count: u32,
        /// Points that come this near to the border, in pixels, have left.
        pub margin: f32,
        /// First point read.
        pub from_at: u32,
        /// First point written.
        pub to_at: u32,
        /// Unused.
        pub pad: [u32; 2],
    }
}

/// One step of points.
pub static FOLLOW: Kernel = kernel!(
    "motion/follow", shared ["shared/mix"], twin crate::motion::twins::follow::twin,
    workgroup [64, 1, 1], params FollowParams,
    // A point at the margin within rounding may have left or not.
    bind [read flow: [f32; 2], read state: u32, read own: f32,
        write points: [f32; 4] => within(1e-3, 0.0).but(0.002, 2)]
);

/// Points that start on one frame and are followed from there.
pub struct Following {
    /// `(x, y, end, own)` of each point, age by age, in pixels of the motion size; `end` is 0 for a point that goes
    /// on, 1 for one that was lost, 2 for one that left the picture; `own` is the most that it has moved by itself so
    /// far, in standard pixels a span of time.
    pub points: Buffer<[f32; 4]>,
    /// Points of one age.
    pub count: usize,
    /// Steps followed so far.
    pub steps: usize,
    /// Steps that there is room for.
    pub most: usize,
    size: (u32, u32),
    margin: f32,
}

impl Following {
    /// Starts `points` in pixels of a motion of `size`; one that comes within `margin` pixels of the border has left.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn start(
        gpu: &Gpu,
        points: &[[f32; 2]],
        size: (u32, u32),
        margin: f32,
        most: usize,
    ) -> Result<Self, GpuError> {
        let count = points.len();
        let buffer = gpu.alloc((most + 1) * count)?;
        let first: Vec<[f32; 4]> = points.iter().map(|p| [p[0], p[1], 0.0, 0.0]).collect();
        gpu.write(&buffer, 0, &first)?;
        Ok(Self {
            points: buffer,
            count,
            steps: 0,
            most,
            size,
            margin,
        })
    }

    /// Records one step more; nothing once there is no room.
    ///
    /// # Errors
    /// As [`Recorder::run`].
    pub fn record(&mut self, recorder: &mut Recorder, step: &Step) -> Result<(), GpuError> {
        if self.steps >= self.most || self.count == 0 {
            return Ok(());
        }
        let params = FollowParams {
            width: self.size.0,
            height: self.size.1,
            count: self.count as u32,
            margin: self.margin,
            from_at: (self.steps * self.count) as u32,
            to_at: ((self.steps + 1) * self.count) as u32,
            pad: [0; 2],
        };
        let groups = groups_1d(self.count, FOLLOW.workgroup[0]);
        recorder.run(
            &FOLLOW,
            &params,
            &[&step.forward, &step.state, &step.own, &self.points],
            groups,
        )?;
        self.steps += 1;
        Ok(())
    }
}
