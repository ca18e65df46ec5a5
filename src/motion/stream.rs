//! Motion as frames come: one step between each frame and the next, nothing read back.

use super::flow::{self, Both, Level, Solver};
use super::kernels::{CHECK, SizeParams};
use super::{MotionError, MotionOptions, SPAN, camera, objects};
use crate::gpu::image::Pyramid;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_2d};
use crate::video::luma::Picture;

/// What moved between two neighbouring frames, in GPU memory at the motion size, row-major.
#[derive(Clone)]
pub struct Step {
    /// Luma of the first frame, 0-255.
    pub a: Buffer<f32>,
    /// Luma of the second.
    pub b: Buffer<f32>,
    /// Flow in pixels: pixel `p` of the first frame is seen at `p + forward[p]` in the second.
    pub forward: Buffer<[f32; 2]>,
    /// Flow back, on the grid of the second frame.
    pub backward: Buffer<[f32; 2]>,
    /// On the grid of the first frame: 3 where both flows agree and the target is inside, 1 where it is inside only,
    /// else 0.
    pub state: Buffer<u32>,
    /// The camera's model: see `kernels/motion/camera.wgsl`.
    pub camera: Buffer<[f32; 4]>,
    /// Length of what neither the camera's plane nor parallax explains, in standard pixels a [`SPAN`]; -1 where the flow is not
    /// consistent.
    pub own: Buffer<f32>,
    /// What moves by itself, as objects: see `kernels/motion/objects.wgsl`.
    pub objects: Buffer<[f32; 4]>,
    /// What a length of this step is multiplied by to be one of [`SPAN`] seconds; `camera` and `own` are such already.
    pub per: f32,
}

/// Steps are taken to be at most so many times shorter or longer than [`SPAN`].
const MOST_PER: f64 = 32.0;

/// Makes the steps of one clip.
pub struct Stream {
    gpu: Gpu,
    size: SizeParams,
    frame: (u32, u32),
    coarsest: u32,
    levels: usize,
    solver: Solver,
    last: Option<(f64, Vec<Level>)>,
    objects: Option<Buffer<[f32; 4]>>,
    nothing: Buffer<[f32; 4]>,
    /// Frames that came.
    count: usize,
}

impl Stream {
    /// For frames of `width` x `height` pixels.
    ///
    /// # Errors
    /// [`MotionError::Option`], [`MotionError::NoFrames`] for an empty size, [`MotionError::Gpu`].
    pub fn new(
        gpu: &Gpu,
        (width, height): (u32, u32),
        options: &MotionOptions,
    ) -> Result<Self, MotionError> {
        options.check()?;
        if width == 0 || height == 0 {
            return Err(MotionError::NoFrames);
        }
        let (w, h) = super::fitted(width, height, options.step_side);
        let sizes = Pyramid::sizes(w, h, options.coarsest);
        Ok(Self {
            gpu: gpu.clone(),
            size: SizeParams {
                width: w,
                height: h,
                pad: [0; 2],
            },
            frame: (width, height),
            coarsest: options.coarsest,
            levels: sizes.len(),
            solver: Solver::new(gpu, &sizes, options)?,
            last: None,
            objects: None,
            nothing: gpu.alloc(objects::OBJECTS)?,
            count: 0,
        })
    }

    /// The motion size.
    pub fn size(&self) -> (u32, u32) {
        (self.size.width, self.size.height)
    }

    /// Pixels of the luma that [`Stream::push`] gives, in one of the motion size: .5, or 1 where the motion size is too
    /// small to be halved.
    pub fn half(&self) -> f32 {
        if self.levels > 1 { 0.5 } else { 1.0 }
    }

    /// Records what leads from the frame before to this one, which is shown at `time` seconds, `None` for the first frame, and
    /// gives the frame's luma at [`Stream::half`] too.
    ///
    /// # Errors
    /// [`MotionError::FrameSize`], [`MotionError::Gpu`].
    pub fn push(
        &mut self,
        recorder: &mut Recorder,
        rgba: &Buffer<u32>,
        time: f64,
    ) -> Result<(Buffer<f32>, Option<Step>), MotionError> {
        let (width, height) = self.frame;
        let got = rgba.len();
        if got != width as usize * height as usize {
            return Err(MotionError::FrameSize {
                index: self.count,
                got,
                width,
                height,
            });
        }
        let size = self.size();
        let picture = Picture {
            rgba,
            size: self.frame,
        };
        let levels = flow::pyramid(&self.gpu, recorder, picture, size, self.coarsest)?;
        let step = match &self.last {
            Some((before, last)) => Some(self.step(recorder, time - before, last, &levels)?),
            None => None,
        };
        if let Some(step) = &step {
            self.objects = Some(step.objects.clone());
        }
        let luma = levels[usize::from(levels.len() > 1)].luma.clone();
        self.last = Some((time, levels));
        self.count += 1;
        Ok((luma, step))
    }

    fn step(
        &self,
        recorder: &mut Recorder,
        seconds: f64,
        a: &[Level],
        b: &[Level],
    ) -> Result<Step, GpuError> {
        // Times that say nothing are those of neighbours.
        let per = if seconds > 0.0 { SPAN / seconds } else { 1.0 };
        let per = per.clamp(1.0 / MOST_PER, MOST_PER) as f32;
        let pixels = self.size.width as usize * self.size.height as usize;
        let both = Both {
            forward: self.gpu.alloc(pixels)?,
            backward: self.gpu.alloc(pixels)?,
        };
        self.solver.record(recorder, a, b, None, &both)?;
        let state = self.gpu.alloc(pixels)?;
        let groups = groups_2d(self.size.width, self.size.height, CHECK.workgroup);
        let Both { forward, backward } = both;
        recorder.run(&CHECK, &self.size, &[&forward, &backward, &state], groups)?;
        let (camera, own) = camera::record(&self.gpu, recorder, &self.size, per, &forward, &state)?;
        let before = self.objects.as_ref();
        let objects = objects::record(
            &self.gpu,
            recorder,
            &self.size,
            &forward,
            &own,
            before,
            &self.nothing,
        )?;
        Ok(Step {
            a: a[0].luma.clone(),
            b: b[0].luma.clone(),
            forward,
            backward,
            state,
            camera,
            own,
            objects,
            per,
        })
    }
}
