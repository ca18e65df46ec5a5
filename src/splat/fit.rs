//! Fits splats to posed frames.

use super::harmonics::{MOST_DEGREE, planes};
use super::init::{Initial, View, initial, inverse_depth};
use super::options::{Background, FitOptions, FitReport, HeldOut};
use super::relocate::relocate;
use super::renderer::most_instances;
use super::trainer::{Rates, Trainer};
use super::{SplatError, Splats};
use crate::camera::{Camera, Cameras};
use crate::depth::DepthMaps;
use crate::gpu::{Buffer, Gpu};
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
    let Initial {
        splats,
        from,
        extent,
    } = initial(
        &views,
        depth,
        options.splats,
        options.sh_degree,
        options.seed,
    )?;
    drop(views);
    let targets = fitted
        .iter()
        .map(|camera| depth_target(gpu, frames, camera, depth, &moving[camera.frame]))
        .collect::<Result<Vec<_>, SplatError>>()?;

    let mut trainer = Trainer::new(gpu, &splats, frames.width, frames.height)?;
    let some: Vec<_> = sample(&fitted, 8);
    let shown = Shown {
        frames,
        moving: &moving,
        background: options.eval_background,
    };
    let before = shown.by(&mut trainer, &some, monitor)?;
    let initial_psnr = mean(&before, |h| h.psnr);

    let mut rng = Rng::new(options.seed);
    let mut order: Vec<usize> = Vec::new();
    let (mut relocated, mut overflow_steps) = (0, 0);
    for step in 0..options.steps {
        if order.is_empty() {
            order = (0..fitted.len()).collect();
            rng.shuffle(&mut order);
        }
        let at = order.pop().unwrap_or_default();
        let background = match options.background {
            Background::Fixed(colour) => colour,
            Background::Random => std::array::from_fn(|_| rng.unit() as f32),
        };
        let t = step as f32 / options.steps.max(1) as f32;
        trainer.set_degree(degree_at(options, step));
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
            &Rates::at(options, extent, t),
        )?;
        if (step + 1) % LOOK == 0 {
            monitor.progress(u64::from(step + 1), u64::from(options.steps));
            // Waits, so that the queue stays short and a stop is heard soon.
            overflow_steps += u32::from(trainer.make_room()?) * LOOK;
            if monitor.stopped() {
                return Err(SplatError::Interrupted);
            }
        }
        let every = options.relocate_every;
        if every > 0 && (step + 1) % every == 0 && (step + 1) * 5 <= options.steps * 4 {
            relocated += relocate(&trainer, &mut rng)?;
        }
    }
    overflow_steps += u32::from(trainer.make_room()?) * (options.steps % LOOK);
    monitor.progress(options.steps.into(), options.steps.into());
    if overflow_steps > 0 {
        monitor.warn(&format!(
            "in up to {overflow_steps} of {} steps the instance buffers were too small and splats were left out",
            options.steps
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
            step: options.steps,
            reason: format!("a parameter is {bad}"),
        });
    }
    let held_out = shown.by(&mut trainer, &held, monitor)?;
    let trained = shown.by(&mut trainer, &some, monitor)?;
    let report = FitReport {
        steps: options.steps,
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
        relocated,
    };
    Ok(Fit { splats, report })
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

/// The degree of spherical harmonics that counts in a step: one more in each of the equal parts of the first half, so that what is alike
/// from all sides is found first.
fn degree_at(options: &FitOptions, step: u32) -> u32 {
    let parts = u64::from(options.sh_degree) + 1;
    let part = 2 * u64::from(step) * parts / u64::from(options.steps.max(1));
    options.sh_degree.min(part as u32)
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
        let of = |sh_degree, steps| FitOptions {
            sh_degree,
            steps,
            ..FitOptions::default()
        };
        let at = |step| degree_at(&of(3, 800), step);
        assert_eq!(
            [0, 99, 100, 199, 200, 300, 799].map(at),
            [0, 0, 1, 1, 2, 3, 3]
        );
        assert_eq!(degree_at(&of(0, 10), 9), 0);
        assert_eq!(degree_at(&of(1, 1), 0), 0);
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
