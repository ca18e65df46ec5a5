//! Splats: steps of a fit, and renderings.

use anyhow::ensure;
use glam::{DMat3, DVec3};

use super::{Ground, Size, Stage, Unfit, Work};
use crate::camera::{Camera, Intrinsics, Pose};
use crate::gpu::Gpu;
use crate::numeric::Rng;
use crate::splat::{FitOptions, Rates, Renderer, Splats, Trainer};

const SEED: u64 = 7;
/// Steps of one run.
const STEPS: usize = 4;
/// Mean depth of the cloud.
const EXTENT: f64 = 6.0;

const SIZES: [Size; 4] = [
    Size::new("100k splats, 1280x720", 100_000, [1280, 720], 1.0),
    Size::new("100k splats, 1920x1080", 100_000, [1920, 1080], 1.8),
    Size::new("1M splats, 1280x720", 1_000_000, [1280, 720], 7.0),
    Size::new("1M splats, 1920x1080", 1_000_000, [1920, 1080], 10.0),
];

/// As a fit does them, one frame a step.
pub static STEP: Stage = Stage {
    name: "splat-steps",
    unit: "steps",
    about: "steps of a fit: project, sort, rasterise, loss, backward, Adam",
    sizes: &SIZES,
    prepare: prepare_steps,
};

/// With the readback of colour and depth.
pub static RENDER: Stage = Stage {
    name: "splat-renders",
    unit: "pictures",
    about: "renderings of splats, colour and depth read back",
    sizes: &SIZES,
    prepare: prepare_renders,
};

/// Splats of degree 1 in a box that fills the camera's view, each a few pixels wide.
fn cloud(count: usize) -> Splats {
    let mut rng = Rng::new(SEED);
    let mut splats = Splats {
        sh_degree: 1,
        ..Splats::default()
    };
    for _ in 0..count {
        let z = rng.range32(2.0, 10.0);
        let [x, y] = [rng.range32(-0.6, 0.6) * z, rng.range32(-0.35, 0.35) * z];
        splats.positions.push([x, y, z]);
        let mut log = || rng.range32(-5.2, -3.9);
        splats.log_scales.push([log(), log(), log()]);
        let mut part = || rng.range32(-1.0, 1.0);
        splats
            .rotations
            .push([part() + 2.0, part(), part(), part()]);
        splats.opacity_logits.push(rng.range32(-2.0, 3.0));
        for k in 0..4 {
            let most = if k == 0 { 1.5 } else { 0.2 };
            let mut colour = || rng.range32(-most, most);
            splats.sh.push([colour(), colour(), colour()]);
        }
    }
    splats
}

fn camera([width, height]: [u32; 2]) -> Camera {
    Camera {
        frame: 0,
        time: 0.0,
        intrinsics: Intrinsics::from_fov_x(width, height, 1.0),
        pose: Pose {
            rotation: DMat3::IDENTITY,
            position: DVec3::ZERO,
        },
        depth_scale: 1.0,
        depth_shift: 0.0,
    }
}

fn prepare_steps(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let [width, height] = size.picture;
    let trainer = Trainer::new(&gpu, &cloud(size.count), width, height)?;
    let pixels = width as usize * height as usize;
    // Soft stripes: a picture that the splats can come nearer to.
    let stripe = |i: usize| {
        let (x, y) = (i % width as usize, i / width as usize);
        let [r, g, b] = [x / 7 % 256, y / 5 % 256, (x + y) / 9 % 256].map(|v| v as u32);
        r | g << 8 | b << 16 | 255 << 24
    };
    let truth = gpu.upload(&(0..pixels).map(stripe).collect::<Vec<u32>>())?;
    let options = FitOptions::default();
    let (camera, rates) = (
        camera(size.picture),
        Rates::at(&options, EXTENT, 0.0, options.steps),
    );
    let step = move |trainer: &Trainer| {
        trainer.step(&camera, &truth, None, [0.5; 3], options.ssim, &rates)
    };
    let trainer = fitting(&gpu, trainer, &step)?;
    let first = trainer.state()?;
    let trainer = std::rc::Rc::new(trainer);
    let fresh = trainer.clone();
    let restored = gpu.clone();
    Ok(Work::restoring(
        STEPS as f64,
        // Splats move, and what a step costs with them.
        move || {
            fresh.set_state(&first)?;
            Ok(restored.wait()?)
        },
        move |monitor| {
            for _ in 0..STEPS {
                ensure!(!monitor.stopped(), "interrupted");
                step(&trainer)?;
            }
            Ok(gpu.wait()?)
        },
    ))
}

/// The trainer with room for all pairs of splat and tile: left out, they would make a step quicker.
fn fitting(
    gpu: &Gpu,
    mut trainer: Trainer,
    step: &impl Fn(&Trainer) -> Result<(), crate::splat::SplatError>,
) -> anyhow::Result<Trainer> {
    let first = trainer.state()?;
    for _ in 0..2 {
        step(&trainer)?;
        gpu.wait()?;
        let short = trainer.make_room()?;
        trainer.set_state(&first)?;
        if !short {
            return Ok(trainer);
        }
    }
    let pairs = trainer.most_instances()?;
    let limit = gpu.caps().binding >> 20;
    Err(Unfit(format!(
        "{pairs} pairs of splat and tile do not fit a binding: {} is {limit} MiB",
        gpu.caps().limits.whose()
    ))
    .into())
}

fn prepare_renders(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let [width, height] = size.picture;
    let mut renderer = Renderer::new(&gpu, &cloud(size.count), width, height, 0)?;
    let camera = camera(size.picture);
    Ok(Work::new(1.0, move |_| {
        renderer.render(&camera, [0.0; 3])?;
        Ok(())
    }))
}
