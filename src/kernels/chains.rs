//! Every kernel beside its twin, on the data of small but real chains: a take of the mock world from its first ray to the
//! agents in its world, and what such a take does not reach.

use std::error::Error;
use std::time::Instant;

use candle_onnx::onnx::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use glam::DVec3;
use serde::Serialize;

use crate::agent::raycast::{Caster, Ray};
use crate::agent::{self, AgentOptions};
use crate::camera::{Cameras, LengthUnit};
use crate::depth::{self, DepthKind, DepthMap, DepthMaps, Model, Place};
use crate::eval::corrupt::{Anchors, Corruption, Kind, corrupt};
use crate::gpu::caps::{EIGHTS, EightsParams};
use crate::gpu::compact::Compact;
use crate::gpu::histogram::Histogram;
use crate::gpu::image::{Pyramid, filter};
use crate::gpu::reduce::{Op, Reduce};
use crate::gpu::scan::Scan;
use crate::gpu::shadow::{Finding, Mode};
use crate::gpu::sort::Sort;
use crate::gpu::{AnyBuffer, Buffer, Gpu, Kernel, Shadow, Tier, groups_1d, groups_2d};
use crate::mock::defects::{self, exactly};
use crate::mock::render::{Renderer, Shot, Want};
use crate::mock::{Clip, Scene, understand};
use crate::monitor::{Monitor, Silent};
use crate::motion::{self, MotionOptions};
use crate::onnx::device::{Weights, uploaded};
use crate::onnx::{Plan, input_tensor};
use crate::score::{self, ScoreOptions};
use crate::splat::{self, FitOptions, Moving, Rates, Splats, Trainer};
use crate::video::{
    CONVERT, CONVERT_420, CONVERT_HDR, ConvertParams, Frames, SHRINK_420, SPLIT, SplitParams,
    UndistortParams, VideoInfo,
};
use crate::world::sweep::Sweep;
use crate::world::{self, DepthView, WorldOptions};

/// What a chain answers.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Dispatches that belong together.
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&Gpu) -> Outcome,
}

/// All chains; together they dispatch every kernel.
pub static CHAINS: &[Chain] = &[
    Chain {
        name: "primitives",
        run: primitives,
    },
    Chain {
        name: "conversion",
        run: conversion,
    },
    Chain {
        name: "take",
        run: take,
    },
    Chain {
        name: "faulty takes",
        run: faulty,
    },
    Chain {
        name: "networks",
        run: networks,
    },
];

/// What the chains found.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Of each kernel that was dispatched.
    pub kernels: Vec<Finding>,
    /// Kernels that no chain dispatched, for one of them ended early.
    pub unreached: Vec<&'static str>,
    /// Kernels that need what this device lacks.
    pub lacking: Vec<&'static str>,
    /// Chains that ended early, and why.
    pub failures: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Checked {
    /// Every kernel ran and agrees with its twin.
    pub fn is_good(&self) -> bool {
        self.unreached.is_empty()
            && self.failures.is_empty()
            && self.kernels.iter().all(Finding::agrees)
    }
}

/// Runs all chains on `gpu`, each kernel beside its twin. `monitor` hears of chains; once it is stopped, no more begin.
pub fn check(gpu: &Gpu, monitor: &dyn Monitor) -> Checked {
    let shadow = Shadow::new(Mode::Check);
    let watched = gpu.shadowed(&shadow);
    let begun = Instant::now();
    let mut failures = Vec::new();
    for (done, chain) in CHAINS.iter().enumerate() {
        if monitor.stopped() {
            failures.push(format!("{}: interrupted", chain.name));
            break;
        }
        if let Err(error) = (chain.run)(&watched) {
            failures.push(format!("{}: {error}", chain.name));
        }
        monitor.progress(done as u64 + 1, CHAINS.len() as u64);
    }
    let tier = gpu.tier().unwrap_or_else(|error| {
        failures.push(format!("the device's tier: {error}"));
        Tier::Plain
    });
    let kernels = shadow.findings();
    let seen = |kernel: &&Kernel| kernels.iter().any(|f| f.kernel == kernel.stem);
    let missing = super::all().into_iter().filter(|kernel| !seen(kernel));
    let (lacking, unreached): (Vec<_>, Vec<_>) = missing.partition(|kernel| kernel.needs > tier);
    let stems = |kernels: Vec<&Kernel>| kernels.iter().map(|kernel| kernel.stem).collect();
    Checked {
        unreached: stems(unreached),
        lacking: stems(lacking),
        kernels,
        failures,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

/// The same numbers in every run.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> u32 {
        // Numerical Recipes' linear congruential generator; its high bits are the good ones.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8 ^ self.0 << 16
    }

    fn many(&mut self, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        let one = |n: &mut Self| (n.next() >> 8) as f32 / (1 << 24) as f32;
        (0..count).map(|_| 200.0 * one(self) - 100.0).collect()
    }
}

/// Scan, sort, compaction, histogram, reduction, filter and pyramid, of lengths that host and device know.
pub fn primitives(gpu: &Gpu) -> Outcome {
    let mut numbers = Numbers(1);
    if gpu.tier()? >= EIGHTS.needs {
        let params = EightsParams {
            n: 90,
            ..Default::default()
        };
        let (found, mut recorder) = (gpu.alloc::<u32>(96)?, gpu.recorder());
        let groups = groups_1d(96, EIGHTS.workgroup[0]);
        recorder.run(&EIGHTS, &params, &[&found], groups)?;
        recorder.submit()?;
    }
    for n in [0, 1, 63, 1025, 9000] {
        let room = n + 5;
        let mut recorder = gpu.recorder();
        let keys = numbers.many(room);
        let count = gpu.upload(&[7, n as u32])?;
        let data = gpu.upload(&keys)?;
        Scan::new(gpu, room)?.record(&mut recorder, &data, n)?;
        let data = gpu.upload(&keys)?;
        Scan::new(gpu, room)?.record(&mut recorder, &data, (&count, 1))?;

        let sort = Sort::new(gpu, room)?;
        gpu.write(sort.keys(), 0, &keys)?;
        gpu.write(sort.values(), 0, &numbers.many(room))?;
        sort.record(&mut recorder, &count, 1, 20)?;

        let keys = gpu.upload(&keys)?;
        let flags: Vec<u32> = numbers.many(room).iter().map(|v| v >> 7 & 1).collect();
        let flags = gpu.upload(&flags)?;
        let compact = Compact::new(gpu, room)?;
        let (kept, how_many) = (gpu.alloc(room)?, gpu.alloc(2)?);
        let into = (&how_many, 1);
        compact.record(&mut recorder, &flags, None, n, &kept, into)?;
        let length = (&count, 1);
        compact.record(&mut recorder, &flags, Some(&keys), length, &kept, into)?;

        let (histogram, bins) = (Histogram::new(gpu)?, gpu.alloc(64)?);
        histogram.record(&mut recorder, &keys, n, 9, 6, &bins)?;

        let floats = gpu.upload(&numbers.floats(room))?;
        let n32 = n as u32;
        let offsets = gpu.upload(&[0, 0, n32 / 3, n32 / 2, n32 - n32 / 5, n32])?;
        let (sums, words) = (gpu.alloc::<f32>(5)?, gpu.alloc::<u32>(5)?);
        let reduce = Reduce::new(gpu, room)?;
        for op in [Op::SumF32, Op::MinF32, Op::MaxF32] {
            reduce.record(&mut recorder, op, &floats, length, &offsets, 5, &sums)?;
        }
        reduce.record(&mut recorder, Op::SumU32, &keys, n, &offsets, 5, &words)?;
        recorder.submit()?;
    }
    for (width, height) in [(1, 1), (7, 9), (33, 18)] {
        let n = (width * height) as usize;
        let mut recorder = gpu.recorder();
        let image = gpu.upload(&numbers.floats(n))?;
        let (between, out) = (gpu.alloc(n)?, gpu.alloc(n)?);
        let taps = [0.1, 0.2, 0.4, 0.2, 0.1];
        let size = (width, height);
        filter(&mut recorder, &taps, size, &image, &between, &out)?;
        Pyramid::new(gpu, out, size, 1)?.record(&mut recorder)?;
        recorder.submit()?;
    }
    Ok(())
}

/// How the planes that the encoder takes lie, as what the decoder gives.
fn stored([width, height]: [u32; 2]) -> ConvertParams {
    // Limited range of BT.709.
    let (luma, chroma) = (255.0 / 219.0 / 255.0, 255.0 / 224.0 / 255.0);
    let (red, blue) = (1.5748 * chroma, 1.8556 * chroma);
    let (green_red, green_blue) = (-0.4681 * chroma, -0.1873 * chroma);
    let rest = |by: f32| -16.0 * luma - 128.0 * by;
    // Whole words of sixteen pixels, as the quick kernels read them.
    let stride = width.next_multiple_of(32) as i32;
    let rows = height.div_ceil(2) as i32;
    let first = stride * height as i32;
    ConvertParams {
        row_r: [luma, 0.0, red, rest(red)],
        row_g: [luma, green_blue, green_red, rest(green_red + green_blue)],
        row_b: [luma, blue, 0.0, rest(blue)],
        base: [0, first, first + stride / 2 * rows, 0],
        stride: [stride, stride / 2, stride / 2, 0],
        step: [1, 1, 1, 0],
        mask: [255, 255, 255, 0],
        stored: [width, height],
        size: [width, height],
        chroma_log2: [1, 1],
        chroma_at: [0.0, 0.5],
        alpha_scale: 1.0 / 255.0,
        peak: 1000.0,
        ..ConvertParams::default()
    }
}

/// Stored frames to packed sRGB: the same planes upright, turned, smaller, and as if they were HDR.
pub fn conversion(gpu: &Gpu) -> Outcome {
    let mut numbers = Numbers(2);
    for size in [[2, 2], [36, 10], [64, 34]] {
        let params = stored(size);
        let bytes =
            (params.stride[0] as u32 * size[1] + params.stride[1] as u32 * size[1]) as usize;
        // Smooth enough that colours are not all cut off.
        let bytes: Vec<u8> = (0..bytes)
            .map(|i| (90 + i % 97) as u8 ^ (numbers.next() & 15) as u8)
            .collect();
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
        let src = gpu.upload(&words)?;
        let half = size.map(|side| (side / 3 * 2).max(1));
        let turned = ConvertParams {
            size: [size[1], size[0]],
            orient: 3,
            ..params
        };
        let mut recorder = gpu.recorder();
        let mut one = |kernel: &'static Kernel, params: ConvertParams, per: u32| {
            let out = gpu.alloc::<u32>((params.size[0] * params.size[1]) as usize)?;
            let [x, y] = [params.size[0].div_ceil(per), params.size[1]];
            let groups = groups_2d(x, y, kernel.workgroup);
            recorder.run(kernel, &params, &[&src, &out], groups)
        };
        one(&CONVERT, params, 1)?;
        one(&CONVERT, turned, 1)?;
        one(
            &SHRINK_420,
            ConvertParams {
                size: half,
                ..params
            },
            4,
        )?;
        for hlg in [0, 1] {
            let size = half;
            let params = ConvertParams {
                hlg,
                size,
                ..params
            };
            one(&CONVERT_HDR, params, 1)?;
        }
        if size[0].is_multiple_of(4) {
            let wide = gpu.alloc::<[u32; 4]>((size[0] * size[1] / 4) as usize)?;
            let (pairs, fours) = (src.cast::<[u32; 2]>(), src.cast::<[u32; 4]>());
            let buffers: [&dyn AnyBuffer; 4] = [&src, &pairs, &fours, &wide];
            let groups = groups_2d(
                size[0].div_ceil(16),
                size[1].div_ceil(2),
                CONVERT_420.workgroup,
            );
            recorder.run(&CONVERT_420, &params, &buffers, groups)?;
        }
        // The luma, as if it were chroma in pairs, into the planes of chroma.
        let rows = size[1].div_ceil(2);
        let split = SplitParams {
            pairs: 0,
            stride: params.stride[0] as u32 / 4,
            blue: params.base[1] as u32 / 4,
            red: params.base[2] as u32 / 4,
            row: params.stride[1] as u32 / 4,
            rows,
            ..SplitParams::default()
        };
        let groups = groups_2d(split.row, rows, SPLIT.workgroup);
        recorder.run(&SPLIT, &split, &[&src], groups)?;
        recorder.submit()?;
        undistortion(gpu, size)?;
    }
    Ok(())
}

/// A picture through lenses of both kinds, its pixels blended and as they are.
fn undistortion(gpu: &Gpu, size: [u32; 2]) -> Outcome {
    // Smooth, as pictures are: a level is a level wherever a ray lands.
    let pixel = |at: u32| {
        let [x, y] = [at % size[0], at / size[0]];
        u32::from_le_bytes([(3 * x) as u8, (5 * y) as u8, (x + y) as u8, 255])
    };
    let picture: Vec<u32> = (0..size[0] * size[1]).map(pixel).collect();
    let picture = gpu.upload(&picture)?;
    let [width, height] = size.map(|side| side as f32);
    for (fisheye, nearest) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let params = UndistortParams {
            size,
            fisheye,
            nearest,
            pinhole: [0.9 * width, 0.9 * width, 0.5 * width, 0.5 * height],
            lens: [0.9 * width, width, 0.48 * width, 0.53 * height],
            radial: [0.11, -0.03, 0.01, -0.002],
            under: [0.05, -0.01, 0.002, 1.5],
            tangential: [0.003, -0.004],
            circle: 0.4 * width * width,
            empty: 0,
        };
        params.apply(gpu, &picture)?;
    }
    Ok(())
}

/// The shots of a scene.
fn shots(gpu: &Gpu, scene: &Scene, want: Want) -> Result<Vec<Shot>, crate::gpu::GpuError> {
    let mut renderer = Renderer::new(gpu, scene, want)?;
    let mut shots = Vec::new();
    loop {
        let some = renderer.shoot()?;
        if some.is_empty() {
            return Ok(shots);
        }
        shots.extend(some);
    }
}

/// A small take: its scene, its shots, and its frames.
pub struct Take {
    /// The scene.
    pub scene: Scene,
    /// Its frames with what is known of them.
    pub shots: Vec<Shot>,
    /// The frames as the stages after the decoder take them.
    pub frames: Frames,
}

impl Take {
    /// Films a room on the GPU.
    ///
    /// # Errors
    /// The device's.
    pub fn film(gpu: &Gpu) -> Result<Self, crate::gpu::GpuError> {
        let clip = Clip {
            frames: 6,
            fps: 8.0,
            size: [64, 48],
        };
        let words =
            "a robot in a room with crates, orbit, steady lighting, sharp focus, high detail";
        let scene = Scene::planting(understand(words, 4), clip, exactly(&[]));
        let want = Want {
            planes: true,
            pixels: true,
            seen: true,
            flow: true,
        };
        let shots = shots(gpu, &scene, want)?;
        let rgba: Result<Vec<Buffer<u32>>, _> = shots.iter().map(|s| gpu.upload(&s.rgba)).collect();
        let frames = Frames {
            width: clip.size[0],
            height: clip.size[1],
            times: (0..clip.frames).map(|t| t as f64 / clip.fps).collect(),
            rgba: rgba?,
            info: VideoInfo::default(),
            faults: Vec::new(),
            sources: Vec::new(),
        };
        Ok(Self {
            scene,
            shots,
            frames,
        })
    }

    /// The cameras, which are known.
    pub fn cameras(&self) -> Cameras {
        let cameras = (0..self.frames.len()).map(|f| self.scene.camera_at(f));
        Cameras::known(cameras.collect(), LengthUnit::Metres)
    }

    /// Depth, which is known.
    pub fn depth(&self) -> DepthMaps {
        let [width, height] = self.scene.clip.size;
        let map = |shot: &Shot| DepthMap {
            width,
            height,
            values: shot.depth.clone(),
        };
        DepthMaps {
            kind: DepthKind::Metric,
            model: "known".to_owned(),
            maps: self.shots.iter().map(|shot| Some(map(shot))).collect(),
        }
    }

    /// A few steps of a fit.
    ///
    /// # Errors
    /// As [`splat::fit`].
    pub fn fit(&self, gpu: &Gpu, steps: u32) -> Result<splat::Fit, splat::SplatError> {
        let options = FitOptions {
            splats: 300,
            steps,
            sh_degree: 1,
            hold_out_every: 3,
            ..FitOptions::default()
        };
        let (cameras, depth) = (self.cameras(), self.depth());
        splat::fit(
            gpu,
            &self.frames,
            &cameras,
            (Some(&depth), None),
            &options,
            &Silent,
        )
    }
}

/// A step of a fit whose splats are in part clear, and these moved.
fn relocate(gpu: &Gpu, take: &Take, splats: &Splats) -> Result<(), splat::SplatError> {
    let mut splats = splats.clone();
    for logit in splats.opacity_logits.iter_mut().step_by(5) {
        *logit = -6.0;
    }
    let (frames, options) = (&take.frames, FitOptions::default());
    let trainer = Trainer::new(gpu, &splats, frames.width, frames.height)?;
    let rates = Rates::at(&options, 1.0, 0.0, options.steps);
    for camera in &take.cameras().cameras {
        let truth = &frames.rgba[camera.frame];
        trainer.step(camera, truth, None, [0.5; 3], options.ssim, &rates)?;
    }
    trainer.relocate(&Moving {
        seed: 3,
        share: 1.0,
        unseen: 0.0,
        views: 1,
    })
}

/// A take through all stages: traced, moved, scored, corrupted, fitted, fused, walked in.
pub fn take(gpu: &Gpu) -> Outcome {
    let take = Take::film(gpu)?;
    let frames = &take.frames;
    let options = MotionOptions {
        strides: vec![1, 2],
        ..MotionOptions::default()
    };
    motion::estimate(gpu, frames, &options, &Silent)?;
    motion::pairs(gpu, frames, &options, &Silent)?;
    score::score(gpu, frames, &options, &ScoreOptions::default(), &Silent)?;
    let anchors = Anchors::find(gpu, frames, &Silent)?;
    for kind in Kind::ALL {
        let corruption = Corruption {
            kind,
            level: 3,
            seed: 5,
        };
        corrupt(gpu, frames, &anchors, &corruption)?;
    }
    for tier in [Tier::Plain, Tier::Eight] {
        if tier <= gpu.tier()? {
            let gpu = gpu.at_tier(tier);
            let fit = take.fit(&gpu, 4)?;
            relocate(&gpu, &take, &fit.splats)?;
        }
    }
    let [width, height] = take.scene.clip.size;
    let cameras = take.cameras();
    let views: Vec<DepthView> = cameras
        .cameras
        .iter()
        .zip(&take.shots)
        .map(|(camera, shot)| DepthView {
            camera: *camera,
            width,
            height,
            depth: shot.depth.clone(),
            alpha: shot.depth.iter().map(|d| f32::from(*d > 0.0)).collect(),
            colour: shot.rgba.clone(),
            moving: Vec::new(),
            under: Vec::new(),
            held_out: false,
        })
        .collect();
    let alignment = world::align(&views, &cameras);
    let (mut views, cameras) = (
        alignment.apply_to_views(&views),
        alignment.apply_to_cameras(&cameras),
    );
    world::refine(gpu, &mut views, alignment.floor_found, &Silent)?;
    let options = WorldOptions {
        voxel_metres: 0.15,
        max_voxels: 60_000,
        ..WorldOptions::default()
    };
    let mut world = world::build(gpu, &views, &alignment, &options, &Silent)?;
    // A solid that all cameras see through, in front of the first.
    let pose = cameras.cameras[0].pose;
    let near = world.voxel_of(pose.to_world(DVec3::new(0.0, 0.0, 0.8)).to_array());
    if near
        .iter()
        .zip(world.dims)
        .all(|(c, n)| (0..i64::from(n)).contains(c))
    {
        world.set(near.map(|c| c as u32), world::Voxel::Solid);
    }
    let options = AgentOptions {
        camera_rays: 2000,
        starts: 4,
        bodies: 40,
        ..AgentOptions::default()
    };
    agent::inspect(gpu, &world, &views, &cameras, &options, &Silent)?;
    // What scenarios do not ask for: whether rays are blocked, hits alone, and capsules.
    let eye = pose.position.to_array();
    let rays: Vec<Ray> = (0..500)
        .map(|i| {
            let turn = f64::from(i) * 0.1;
            Ray::new(eye, [turn.cos(), (turn * 0.37).sin(), turn.sin()], 50.0)
        })
        .collect();
    let caster = Caster::new(gpu, &world)?;
    caster.blocked(&rays, true, &Silent)?;
    caster.met(&rays, true, &Silent)?;
    let sweeps: Vec<Sweep> = rays
        .iter()
        .map(|ray| Sweep {
            middle: [ray.origin[0], ray.origin[1], ray.origin[2]],
            height: 0.8,
            radius: 0.2,
            motion: [0, 1, 2].map(|a| 4.0 * ray.direction[a]),
        })
        .collect();
    caster.sweep(&sweeps, true, &Silent)?;
    Ok(())
}

/// Takes with motion blur, weather and a poor camera: what a good take does not show.
pub fn faulty(gpu: &Gpu) -> Outcome {
    let clip = |frames, size| Clip {
        frames,
        fps: 8.0,
        size,
    };
    let poor = exactly(&[
        (defects::Kind::Blur, 1.0),
        (defects::Kind::Noise, 1.0),
        (defects::Kind::Blocks, 1.0),
    ]);
    let words = "a ball in a room, motion blur, pan";
    let scene = Scene::planting(understand(words, 5), clip(6, [24, 18]), poor);
    let shots_of = |scene: &Scene| shots(gpu, scene, Want::TAKE);
    shots_of(&scene)?;
    for (prompt, seed) in [
        ("a car in a street with lamps in the rain, static camera", 6),
        ("polished floor, gallery room, person, fog", 10),
    ] {
        let scene = Scene::planting(understand(prompt, seed), clip(1, [34, 22]), exactly(&[]));
        shots_of(&scene)?;
    }
    Ok(())
}

/// The embedded network on one frame, and what a transformer has besides.
pub fn networks(gpu: &Gpu) -> Outcome {
    let shade = |i: u32| (i % 34 * 7) | (i / 34 * 11) << 8 | (i % 251) << 16 | 255 << 24;
    let pixels: Vec<u32> = (0..34 * 22).map(shade).collect();
    let frames = Frames {
        rgba: vec![gpu.upload(&pixels)?],
        width: 34,
        height: 22,
        times: vec![0.0],
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    };
    let model = Model::open(&depth::Options {
        on: Place::Gpu,
        ..depth::Options::default()
    })?;
    model.estimate(gpu, &frames, &Silent)?;
    // Tokens against each other.
    let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
        op_type: op.to_owned(),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    };
    let ones = TensorProto {
        name: "ones".to_owned(),
        dims: vec![24],
        data_type: 1,
        float_data: vec![1.0; 24],
        ..TensorProto::default()
    };
    let port = |name: &str| ValueInfoProto {
        name: name.to_owned(),
        ..ValueInfoProto::default()
    };
    let plan = Plan::build(ModelProto {
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
        graph: Some(GraphProto {
            node: vec![
                node("LayerNormalization", &["x", "ones"], "tokens"),
                node("Transpose", &["tokens"], "turned"),
                node("MatMul", &["tokens", "turned"], "alike"),
                node("Softmax", &["alike"], "shares"),
                node("MatMul", &["shares", "x"], "y"),
            ],
            initializer: vec![ones],
            input: vec![port("x")],
            output: vec![port("y")],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    })?;
    let weights = Weights::new(gpu, &plan);
    let values = (0..70 * 24).map(|i| (i as f32 * 0.37).sin()).collect();
    let x = uploaded(&weights, &input_tensor(values, &[70, 24])?)?;
    plan.run_on(&weights, vec![x])?;
    Ok(())
}
