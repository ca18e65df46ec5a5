//! Fits splats to posed frames.

use std::time::{Duration, Instant};

use super::harmonics::{MOST_DEGREE, planes};
use super::init::{Initial, View, initial, inverse_depth};
use super::options::{Background, FitOptions, FitReport, HeldOut};
use super::renderer::most_instances;
use super::trainer::{Moving, Rates, Trainer};
use super::{SplatError, Splats};
use crate::camera::{Camera, Cameras};
use crate::depth::DepthMaps;
use crate::gpu::{Buffer, Gpu, GpuError};
use crate::monitor::Monitor;
use crate::motion::Masks;
use crate::numeric::Rng;
use crate::numeric::median;
use crate::video::Frames;

/// A fitted cloud and its report.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The splats, in the cameras' world.
    pub splats: Splats,
    /// How well they fit.
    pub report: FitReport,
}

/// Steps between two looks at the monitor and at the instance buffers.
const LOOK: u32 = 20;
/// Views of a splat that a judgement of whether it shows anything takes.
const VIEWS: u32 = 20;
/// Fewer are not tried where memory runs out.
const FEWEST: usize = 1000;
/// A splat that fills less than this share of its part of a picture in each of them, weighted by blending, would not be missed. Its part is
/// what a picture shows over all splats.
const MISSED: f64 = 0.2;
/// Share of those that would not be missed that move at once.
const AT_ONCE: f64 = 0.5;

/// Fits `options.splats` splats to the registered frames of `cameras`.
///
/// Frames are at the working size, sRGB; colours are fitted as stored. Where a frame has alpha below 255 it is laid
/// over the fit's background. Depth, where given, starts the splats and holds them by inverse depth. What moves by the masks
/// is no part of the splats: it counts neither in the fit nor in how well held-out frames are shown. Each
/// `hold_out_every`-th registered frame is used for the report only.
///
/// # Errors
/// [`SplatError::Input`] when cameras and frames do not fit together, [`SplatError::Gpu`],
/// [`SplatError::Diverged`], [`SplatError::Interrupted`].
pub fn fit(
    gpu: &Gpu,
    frames: &Frames,
    cameras: &Cameras,
    (depth, masks): (Option<&DepthMaps>, Option<&Masks>),
    options: &FitOptions,
    monitor: &dyn Monitor,
) -> Result<Fit, SplatError> {
    check(frames, cameras, options)?;
    let options = &fitting(options, Room::of(gpu), monitor);
    let (held, train) = split(&cameras.cameras, options.hold_out_every);
    let fitted: Vec<Camera> = train
        .iter()
        .map(|c| Camera {
            intrinsics: c.intrinsics.resized(frames.width, frames.height),
            ..*c
        })
        .collect();
    let size = [frames.width, frames.height];
    let moving: Vec<Vec<bool>> = (0..frames.len())
        .map(|frame| masks.map_or_else(Vec::new, |masks| masks.moving(frame, size)))
        .collect();
    let views = fitted
        .iter()
        .map(|camera| {
            if monitor.stopped() {
                return Err(SplatError::Interrupted);
            }
            Ok(View {
                camera,
                pixels: frames.read(gpu, camera.frame)?,
                moving: moving[camera.frame].clone(),
            })
        })
        .collect::<Result<Vec<_>, SplatError>>()?;
    let (first, mut trainer) = with_fewer(options, monitor, |splats| {
        // What an attempt before this one let go of is gone only then.
        gpu.wait()?;
        let first = initial(&views, depth, splats, options.sh_degree, options.seed)?;
        let trainer = Trainer::new(gpu, &first.splats, frames.width, frames.height)?;
        Ok((first, trainer))
    })?;
    let Initial {
        splats,
        from,
        extent,
    } = first;
    let shown = shown_pixels(&views);
    drop(views);
    let targets = fitted
        .iter()
        .map(|camera| depth_target(gpu, frames, camera, depth, &moving[camera.frame]))
        .collect::<Result<Vec<_>, SplatError>>()?;

    let some: Vec<_> = sample(&fitted, 8);
    let compared = Shown {
        frames,
        moving: &moving,
        background: options.eval_background,
    };
    let before = compared.by(&mut trainer, &some, monitor)?;
    let initial_psnr = mean(&before, |h| h.psnr);

    let mut rng = Rng::new(options.seed);
    let mut order: Vec<usize> = Vec::new();
    let mut overflow_steps = 0;
    let started = Instant::now();
    let (mut pace, mut step, mut looked) = (Pace::new(options), 0, 0);
    while step < pace.steps {
        let t = pace.share(step);
        if order.is_empty() {
            order = (0..fitted.len()).collect();
            rng.shuffle(&mut order);
        }
        let at = order.pop().unwrap_or_default();
        let background = match options.background {
            Background::Fixed(colour) => colour,
            Background::Random => std::array::from_fn(|_| rng.unit() as f32),
        };
        trainer.set_degree(degree_at(options, t));
        let (target, scale) = &targets[at];
        let depth_weight = options.depth_first
            * (options.depth_last / options.depth_first.max(1e-12)).powf(t)
            * *scale as f32;
        trainer.step(
            &fitted[at],
            &frames.rgba[fitted[at].frame],
            target.as_ref().map(|buffer| (buffer, depth_weight)),
            background,
            options.ssim,
            &Rates::at(options, extent, t, pace.steps),
        )?;
        step += 1;
        // The first looks of a fit that ends by the clock are early ones, so that its rates fall as they should.
        if step % LOOK == 0 || (options.max_seconds > 0 && step < LOOK && step.is_power_of_two()) {
            monitor.progress(u64::from(step), u64::from(pace.steps));
            // Waits, so that the queue stays short and a stop is heard soon.
            overflow_steps += u32::from(trainer.make_room()?) * (step - looked);
            looked = step;
            pace.look(options, step, started.elapsed());
            if monitor.stopped() {
                return Err(SplatError::Interrupted);
            }
        }
        let every = options.relocate_every;
        if every > 0 && step % every == 0 && pace.share(step) <= 0.8 {
            trainer.relocate(&Moving {
                seed: rng.next() as u32,
                share: AT_ONCE,
                unseen: (MISSED * shown / splats.len().max(1) as f64) as f32,
                views: VIEWS,
            })?;
        }
    }
    overflow_steps += u32::from(trainer.make_room()?) * (step - looked);
    monitor.progress(options.steps.into(), options.steps.into());
    if step < options.steps {
        monitor.warn(&format!(
            "the fit ended after {step} of {} steps: the {} s of fit.max_seconds were up",
            options.steps, options.max_seconds
        ));
    }
    if overflow_steps > 0 {
        monitor.warn(&format!(
            "in up to {overflow_steps} of {step} steps the instance buffers were too small and splats were left out"
        ));
    }

    trainer.set_degree(options.sh_degree);
    let splats = trainer.splats()?;
    if let Some(bad) = splats
        .positions
        .as_flattened()
        .iter()
        .chain(splats.log_scales.as_flattened())
        .chain(&splats.opacity_logits)
        .chain(splats.sh.as_flattened())
        .find(|v| !v.is_finite())
    {
        return Err(SplatError::Diverged {
            step,
            reason: format!("a parameter is {bad}"),
        });
    }
    let held_out = compared.by(&mut trainer, &held, monitor)?;
    let trained = compared.by(&mut trainer, &some, monitor)?;
    let report = FitReport {
        steps: step,
        planned_steps: options.steps,
        splats: splats.len(),
        sh_degree: options.sh_degree,
        width: frames.width,
        height: frames.height,
        initial: from.to_owned(),
        train_frames: fitted.len(),
        held_out_psnr: mean(&held_out, |h| h.psnr),
        held_out_ssim: mean(&held_out, |h| h.ssim),
        held_out,
        train_psnr: mean(&trained, |h| h.psnr),
        initial_psnr,
        most_instances: trainer.most_instances()?,
        overflow_steps,
        relocated: trainer.moved()?,
    };
    Ok(Fit { splats, report })
}

/// What an attempt makes, with half of the splats each time that the device has not the memory.
fn with_fewer<T>(
    options: &FitOptions,
    monitor: &dyn Monitor,
    attempt: impl Fn(usize) -> Result<T, SplatError>,
) -> Result<T, SplatError> {
    let mut splats = options.splats;
    loop {
        match attempt(splats) {
            Err(SplatError::Gpu(error @ GpuError::OutOfMemory { .. })) if splats >= 2 * FEWEST => {
                let fewer = splats / 2;
                monitor.warn(&format!(
                    "{splats} splats do not fit the memory of the adapter ({error}); {fewer} are fitted instead"
                ));
                splats = fewer;
            }
            made => return made,
        }
    }
}

/// Pixels of a picture that splats are to show, in the mean.
fn shown_pixels(views: &[View<'_>]) -> f64 {
    let of = |view: &View<'_>| {
        let moves = |i: usize| view.moving.get(i).copied().unwrap_or(false);
        let pixels = view.pixels.iter().enumerate();
        pixels
            .filter(|(i, p)| **p >> 24 >= 128 && !moves(*i))
            .count()
    };
    let all: usize = views.iter().map(of).sum();
    all as f64 / views.len().max(1) as f64
}

fn check(frames: &Frames, cameras: &Cameras, options: &FitOptions) -> Result<(), SplatError> {
    let refuse = |reason: String| Err(SplatError::Input(reason));
    if options.sh_degree > MOST_DEGREE {
        return refuse(format!(
            "sh_degree is {}; 0 to {MOST_DEGREE} are supported",
            options.sh_degree
        ));
    }
    if options.splats == 0 || options.splats > 1_000_000 {
        return refuse(format!(
            "splats is {}; 1 to 1000000 are supported",
            options.splats
        ));
    }
    if cameras.cameras.len() < 2 {
        return refuse(format!(
            "only {} of the frames have cameras, and splats need at least 2; give a longer clip, or cameras of more pictures",
            cameras.cameras.len()
        ));
    }
    for c in &cameras.cameras {
        if c.frame >= frames.len() {
            return refuse(format!(
                "a camera is for frame {}, the clip has {} frames",
                c.frame,
                frames.len()
            ));
        }
        let k = &c.intrinsics;
        let pose = c.pose.rotation.is_finite() && c.pose.position.is_finite();
        let pinhole = k.fx > 0.0 && k.fy > 0.0 && k.width > 0 && k.height > 0;
        if !(pose && pinhole) {
            return refuse(format!("the camera of frame {} is not usable", c.frame));
        }
    }
    Ok(())
}

/// How many steps a fit has: those that were asked for, or those that its time bears where that is limited.
#[derive(Clone, Copy, Debug)]
struct Pace {
    steps: u32,
}

impl Pace {
    fn new(options: &FitOptions) -> Self {
        Self {
            steps: options.steps,
        }
    }

    /// After `step` steps that took `spent`.
    fn look(&mut self, options: &FitOptions, step: u32, spent: Duration) {
        if options.max_seconds > 0 {
            let a_step = spent.as_secs_f64() / f64::from(step.max(1));
            let left = (f64::from(options.max_seconds) - spent.as_secs_f64()).max(0.0);
            let bears = f64::from(step) + (left / a_step.max(1e-9)).floor();
            self.steps = bears.min(options.steps.into()) as u32;
        }
    }

    /// How much of the schedule is behind a fit before a step.
    fn share(&self, step: u32) -> f32 {
        step as f32 / self.steps.max(1) as f32
    }
}

/// The degree of spherical harmonics that counts after a share of the schedule: one more in each of the equal parts of the first half, so
/// that what is alike from all sides is found first.
fn degree_at(options: &FitOptions, share: f32) -> u32 {
    let parts = (options.sh_degree + 1) as f32;
    options.sh_degree.min((2.0 * share * parts) as u32)
}

/// The registered cameras that a fit with these options never looks at.
pub fn held_out(cameras: &Cameras, options: &FitOptions) -> Vec<Camera> {
    split(&cameras.cameras, options.hold_out_every).0
}

/// Held-out and training cameras; each `every`-th is held out, from the middle of the first such run on.
fn split(cameras: &[Camera], every: usize) -> (Vec<Camera>, Vec<Camera>) {
    let (mut held, mut train) = (Vec::new(), Vec::new());
    for (i, camera) in cameras.iter().enumerate() {
        if every > 1 && i % every == every / 2 {
            held.push(*camera);
        } else {
            train.push(*camera);
        }
    }
    (held, train)
}

fn sample(cameras: &[Camera], most: usize) -> Vec<Camera> {
    let n = cameras.len().min(most);
    (0..n).map(|k| cameras[k * cameras.len() / n]).collect()
}

fn mean(figures: &[HeldOut], of: impl Fn(&HeldOut) -> f64) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().map(of).sum::<f64>() / figures.len() as f64)
}

/// Inverse depth at each pixel, 0 where unknown and -1 where a pixel counts for nothing, and the weight that makes its error
/// relative.
fn depth_target(
    gpu: &Gpu,
    frames: &Frames,
    camera: &Camera,
    depth: Option<&DepthMaps>,
    moving: &[bool],
) -> Result<(Option<Buffer<f32>>, f64), SplatError> {
    let map = depth.and_then(|maps| Some((maps.kind, maps.maps.get(camera.frame)?.as_ref()?)));
    if map.is_none() && !moving.contains(&true) {
        return Ok((None, 0.0));
    }
    let (w, h) = (frames.width, frames.height);
    let mut known = Vec::new();
    let mut values = Vec::with_capacity((w * h) as usize);
    for y in 0..h {
        for x in 0..w {
            let (u, v) = (
                (f64::from(x) + 0.5) / f64::from(w),
                (f64::from(y) + 0.5) / f64::from(h),
            );
            let rho = map.and_then(|(kind, map)| inverse_depth(kind, camera, map.sample(u, v)?));
            if moving.get((y * w + x) as usize) == Some(&true) {
                values.push(-1.0);
                continue;
            }
            known.extend(rho);
            values.push(rho.unwrap_or(0.0) as f32);
        }
    }
    let weight = median(&mut known).map_or(0.0, |middle| 1.0 / middle);
    Ok((Some(gpu.upload(&values)?), weight))
}

/// What renderings are compared with.
struct Shown<'a> {
    frames: &'a Frames,
    /// Which pixels of each frame move.
    moving: &'a [Vec<bool>],
    background: [f32; 3],
}

impl Shown<'_> {
    /// How well cameras are shown. A camera that asks for more than the adapter holds is left out, and told of: a fit is
    /// not lost over a figure.
    fn by(
        &self,
        trainer: &mut Trainer,
        cameras: &[Camera],
        monitor: &dyn Monitor,
    ) -> Result<Vec<HeldOut>, SplatError> {
        let mut figures = Vec::with_capacity(cameras.len());
        for camera in cameras {
            let frame = camera.frame;
            let moving = &self.moving[frame];
            match trainer.compare(camera, &self.frames.rgba[frame], moving, self.background) {
                // Nearly all of it moves: the rest does not tell how well it is shown.
                Ok(None) => {}
                Ok(Some([psnr, ssim])) => figures.push(HeldOut { frame, psnr, ssim }),
                Err(error @ SplatError::Overflow { .. }) => {
                    monitor.warn(&format!("frame {frame} is not compared: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(figures)
    }
}

/// Pairs of splat and tile that are expected of a splat: 12 to 16 were seen at our own presets.
const TILES: usize = 16;

/// What a binding of an adapter holds.
#[derive(Clone, Copy)]
struct Room {
    /// Pairs of splat and tile.
    pairs: usize,
    /// Vectors of four floats, which coefficients lie in.
    vectors: usize,
}

impl Room {
    fn of(gpu: &Gpu) -> Self {
        Self {
            pairs: most_instances(gpu),
            vectors: gpu.caps().most::<[f32; 4]>(),
        }
    }
}

/// The options with no more splats than an adapter can train.
fn fitting(options: &FitOptions, room: Room, monitor: &dyn Monitor) -> FitOptions {
    let by_pairs = (room.pairs / TILES).max(1);
    let by_colour = (room.vectors / planes(options.sh_degree)).max(1);
    let most = by_pairs.min(by_colour);
    if options.splats > most {
        let why = match by_pairs <= by_colour {
            true => format!(
                "a binding holds {} pairs of splat and tile here, and a splat makes some {TILES}",
                room.pairs
            ),
            false => format!(
                "a binding holds the spherical harmonics of no more here, of degree {}",
                options.sh_degree
            ),
        };
        monitor.warn(&format!(
            "{most} splats are fitted in place of {}: {why}",
            options.splats
        ));
    }
    FitOptions {
        splats: options.splats.min(most),
        ..options.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Warnings(Mutex<Vec<String>>);

    impl Monitor for Warnings {
        fn warn(&self, message: &str) {
            self.0.lock().expect("warnings").push(message.to_owned());
        }
    }

    #[test]
    fn degrees_come_one_after_the_other() {
        let of = |sh_degree| FitOptions {
            sh_degree,
            ..FitOptions::default()
        };
        let at = |share| degree_at(&of(3), share);
        let shares = [0.0, 0.124, 0.125, 0.249, 0.25, 0.375, 0.999];
        assert_eq!(shares.map(at), [0, 0, 1, 1, 2, 3, 3]);
        assert_eq!(degree_at(&of(0), 0.9), 0);
        assert_eq!(degree_at(&of(1), 0.0), 0);
    }

    #[test]
    fn a_fit_has_the_steps_that_its_time_bears() {
        let after = |max_seconds, step, spent| {
            let options = FitOptions {
                steps: 400,
                max_seconds,
                ..FitOptions::default()
            };
            let mut pace = Pace::new(&options);
            assert_eq!(pace.steps, 400);
            pace.look(&options, step, Duration::from_secs_f64(spent));
            (pace.steps, pace.share(step))
        };
        assert_eq!(after(0, 100, 900.0), (400, 0.25));
        // A second a step: 60 of them. Quick ones: all. No time left: none more.
        assert_eq!(after(60, 30, 30.0), (60, 0.5));
        assert_eq!(after(60, 100, 1.0), (400, 0.25));
        assert_eq!(after(60, 20, 70.0), (20, 1.0));
    }

    #[test]
    fn where_memory_runs_out_half_of_the_splats_are_fitted_and_that_is_told() {
        let told = Warnings::default();
        let options = FitOptions {
            splats: 100_000,
            ..FitOptions::default()
        };
        let up_to = |most: usize| {
            move |splats: usize| match splats > most {
                true => Err(SplatError::Gpu(GpuError::OutOfMemory {
                    doing: "allocating".to_owned(),
                    reason: "full".to_owned(),
                })),
                false => Ok(splats),
            }
        };
        let made = with_fewer(&options, &told, up_to(30_000));
        assert_eq!(made.expect("fewer"), 25_000);
        let words = told.0.lock().expect("warnings").clone();
        assert_eq!(words.len(), 2);
        assert!(words[1].starts_with("50000 splats") && words[1].contains("25000 are fitted"));
        // Not on and on, and no other fault is taken for this one.
        assert!(with_fewer(&options, &told, up_to(10)).is_err());
        let other = |_: usize| Err::<(), _>(SplatError::Interrupted);
        assert!(with_fewer(&options, &Warnings::default(), other).is_err());
    }

    #[test]
    fn no_more_splats_are_fitted_than_the_adapter_holds_and_that_is_told() {
        let told = Warnings::default();
        let options = FitOptions {
            splats: 250_000,
            ..FitOptions::default()
        };
        let most = 2_800_000;
        let room = |pairs, vectors| Room { pairs, vectors };
        let fits = fitting(&options, room(most, most), &told).splats;
        assert!(fits * TILES <= most && (fits + 1) * TILES > most);
        let words = told.0.lock().expect("warnings").concat();
        assert!(
            words.contains("250000") && words.contains(&fits.to_string()),
            "{words}"
        );
        let large = room(44 << 20, 8 << 20);
        assert_eq!(fitting(&options, large, &told).splats, 250_000);
        assert_eq!(told.0.lock().expect("warnings").len(), 1);
        // Twelve vectors a splat.
        let shiny = FitOptions {
            splats: 1_000_000,
            sh_degree: 3,
            ..options
        };
        assert_eq!(fitting(&shiny, large, &told).splats, (8 << 20) / 12);
        let words = told.0.lock().expect("warnings").concat();
        assert!(words.contains("degree 3"), "{words}");
    }
}
