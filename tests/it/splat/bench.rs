//! Longer measurements on optional real data; run by name.

use std::path::Path;

use glam::{DMat3, DMat4, DVec3};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use sora_director::gpu::Gpu;
use sora_director::monitor::Silent;
use sora_director::splat::{FitOptions, Renderer, fit};
use sora_director::video::{Frames, VideoInfo};

use super::{camera, cloud};
use crate::common::{Rng, gpu, shared};

/// A folder in Blender's convention at `size` x `size`: camera axes from OpenGL to OpenCV, world +Z up to +Y up.
pub fn blender(gpu: &Gpu, folder: &Path, size: u32, most: usize) -> (Frames, Cameras) {
    let text = std::fs::read_to_string(folder.join("transforms_train.json")).expect("json");
    let json: serde_json::Value = serde_json::from_str(&text).expect("json");
    let fov = json["camera_angle_x"].as_f64().expect("fov");
    let up = DMat3::from_cols(DVec3::X, -DVec3::Z, DVec3::Y);
    let (mut rgba, mut cameras, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for (i, frame) in json["frames"]
        .as_array()
        .expect("frames")
        .iter()
        .take(most)
        .enumerate()
    {
        let path = frame["file_path"].as_str().expect("path");
        let image = image::open(folder.join(format!("{path}.png")))
            .expect("png")
            .to_rgba8();
        let k = image.width() / size;
        let mut pixels = Vec::new();
        for y in 0..size {
            for x in 0..size {
                let mut sum = [0u32; 4];
                for dy in 0..k {
                    for dx in 0..k {
                        let p = image.get_pixel(x * k + dx, y * k + dy).0.map(u32::from);
                        for c in 0..3 {
                            sum[c] += p[c] * p[3];
                        }
                        sum[3] += p[3];
                    }
                }
                let a = sum[3].max(1);
                let c = |c: usize| (sum[c] + a / 2) / a;
                pixels.push(c(0) | c(1) << 8 | c(2) << 16 | (sum[3] / (k * k)) << 24);
            }
        }
        rgba.push(gpu.upload(&pixels).expect("upload"));
        times.push(i as f64);
        let m: Vec<f64> = frame["transform_matrix"]
            .as_array()
            .expect("matrix")
            .iter()
            .flat_map(|r| {
                r.as_array()
                    .expect("row")
                    .iter()
                    .map(|v| v.as_f64().expect("number"))
            })
            .collect();
        let m = DMat4::from_cols_slice(&m).transpose();
        let r = DMat3::from_mat4(m);
        cameras.push(Camera {
            frame: i,
            time: i as f64,
            intrinsics: Intrinsics::from_fov_x(size, size, fov),
            pose: Pose {
                rotation: up * DMat3::from_cols(r.x_axis, -r.y_axis, -r.z_axis),
                position: up * m.w_axis.truncate(),
            },
            depth_scale: 1.0,
            depth_shift: 0.0,
        });
    }
    let frames = Frames {
        width: size,
        height: size,
        times,
        rgba,
        info: VideoInfo::default(),
        sources: Vec::new(),
        faults: Vec::new(),
    };
    let cameras = Cameras::known(cameras, LengthUnit::Arbitrary);
    (frames, cameras)
}

pub fn save(path: &str, width: u32, height: u32, rgba: &[u32]) {
    let bytes: Vec<u8> = rgba.iter().flat_map(|p| p.to_le_bytes()).collect();
    image::save_buffer(path, &bytes, width, height, image::ColorType::Rgba8).expect("png");
}

#[test]
#[ignore = "minutes"]
fn lego() {
    let Some(folder) = shared("data/posed/lego") else {
        return;
    };
    let gpu = gpu();
    let (frames, cameras) = blender(&gpu, &folder, 200, 100);
    let env = |name: &str, or: f64| {
        std::env::var(name)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(or)
    };
    let mut options = FitOptions {
        splats: env("SPLATS", 20000.0) as usize,
        steps: env("STEPS", 1500.0) as u32,
        ..Default::default()
    };
    options.sh_degree = env("SH", 1.0) as u32;
    options.relocate_every = env("RELOCATE", 25.0) as u32;
    let d = FitOptions::default();
    options.lr_position = env("LRP", d.lr_position.into()) as f32;
    options.lr_scale = env("LRS", d.lr_scale.into()) as f32;
    options.lr_opacity = env("LRO", d.lr_opacity.into()) as f32;
    options.lr_colour = env("LRC", d.lr_colour.into()) as f32;
    options.lr_rotation = env("LRR", d.lr_rotation.into()) as f32;
    options.lr_last = env("LRL", d.lr_last.into()) as f32;
    let fit = fit(&gpu, &frames, &cameras, (None, None), &options, &Silent).expect("fit");
    eprintln!("{}", serde_json::to_string(&fit.report).expect("json"));
    let out = std::env::var("OUT").unwrap_or_else(|_| "/tmp/splat".into());
    std::fs::create_dir_all(&out).expect("out");
    let mut renderer = Renderer::new(&gpu, &fit.splats, 200, 200, 0).expect("renderer");
    let mut sheet = vec![0u32; 800 * 400];
    for (k, held) in fit.report.held_out.iter().take(4).enumerate() {
        let camera = cameras
            .cameras
            .iter()
            .find(|c| c.frame == held.frame)
            .expect("camera");
        let r = renderer.render(camera, [1.0; 3]).expect("render");
        let truth = frames.read(&gpu, held.frame).expect("frame");
        for y in 0..200 {
            for x in 0..200 {
                let p = truth[y * 200 + x];
                let a = p >> 24;
                let c = |s: u32| ((p >> s & 255) * a + 255 * (255 - a)) / 255;
                sheet[y * 800 + k * 200 + x] = c(0) | c(8) << 8 | c(16) << 16 | 255 << 24;
                sheet[(y + 200) * 800 + k * 200 + x] = r.rgba[y * 200 + x];
            }
        }
    }
    save(&format!("{out}/lego.png"), 800, 400, &sheet);
}

#[test]
#[ignore = "a timing"]
fn forward_time() {
    let gpu = gpu();
    for n in [15_000usize, 30_000] {
        let mut rng = Rng(3);
        let mut s = cloud(&mut rng, n, 1);
        for l in &mut s.log_scales {
            *l = std::array::from_fn(|_| rng.range(-5.2, -3.2));
        }
        for p in &mut s.positions {
            *p = std::array::from_fn(|_| rng.range(-0.9, 0.9));
        }
        let cam = camera(DVec3::new(0.4, 0.7, 2.5), 320, 180);
        let mut r = Renderer::new(&gpu, &s, 320, 180, 0).expect("renderer");
        r.render(&cam, [0.0; 3]).expect("render");
        let t = std::time::Instant::now();
        for _ in 0..5 {
            r.render(&cam, [0.0; 3]).expect("render");
        }
        eprintln!(
            "{n}: {:?} a render, {} instances",
            t.elapsed() / 5,
            r.most_instances().expect("most")
        );
    }
}
