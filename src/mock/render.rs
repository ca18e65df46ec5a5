//! Renders a scene's frames on the GPU: traced, exposed, spoilt, and turned into planes for the encoder and truth.

use super::blur::{self, BLUR, BlurParams};
use super::expose::{self, EXPOSE, ExposeParams};
use super::flow::{self, FLOW, FlowParams};
use super::scene::Scene;
use super::spoil::{self, SPOIL, SpoilParams};
use super::trace::{TRACE, TraceParams};
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_2d};
use crate::video::planes::{self, PLANES, PlanesParams};

/// Moments that one exposure averages over while the shutter is open.
pub const EXPOSURES: u32 = 8;

/// What to bring back of each frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Planes of 4:2:0 for the encoder.
    pub planes: bool,
    /// Packed sRGB pixels.
    pub pixels: bool,
    /// Depth and what is seen.
    pub seen: bool,
    /// Flow to the next frame.
    pub flow: bool,
}

impl Want {
    /// All but the pixels: what a take with its truth needs.
    pub const TAKE: Self = Self {
        planes: true,
        pixels: false,
        seen: true,
        flow: true,
    };
    /// Pixels only.
    pub const PIXELS: Self = Self {
        planes: false,
        pixels: true,
        seen: false,
        flow: false,
    };
}

/// One rendered frame, row-major from the top left; what was not wanted is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shot {
    /// As [`PLANES`] lays them out.
    pub planes: Vec<u32>,
    /// Packed sRGB `r | g << 8 | b << 16 | 255 << 24`.
    pub rgba: Vec<u32>,
    /// Distance along the camera's z in metres at pixel centres; 0 where nothing is.
    pub depth: Vec<f32>,
    /// `object | (index of the primitive + 1) << 16` at pixel centres; 0 where nothing is.
    pub ids: Vec<u32>,
    /// To the next frame as [`FLOW`] gives it; empty for the last frame.
    pub flow: Vec<[f32; 4]>,
}

impl Shot {
    /// The object at each pixel centre; 0 where nothing is.
    pub fn objects(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids.iter().map(|id| id & 0xffff)
    }
}

/// Packed sRGB pixels of some frames of a scene as they are traced: without motion blur, noise and blocks.
///
/// # Errors
/// The device's.
pub fn traced(gpu: &Gpu, scene: &Scene, frames: &[usize]) -> Result<Vec<Vec<u32>>, GpuError> {
    let [width, height] = scene.clip.size;
    let pixels = width as usize * height as usize;
    let [image, ids] = [gpu.alloc::<u32>(pixels)?, gpu.alloc(pixels)?];
    let depth = gpu.alloc::<f32>(pixels)?;
    let groups = groups_2d(width, height, TRACE.workgroup);
    let shot = |&frame: &usize| {
        let mut recorder = gpu.recorder();
        let params = scene.frame(frame);
        recorder.run(&TRACE, &params, &[&image, &depth, &ids], groups)?;
        recorder.submit()?;
        gpu.read_range(&image, 0, pixels)
    };
    frames.iter().map(shot).collect()
}

/// Memory for rendering frames of one scene in order.
pub struct Renderer<'a> {
    gpu: Gpu,
    scene: &'a Scene,
    want: Want,
    pixels: usize,
    batch: usize,
    /// Frames are traced into slots in turn, one more than a batch: flow looks one frame ahead.
    traced: Buffer<u32>,
    depth: Buffer<f32>,
    ids: Buffer<u32>,
    ahead: usize,
    /// Moments of one exposure, where there is motion blur.
    moments: Option<[Buffer<u32>; 2]>,
    moments_depth: Option<Buffer<f32>>,
    /// What spoils a frame works here, and the frames as they are shown.
    between: Option<[Buffer<u32>; 2]>,
    shown: Buffer<u32>,
    planes: Buffer<u32>,
    flow: Buffer<[f32; 4]>,
    done: usize,
}

impl<'a> Renderer<'a> {
    /// Memory for a scene's frames, several at once where they are small.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], [`GpuError::OutOfMemory`], and compilation.
    pub fn new(gpu: &Gpu, scene: &'a Scene, want: Want) -> Result<Self, GpuError> {
        let [width, height] = scene.clip.size;
        let pixels = width as usize * height as usize;
        // The flow of all of them lies in one buffer.
        let fit = (gpu.caps().most::<[f32; 4]>() / pixels.max(1)).saturating_sub(1);
        let batch = ((6 << 20) / pixels.max(1))
            .min(fit)
            .clamp(1, 8)
            .min(scene.clip.frames);
        let slots = batch + usize::from(want.flow);
        for kernel in [&TRACE, &PLANES, &FLOW, &EXPOSE, &BLUR, &SPOIL] {
            gpu.prepare(kernel)?;
        }
        let some = |there: bool, count: usize| gpu.alloc::<u32>(if there { count } else { 1 });
        let blurred = scene.understood.shutter > 0.0;
        let spoilt = scene.faults.blur.is_some()
            || scene.faults.noise.is_some()
            || scene.faults.blocks.is_some();
        let many = EXPOSURES as usize * pixels;
        Ok(Self {
            gpu: gpu.clone(),
            scene,
            want,
            pixels,
            batch,
            traced: gpu.alloc(slots * pixels)?,
            depth: gpu.alloc(slots * pixels)?,
            ids: gpu.alloc(slots * pixels)?,
            ahead: 0,
            moments: blurred
                .then(|| Ok::<_, GpuError>([gpu.alloc(many)?, gpu.alloc(many)?]))
                .transpose()?,
            moments_depth: blurred.then(|| gpu.alloc(many)).transpose()?,
            between: spoilt
                .then(|| Ok::<_, GpuError>([gpu.alloc(pixels)?, gpu.alloc(pixels)?]))
                .transpose()?,
            shown: some(blurred || spoilt, batch * pixels)?,
            planes: some(want.planes, batch * planes::words(width, height))?,
            flow: gpu.alloc(if want.flow { batch * pixels } else { 1 })?,
            done: 0,
        })
    }

    /// The next frames, as many as are rendered at once; none after the last.
    ///
    /// # Errors
    /// The device's.
    pub fn shoot(&mut self) -> Result<Vec<Shot>, GpuError> {
        let total = self.scene.clip.frames;
        let frames = self.done..(self.done + self.batch).min(total);
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let [width, height] = self.scene.clip.size;
        let slots = self.traced.len() / self.pixels.max(1);
        let slot = |frame: usize| (frame % slots * self.pixels) as u32;
        let words = planes::words(width, height);
        let gpu = self.gpu.clone();
        let mut recorder = gpu.recorder();
        // One frame is traced ahead of the batch, for the flow to it.
        let to = if self.want.flow {
            (frames.end + 1).min(total)
        } else {
            frames.end
        };
        let params: Vec<TraceParams> = (frames.start..to)
            .map(|frame| TraceParams {
                base: slot(frame),
                ..self.scene.frame(frame)
            })
            .collect();
        for frame in self.ahead.max(frames.start)..to {
            self.trace(&mut recorder, &params[frame - frames.start])?;
        }
        let mut shown = Vec::new();
        for (k, frame) in frames.clone().enumerate() {
            let place = self.finish(&mut recorder, frame, k, slot(frame))?;
            let image = if place.1 { &self.shown } else { &self.traced };
            if self.want.planes {
                let params = PlanesParams {
                    size: [width, height],
                    base: place.0,
                    out: (k * words) as u32,
                };
                planes::record(&mut recorder, &params, image, &self.planes)?;
            }
            if self.want.flow && frame + 1 < total {
                let out = (k * self.pixels) as u32;
                let params = FlowParams::between(&params[k], &params[k + 1], out);
                flow::record(&mut recorder, &params, &self.depth, &self.ids, &self.flow)?;
            }
            shown.push(place);
        }
        recorder.submit()?;
        self.ahead = to;
        self.done = frames.end;
        let mut out = Vec::new();
        for (k, frame) in frames.enumerate() {
            let mut shot = Shot::default();
            let (n, from) = (self.pixels, slot(frame) as usize);
            if self.want.planes {
                shot.planes = gpu.read_range(&self.planes, k * words, words)?;
            }
            if self.want.pixels {
                let (base, post) = shown[k];
                let image = if post { &self.shown } else { &self.traced };
                shot.rgba = gpu.read_range(image, base as usize, n)?;
            }
            if self.want.seen {
                shot.depth = gpu.read_range(&self.depth, from, n)?;
                shot.ids = gpu.read_range(&self.ids, from, n)?;
            }
            if self.want.flow && frame + 1 < total {
                shot.flow = gpu.read_range(&self.flow, k * n, n)?;
            }
            out.push(shot);
        }
        Ok(out)
    }

    fn trace(&self, recorder: &mut Recorder, params: &TraceParams) -> Result<(), GpuError> {
        let [width, height] = params.size;
        recorder.run(
            &TRACE,
            params,
            &[&self.traced, &self.depth, &self.ids],
            groups_2d(width, height, TRACE.workgroup),
        )
    }

    /// Exposes and spoils a traced frame. Returns its first pixel, and whether that is in `shown` and not in `traced`.
    fn finish(
        &self,
        recorder: &mut Recorder,
        frame: usize,
        k: usize,
        slot: u32,
    ) -> Result<(u32, bool), GpuError> {
        let size = self.scene.clip.size;
        let faults = &self.scene.faults;
        let to = (k * self.pixels) as u32;
        let mut place = (slot, false);
        if let (Some([rgba, ids]), Some(depth)) = (&self.moments, &self.moments_depth) {
            for moment in 0..EXPOSURES {
                // The shutter is open about the frame's time.
                let u = (f64::from(moment) + 0.5) / f64::from(EXPOSURES) - 0.5;
                let params = TraceParams {
                    base: moment * self.pixels as u32,
                    ..self
                        .scene
                        .exposure(frame, u * self.scene.understood.shutter)
                };
                let groups = groups_2d(size[0], size[1], TRACE.workgroup);
                recorder.run(&TRACE, &params, &[rgba, depth, ids], groups)?;
            }
            let params = ExposeParams {
                pixels: self.pixels as u32,
                count: EXPOSURES,
                source: 0,
                base: to,
            };
            expose::record(recorder, &params, rgba, &self.shown)?;
            place = (to, true);
        }
        let Some([a, b]) = &self.between else {
            return Ok(place);
        };
        let during = |span: [usize; 2]| (span[0]..span[1]).contains(&frame);
        if let Some((_, sigma)) = faults.blur.filter(|(span, _)| during(*span)) {
            let params = BlurParams {
                size,
                source: place.0,
                base: to,
                sigma: sigma.min(blur::MOST_SIGMA),
                ..BlurParams::default()
            };
            let image = if place.1 { &self.shown } else { &self.traced };
            blur::record_both(recorder, &params, image, a, &self.shown)?;
            place = (to, true);
        }
        let noise = faults.noise.filter(|(span, _)| during(*span));
        let blocks = faults.blocks.filter(|(span, _)| during(*span));
        if noise.is_some() || blocks.is_some() {
            let mix = blocks.map_or(0.0, |(_, m)| m);
            let params = SpoilParams {
                size,
                source: place.0,
                base: 0,
                block: if size[1] > 480 { 16 } else { 8 },
                mix,
                step: 24.0 * mix,
                sigma: noise.map_or(0.0, |(_, s)| s),
                seed: (self.scene.understood.seed as u32).wrapping_mul(0x9e37_79b1) ^ frame as u32,
                ..SpoilParams::default()
            };
            let image = if place.1 { &self.shown } else { &self.traced };
            spoil::record(recorder, &params, image, b)?;
            recorder.copy(b, 0, &self.shown, to as usize, self.pixels)?;
            place = (to, true);
        }
        Ok(place)
    }
}
