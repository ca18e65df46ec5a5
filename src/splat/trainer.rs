//! The GPU side of a fit: one step, one comparison, all in reused buffers.

use std::ops::Range;

use super::options::{FitOptions, left};
use super::records::{Splat, ViewParams};
use super::relocate::{CHOOSE, CLONE, ChooseParams, CloneParams, Credit, SHARE};
use super::renderer::Renderer;
use super::training::{
    LOSS, LossParams, Moments, Partials, RASTER_BACKS, RasterBackParams, SSIM_BACK, SSIM_COLUMNS,
    SSIM_ROWS, Stats, UPDATE, UpdateParams, taps,
};
use super::{SplatError, Splats};
use crate::camera::Camera;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_1d, groups_2d};

/// A frame of which a smaller share stands still tells of no quality.
const LEAST_STILL: f64 = 0.1;

/// Learning rates of one step.
#[derive(Clone, Copy, Debug)]
pub struct Rates(UpdateParams);

impl Rates {
    /// Rates at the share `t` of a schedule of `steps`, for a scene of typical depth `extent`.
    pub fn at(options: &FitOptions, extent: f64, t: f32, steps: u32) -> Self {
        let other = left(options.lr_last, steps).powf(t);
        Self(UpdateParams {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-15,
            centre: options.lr_position
                * left(options.lr_position_last, steps).powf(t)
                * extent as f32,
            opacity: options.lr_opacity * other,
            scale: options.lr_scale * other,
            rotation: options.lr_rotation * other,
            sh0: options.lr_colour * other,
            sh1: options.lr_sh1 * other,
            least: (1e-5 * extent).ln() as f32,
            most: (2.0 * extent).ln() as f32,
            ..UpdateParams::default()
        })
    }
}

/// What a fit has of its splats: values, first and second moments.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// All but colours.
    pub splats: [Vec<Splat>; 3],
    /// Colours, plane by plane.
    pub sh: [Vec<[f32; 4]>; 3],
    /// What views made of them.
    pub credit: Vec<Credit>,
}

/// Which splats move to where others are pulled about, and how many at once.
#[derive(Clone, Copy, Debug)]
pub struct Moving {
    /// Of the draws.
    pub seed: u32,
    /// Share of the splats that show nothing that move now.
    pub share: f64,
    /// Pixels, weighted by blending, that a splat fills at least in one of the views to be seen.
    pub unseen: f32,
    /// Views that a judgement takes.
    pub views: u32,
}

/// Buffers of a fit.
#[derive(Debug)]
pub struct Trainer {
    gpu: Gpu,
    renderer: Renderer,
    stats: Buffer<Stats>,
    partials: Buffer<Partials>,
    partial_rows: Buffer<Partials>,
    image_grad: Buffer<[f32; 4]>,
    depth_grad: Buffer<f32>,
    /// As many slots as one buffer holds at once.
    moments: Buffer<Moments>,
    raster_back: &'static Kernel,
    /// First and second moments of Adam.
    mean: Buffer<Splat>,
    square: Buffer<Splat>,
    sh_mean: Buffer<[f32; 4]>,
    sh_square: Buffer<[f32; 4]>,
    credit: Buffer<Credit>,
    /// Of [`Trainer::relocate`]: whose part each splat becomes, how many each has (and all of them), and how many moved so far.
    source: Buffer<u32>,
    copies: Buffer<u32>,
    moved: Buffer<u32>,
    no_depth: Buffer<f32>,
    n: usize,
}

impl Trainer {
    /// Uploads the first splats.
    pub fn new(gpu: &Gpu, splats: &Splats, width: u32, height: u32) -> Result<Self, SplatError> {
        let n = splats.len();
        let renderer = Renderer::new(gpu, splats, width, height, (16 * n).max(1 << 17))?;
        let pixels = width as usize * height as usize;
        Ok(Self {
            gpu: gpu.clone(),
            stats: gpu.alloc(pixels)?,
            partials: gpu.alloc(pixels)?,
            partial_rows: gpu.alloc(pixels)?,
            image_grad: gpu.alloc(pixels)?,
            depth_grad: gpu.alloc(pixels)?,
            moments: first_moments(gpu, &renderer)?,
            raster_back: gpu.variant(&RASTER_BACKS)?,
            mean: gpu.alloc(n)?,
            square: gpu.alloc(n)?,
            sh_mean: gpu.alloc(renderer.sh.len())?,
            sh_square: gpu.alloc(renderer.sh.len())?,
            credit: gpu.alloc(n)?,
            source: gpu.alloc(n)?,
            copies: gpu.alloc(n + 1)?,
            moved: gpu.alloc(1)?,
            no_depth: gpu.alloc(1)?,
            renderer,
            n,
        })
    }

    fn loss_params(&self, background: [f32; 3], ssim: f32, depth: f32) -> LossParams {
        let (w, h) = (self.renderer.width, self.renderer.height);
        let pixels = w as f32 * h as f32;
        let [r, g, b] = background;
        LossParams {
            taps: taps(),
            background: [r, g, b, 0.0],
            size: [w, h],
            l1: (1.0 - ssim) / (3.0 * pixels),
            ssim: ssim / (3.0 * pixels),
            depth: depth / pixels,
            ..Default::default()
        }
    }

    fn record_ssim(
        &self,
        recorder: &mut Recorder,
        params: &LossParams,
        truth: &Buffer<u32>,
    ) -> Result<(), SplatError> {
        let [w, h] = params.size;
        recorder.run(
            &SSIM_ROWS,
            params,
            &[&self.renderer.image, truth, &self.stats],
            groups_2d(w.div_ceil(4), h, [8, 8, 1]),
        )?;
        recorder.run(
            &SSIM_COLUMNS,
            params,
            &[&self.stats, &self.partials],
            groups_2d(w, h.div_ceil(4), [8, 8, 1]),
        )?;
        Ok(())
    }

    /// Forward, loss, backward and Adam for one frame; does not wait. `depth` are inverse depths and their weight, 0 where
    /// unknown and negative where a pixel counts for nothing.
    pub fn step(
        &self,
        camera: &Camera,
        truth: &Buffer<u32>,
        depth: Option<(&Buffer<f32>, f32)>,
        background: [f32; 3],
        ssim: f32,
        rates: &Rates,
    ) -> Result<(), SplatError> {
        let r = &self.renderer;
        let view = r.view(camera);
        let (target, weight) = depth.unwrap_or((&self.no_depth, 0.0));
        let params = LossParams {
            marked: u32::from(depth.is_some()),
            ..self.loss_params(background, ssim, weight)
        };
        let [w, h] = params.size;
        let mut recorder = self.gpu.recorder();
        let values = r.record(&mut recorder, &view)?;
        self.record_ssim(&mut recorder, &params, truth)?;
        recorder.run(
            &SSIM_BACK,
            &params,
            &[&self.partials, &self.partial_rows],
            groups_2d(w.div_ceil(4), h, [8, 8, 1]),
        )?;
        recorder.run(
            &LOSS,
            &params,
            &[
                &self.partial_rows,
                &r.image,
                truth,
                &r.depth,
                target,
                &self.image_grad,
                &self.depth_grad,
            ],
            groups_2d(w, h.div_ceil(4), [8, 8, 1]),
        )?;
        for part in self.parts() {
            let params = RasterBackParams {
                size: [w, h],
                tiles: r.ranges.len() as u32,
                first: part.start,
                count_at: self.n as u32,
                ..Default::default()
            };
            recorder.run(
                self.raster_back,
                &params,
                &[
                    &r.offsets,
                    &r.ranges,
                    &values,
                    &r.owners,
                    &r.projected,
                    &r.image,
                    &r.depth,
                    &self.image_grad,
                    &self.depth_grad,
                    &self.moments,
                ],
                groups_1d(r.ranges.len(), 4),
            )?;
            let view = ViewParams {
                first: part.start,
                last: part.end,
                ..view
            };
            recorder.run(
                &UPDATE,
                &rates.0.with_view(&view),
                &[
                    &r.splats,
                    &r.sh,
                    &r.offsets,
                    &self.moments,
                    &self.mean,
                    &self.square,
                    &self.sh_mean,
                    &self.sh_square,
                    &self.credit,
                ],
                groups_1d(self.n, 64),
            )?;
        }
        recorder.submit()?;
        Ok(())
    }

    /// Moves splats that show nothing to where others are pulled about; does not wait.
    pub fn relocate(&self, moving: &Moving) -> Result<(), SplatError> {
        let r = &self.renderer;
        let n = self.n as u32;
        let mut recorder = self.gpu.recorder();
        recorder.clear(&self.copies)?;
        let choose = ChooseParams {
            n,
            seed: moving.seed,
            limit: (moving.share * f64::from(u32::MAX)) as u32,
            unseen: moving.unseen,
            views: moving.views as f32,
            ..Default::default()
        };
        let groups = groups_1d(self.n.max(1), 64);
        recorder.run(
            &CHOOSE,
            &choose,
            &[
                &r.splats,
                &self.square,
                &self.credit,
                &self.source,
                &self.copies,
            ],
            groups,
        )?;
        let clone = CloneParams {
            n,
            seed: moving.seed,
            planes: r.planes as u32,
            views: moving.views as f32,
        };
        recorder.run(
            &CLONE,
            &clone,
            &[
                &self.source,
                &self.copies,
                &r.splats,
                &self.mean,
                &self.square,
                &r.sh,
                &self.sh_mean,
                &self.sh_square,
                &self.credit,
            ],
            groups,
        )?;
        recorder.run(
            &SHARE,
            &clone,
            &[
                &self.copies,
                &r.splats,
                &self.mean,
                &self.square,
                &self.sh_mean,
                &self.sh_square,
                &self.credit,
                &self.moved,
            ],
            groups,
        )?;
        recorder.submit()?;
        Ok(())
    }

    /// Splats that [`Trainer::relocate`] moved so far. Waits.
    pub fn moved(&self) -> Result<usize, SplatError> {
        Ok(self.gpu.read(&self.moved)?[0] as usize)
    }

    /// Slots at which a part of the backward pass begins and before which it ends: each part has the gradients of the
    /// splats whose slots begin there. One part where all slots fit.
    fn parts(&self) -> Vec<Range<u32>> {
        let (slots, fit) = (self.renderer.capacity(), self.moments.len());
        // The last splat of a part has a slot in each tile at most.
        let step = match slots > fit {
            true => fit.saturating_sub(self.renderer.ranges.len()),
            false => slots,
        };
        let firsts = (0..slots.max(1)).step_by(step.max(1));
        firsts
            .map(|first| {
                let end = first + step;
                // Splats whose slots do not fit at all are told so in the last.
                let last = if end >= slots { u32::MAX } else { end as u32 };
                first as u32..last
            })
            .collect()
    }

    /// Grows the instance buffers before they are full; true when they had been too small. Waits.
    pub fn make_room(&mut self) -> Result<bool, SplatError> {
        let most = self.renderer.most_instances()?;
        let short = most > self.renderer.capacity();
        if most + most / 4 > self.renderer.capacity() && self.renderer.grow(2 * most)? {
            self.fit_moments()?;
        }
        Ok(short)
    }

    /// Makes room for gradients after the instance buffers grew. Where memory runs out, those that there are serve, and
    /// the backward pass has more parts.
    fn fit_moments(&mut self) -> Result<(), SplatError> {
        let wanted = moments(&self.gpu, &self.renderer);
        if self.moments.len() >= wanted {
            return Ok(());
        }
        match self.gpu.alloc(wanted) {
            Ok(moments) => self.moments = moments,
            Err(GpuError::OutOfMemory { .. })
                if self.moments.len() >= least_moments(&self.renderer) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The most instances one image asked for.
    pub fn most_instances(&self) -> Result<usize, SplatError> {
        self.renderer.most_instances()
    }

    /// Reads the splats back, with all their harmonics.
    pub fn splats(&self) -> Result<Splats, SplatError> {
        let records = self.gpu.read(&self.renderer.splats)?;
        let planes = self.gpu.read(&self.renderer.sh)?;
        Ok(Splats::from_records(
            &records,
            &planes,
            self.renderer.own_degree,
        ))
    }

    /// The degree of spherical harmonics that counts from here on; at most the splats' own.
    pub fn set_degree(&mut self, sh_degree: u32) {
        self.renderer.sh_degree = sh_degree.min(self.renderer.own_degree);
    }

    /// Splats with their first and second moments as they are now. Waits.
    pub fn state(&self) -> Result<State, SplatError> {
        let r = &self.renderer;
        let splats = [&r.splats, &self.mean, &self.square].map(|b| self.gpu.read(b));
        let sh = [&r.sh, &self.sh_mean, &self.sh_square].map(|b| self.gpu.read(b));
        let [splats, mean, square] = splats;
        let [sh, sh_mean, sh_square] = sh;
        Ok(State {
            splats: [splats?, mean?, square?],
            sh: [sh?, sh_mean?, sh_square?],
            credit: self.gpu.read(&self.credit)?,
        })
    }

    /// Replaces what [`Trainer::state`] read.
    pub fn set_state(&self, state: &State) -> Result<(), SplatError> {
        let r = &self.renderer;
        let splats = [&r.splats, &self.mean, &self.square];
        for (buffer, values) in splats.into_iter().zip(&state.splats) {
            self.gpu.write(buffer, 0, values)?;
        }
        let sh = [&r.sh, &self.sh_mean, &self.sh_square];
        for (buffer, values) in sh.into_iter().zip(&state.sh) {
            self.gpu.write(buffer, 0, values)?;
        }
        self.gpu.write(&self.credit, 0, &state.credit)?;
        Ok(())
    }

    /// PSNR in dB and SSIM of a rendering against a frame, both over `background`, where nothing is `moving` (empty for
    /// nowhere); `None` where nearly all is. SSIM's windows reach five pixels into what moves. Waits.
    pub fn compare(
        &mut self,
        camera: &Camera,
        truth: &Buffer<u32>,
        moving: &[bool],
        background: [f32; 3],
    ) -> Result<Option<[f64; 2]>, SplatError> {
        let rendering = self.renderer.render(camera, background)?;
        self.fit_moments()?;
        let params = self.loss_params(background, 0.0, 0.0);
        let mut recorder = self.gpu.recorder();
        self.record_ssim(&mut recorder, &params, truth)?;
        recorder.submit()?;
        let partials = self.gpu.read(&self.partials)?;
        let frame = self.gpu.read(truth)?;
        let still = |i: &usize| !moving.get(*i).copied().unwrap_or(false);
        let still: Vec<usize> = (0..frame.len()).filter(still).collect();
        if (still.len() as f64) < LEAST_STILL * frame.len() as f64 {
            return Ok(None);
        }
        let ssim = still.iter().map(|&i| f64::from(partials[i].x[3]));
        let ssim = ssim.sum::<f64>() / still.len() as f64;
        let pixels = still.iter().map(|&i| (rendering.rgba[i], frame[i]));
        Ok(Some([psnr(pixels, background), ssim]))
    }
}

/// Slots whose gradients must be held at once: those of a part's last splat, and as many before it.
fn least_moments(renderer: &Renderer) -> usize {
    2 * renderer.ranges.len()
}

/// Gradients for all slots, or for a half, a quarter, ... of them where memory runs out.
fn first_moments(gpu: &Gpu, renderer: &Renderer) -> Result<Buffer<Moments>, GpuError> {
    let mut count = moments(gpu, renderer);
    loop {
        match gpu.alloc(count) {
            Err(GpuError::OutOfMemory { .. }) if count / 2 >= least_moments(renderer) => count /= 2,
            made => return made,
        }
    }
}

/// Slots whose gradients are held at once.
fn moments(gpu: &Gpu, renderer: &Renderer) -> usize {
    renderer.capacity().min(gpu.caps().most::<Moments>())
}

/// Peak signal-to-noise ratio in dB of packed pixels against a packed frame laid over `background`; identical
/// images are 100 dB.
fn psnr(pixels: impl Iterator<Item = (u32, u32)>, background: [f32; 3]) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for (r, f) in pixels {
        count += 1;
        let alpha = f64::from(f >> 24) / 255.0;
        for (c, behind) in background.iter().enumerate() {
            let seen = f64::from(r >> (8 * c) & 255) / 255.0;
            let wanted =
                f64::from(f >> (8 * c) & 255) / 255.0 * alpha + f64::from(*behind) * (1.0 - alpha);
            sum += (seen - wanted).powi(2);
        }
    }
    let mse = sum / (3 * count).max(1) as f64;
    if mse < 1e-10 {
        100.0
    } else {
        -10.0 * mse.log10()
    }
}

#[cfg(test)]
mod tests {
    use glam::{DMat3, DVec3};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::*;
    use crate::camera::{Intrinsics, Pose};
    use crate::gpu::AdapterChoice;

    const SIDE: u32 = 64;
    /// Slots that take some 100 MB of gradients, which one binding holds.
    const MANY: usize = 2 << 20;

    fn cloud() -> Splats {
        let n = 400;
        let at = |i: usize, by: usize| (i * by % 101) as f32 / 50.0 - 1.0;
        Splats {
            positions: (0..n)
                .map(|i| [at(i, 37), at(i, 61), 3.0 + at(i, 17)])
                .collect(),
            log_scales: vec![[-2.5; 3]; n],
            rotations: vec![[1.0, 0.0, 0.0, 0.0]; n],
            opacity_logits: vec![0.5; n],
            sh_degree: 0,
            sh: (0..n).map(|i| [at(i, 7), at(i, 11), at(i, 13)]).collect(),
        }
    }

    fn stepped(trainer: &Trainer, truth: &Buffer<u32>) -> State {
        let side = f64::from(SIDE);
        let camera = Camera {
            frame: 0,
            time: 0.0,
            depth_scale: 1.0,
            depth_shift: 0.0,
            intrinsics: Intrinsics {
                fx: side,
                fy: side,
                cx: side / 2.0,
                cy: side / 2.0,
                width: SIDE,
                height: SIDE,
            },
            pose: Pose {
                rotation: DMat3::IDENTITY,
                position: DVec3::ZERO,
            },
        };
        let rates = Rates::at(&FitOptions::default(), 3.0, 0.0, 1000);
        trainer
            .step(&camera, truth, None, [0.0; 3], 0.2, &rates)
            .expect("a step");
        trainer.state().expect("state")
    }

    /// Runs alone in a process of its own, whose memory it limits; see the test below.
    #[test]
    #[ignore = "limits the memory of its process; the next test runs it"]
    fn gradients_find_no_room() {
        let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
        if gpu.summary().kind != "software" {
            println!("its memory is not this process's: went on in parts, not tried");
            return;
        }
        let truth = gpu
            .upload(&vec![0xFF80_4020; (SIDE * SIDE) as usize])
            .expect("upload");
        let trainer = || Trainer::new(&gpu, &cloud(), SIDE, SIDE).expect("a trainer");
        let mut whole = trainer();
        assert!(whole.renderer.grow(MANY).expect("grow"));
        whole.fit_moments().expect("room");
        assert_eq!((whole.moments.len(), whole.parts().len()), (MANY, 1));
        let want = stepped(&whole, &truth);
        drop(whole);
        gpu.wait().expect("wait");
        let mut short = trainer();
        let few = short.moments.len();
        assert!(short.renderer.grow(MANY).expect("grow"));
        let status = std::fs::read_to_string("/proc/self/statm").expect("statm");
        let pages: u64 = status
            .split(' ')
            .next()
            .and_then(|size| size.parse().ok())
            .expect("pages");
        let old = getrlimit(Resource::As);
        let limited = Rlimit {
            current: Some(pages * 4096 + (48 << 20)),
            maximum: old.maximum,
        };
        setrlimit(Resource::As, limited).expect("limit");
        assert!(matches!(
            gpu.alloc::<Moments>(MANY),
            Err(GpuError::OutOfMemory { .. })
        ));
        short.fit_moments().expect("goes on in parts");
        setrlimit(Resource::As, old).expect("limit");
        assert_eq!(short.moments.len(), few);
        assert!(short.parts().len() > 15, "{}", short.parts().len());
        assert!(stepped(&short, &truth) == want, "the same step");
        println!("went on in parts");
    }

    #[test]
    fn where_no_room_is_for_all_gradients_a_fit_goes_on_in_more_parts() {
        let output = std::process::Command::new(std::env::current_exe().expect("exe"))
            .args(["splat::trainer::tests::gradients_find_no_room", "--exact"])
            .args(["--ignored", "--nocapture"])
            .output()
            .expect("run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("went on in parts"), "{text}");
    }
}
