//! Host side of the mock world's ray tracer: its structs, its binding and the frames it makes.

use crate::gpu::{Buffer, Gpu, GpuError, Kernel, groups_2d};

/// Primitives that one frame may hold; a tile's culling gives each one lane.
pub const MAX_PRIMITIVES: usize = 64;

crate::gpu_struct! {
    /// Parameters of one frame.
    pub struct TraceParams {
        /// The camera's x axis in the world; w: exposure, a factor on linear light.
        pub axis_x: [f32; 4],
        /// The camera's y axis (down) in the world.
        pub axis_y: [f32; 4],
        /// The camera's z axis (forward) in the world.
        pub axis_z: [f32; 4],
        /// The camera's centre in metres.
        pub position: [f32; 4],
        /// fx, fy, cx, cy in pixels.
        pub focal: [f32; 4],
        /// The lamp's place in metres; w: distance at which its light has halved.
        pub lamp: [f32; 4],
        /// Linear colour of the lamp.
        pub lamp_colour: [f32; 4],
        /// Linear colour of the light from everywhere.
        pub ambient: [f32; 4],
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Primitives of the frame, at most [`MAX_PRIMITIVES`].
        pub count: u32,
        /// First element of the frame in the outputs.
        pub base: u32,
        /// [`Primitive`]s, ten vectors each, one after the other: 64 x 10 vectors.
        pub primitives: [[[f32; 4]; 20]; 32],
    }
}

crate::gpu_struct! {
    /// One box or capsule with its paint. A sphere is a capsule of length 0. A primitive with a field that is
    /// not finite is not there.
    pub struct Primitive {
        /// World to local, first row: local x = row . (p, 1).
        pub row_x: [f32; 4],
        /// Second row.
        pub row_y: [f32; 4],
        /// Third row.
        pub row_z: [f32; 4],
        /// Box: half sizes and 0. Capsule: 0, half length along local y, 0, radius. Metres.
        pub size: [f32; 4],
        /// Linear colour; w: how much cells differ in tone.
        pub paint: [f32; 4],
        /// Linear colour that the noise mixes in; w: how dark seams are, 0 to 1.
        pub second: [f32; 4],
        /// Origin of the texture in local metres; w: width of a seam in metres.
        pub origin: [f32; 4],
        /// Distance of seams along local x, y, z in metres, 0 for none.
        pub cell: [f32; 4],
        /// Frequency of the noise along local x, y, z, 1 for features from 0.8 m down; w: contrast.
        pub grain: [f32; 4],
        /// Object that it belongs to, from 1; 1 where it throws a shadow; 0; 0.
        pub object: [f32; 4],
    }
}

impl TraceParams {
    /// The same frame with these primitives; those past [`MAX_PRIMITIVES`] are left out.
    pub fn with(mut self, primitives: &[Primitive]) -> Self {
        let kept = &primitives[..primitives.len().min(MAX_PRIMITIVES)];
        self.primitives = Default::default();
        bytemuck::cast_slice_mut::<_, Primitive>(&mut self.primitives)[..kept.len()]
            .copy_from_slice(kept);
        self.count = kept.len() as u32;
        self
    }

    /// The primitives.
    pub fn list(&self) -> &[Primitive] {
        let all = bytemuck::cast_slice::<_, Primitive>(&self.primitives);
        &all[..all.len().min(self.count as usize)]
    }
}

/// The ray tracer; one dispatch a frame.
pub static TRACE: Kernel = crate::kernel!(
    "mock/trace",
    shared [],
    workgroup [8, 8, 1],
    params TraceParams,
    bind [
        write rgba: u32,
        write depth: f32,
        write objects: u32,
    ]
);

/// One traced frame, row-major from the top left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traced {
    /// Packed sRGB `r | g << 8 | b << 16 | 255 << 24`, mean of four samples a pixel.
    pub rgba: Vec<u32>,
    /// Distance along the camera's z in metres at pixel centres; 0 where nothing is.
    pub depth: Vec<f32>,
    /// Object at pixel centres; 0 where nothing is.
    pub objects: Vec<u32>,
}

/// Output memory for a batch of frames, used again and again.
pub struct Tracer {
    gpu: Gpu,
    pixels: usize,
    batch: usize,
    rgba: Buffer<u32>,
    depth: Buffer<f32>,
    objects: Buffer<u32>,
}

impl Tracer {
    /// Memory for frames of `width` x `height` pixels, several at once where they are small.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], [`GpuError::OutOfMemory`], and the kernel's compilation.
    pub fn new(gpu: &Gpu, width: u32, height: u32) -> Result<Self, GpuError> {
        gpu.prepare(&TRACE)?;
        let pixels = width as usize * height as usize;
        let batch = ((8 << 20) / pixels.max(1)).clamp(1, 8);
        Ok(Self {
            gpu: gpu.clone(),
            pixels,
            batch,
            rgba: gpu.alloc(batch * pixels)?,
            depth: gpu.alloc(batch * pixels)?,
            objects: gpu.alloc(batch * pixels)?,
        })
    }

    /// Frames that one call of [`Tracer::trace`] takes.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Traces up to [`Tracer::batch`] frames in one submission and reads them back. `base` of the parameters is
    /// set here; sizes must be those of [`Tracer::new`].
    ///
    /// # Errors
    /// [`GpuError::Validation`] for too many frames or another size; the device's own.
    pub fn trace(&self, frames: &[TraceParams]) -> Result<Vec<Traced>, GpuError> {
        let refuse = |reason: String| GpuError::Validation {
            doing: "a traced frame".to_owned(),
            reason,
        };
        if frames.len() > self.batch {
            return Err(refuse(format!(
                "{} frames, at most {} at once",
                frames.len(),
                self.batch
            )));
        }
        let mut recorder = self.gpu.recorder();
        for (at, params) in frames.iter().enumerate() {
            let [width, height] = params.size;
            if width as usize * height as usize != self.pixels {
                return Err(refuse(format!(
                    "a frame of {width} x {height}, made for {} pixels",
                    self.pixels
                )));
            }
            let params = TraceParams {
                base: (at * self.pixels) as u32,
                ..*params
            };
            recorder.run(
                &TRACE,
                &params,
                &[&self.rgba, &self.depth, &self.objects],
                groups_2d(width, height, TRACE.workgroup),
            )?;
        }
        recorder.submit()?;
        let count = frames.len() * self.pixels;
        let rgba = self.gpu.read_range(&self.rgba, 0, count)?;
        let depth = self.gpu.read_range(&self.depth, 0, count)?;
        let objects = self.gpu.read_range(&self.objects, 0, count)?;
        let one = |at: usize| at * self.pixels..(at + 1) * self.pixels;
        Ok((0..frames.len())
            .map(|at| Traced {
                rgba: rgba[one(at)].to_vec(),
                depth: depth[one(at)].to_vec(),
                objects: objects[one(at)].to_vec(),
            })
            .collect())
    }
}
