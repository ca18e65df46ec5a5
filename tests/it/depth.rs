//! Depth: the built-in network, what broken networks say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use sora_director::depth::{DepthKind, Model, ModelChoice};
use sora_director::monitor::Silent;
use sora_director::video::{Frames, VideoInfo};

use crate::common;

mod bounds;
mod branch;
mod device;
mod feed;
mod files;
mod kind;
pub mod make;
mod mends;
mod onnx;
mod outputs;
mod sides;

/// A floor that runs to the horizon under a wall, and its inverse depth: packed pixels, row-major.
fn picture(width: u32, height: u32) -> (Vec<u32>, Vec<f32>) {
    let mut rng = common::Rng(7);
    let mut pixels = Vec::new();
    let mut inverse = Vec::new();
    for y in 0..height {
        for x in 0..width {
            // Camera 1.5 m up, focal length of half a width; the wall stands 6 m away, a box 2 m away.
            let v = (y as f32 + 0.5 - height as f32 / 2.0) / (width as f32 / 2.0);
            let u = (x as f32 + 0.5 - width as f32 / 2.0) / (width as f32 / 2.0);
            let floor = if v > 0.0 { 1.5 / v } else { f32::INFINITY };
            let boxed = u.abs() < 0.25 && (-0.05..0.75).contains(&v);
            let z = if boxed { 2.0 } else { floor.min(6.0) };
            let checker = ((u * z * 2.0).floor() + (z * 2.0).floor()) as i32 & 1;
            let shade = if boxed {
                150.0
            } else if z < 6.0 {
                80.0 + 60.0 * checker as f32
            } else {
                190.0
            };
            let shade = (shade + 8.0 * rng.normal()).clamp(0.0, 255.0) as u32;
            let red = if boxed { shade / 2 } else { shade };
            pixels.push(red | shade << 8 | shade << 16 | 255 << 24);
            inverse.push(1.0 / z);
        }
    }
    (pixels, inverse)
}

/// Mean absolute error of `got` against `want` after the least-squares scale and shift.
fn aligned_error(got: &[f64], want: &[f64]) -> f64 {
    let n = got.len() as f64;
    let (mg, mw) = (got.iter().sum::<f64>() / n, want.iter().sum::<f64>() / n);
    let cross: f64 = got.iter().zip(want).map(|(g, w)| (g - mg) * (w - mw)).sum();
    let square: f64 = got.iter().map(|g| (g - mg) * (g - mg)).sum();
    let scale = cross / square.max(1e-12);
    got.iter()
        .zip(want)
        .map(|(g, w)| ((g - mg) * scale + mw - w).abs())
        .sum::<f64>()
        / n
}

#[test]
fn the_built_in_network_beats_a_row_ramp() {
    let gpu = common::gpu();
    let (width, height) = (320u32, 180u32);
    let (pixels, truth) = picture(width, height);
    let frames = Frames {
        width,
        height,
        times: vec![0.0],
        rgba: vec![gpu.upload(&pixels).unwrap()],
        info: VideoInfo::default(),
        sources: Vec::new(),
        faults: Vec::new(),
    };
    let model = Model::load(&ModelChoice::Embedded).unwrap();
    let maps = model.estimate(&gpu, &frames, &Silent).unwrap();
    assert_eq!(maps.kind, DepthKind::RelativeInverse);
    let map = maps.maps[0].as_ref().unwrap();
    let mut got = Vec::new();
    let mut ramp = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (
                (f64::from(x) + 0.5) / f64::from(width),
                (f64::from(y) + 0.5) / f64::from(height),
            );
            got.push(map.sample(u, v).unwrap());
            ramp.push(v);
        }
    }
    let truth: Vec<f64> = truth.iter().map(|&t| f64::from(t)).collect();
    let (network, ramp) = (aligned_error(&got, &truth), aligned_error(&ramp, &truth));
    assert!(
        network < 0.8 * ramp,
        "network {network:.4}, row ramp {ramp:.4}"
    );
    // The same clip gives the same bits.
    let again = model.estimate(&gpu, &frames, &Silent).unwrap();
    assert_eq!(again.maps[0].as_ref().unwrap().values, map.values);
}

#[test]
fn a_missing_or_broken_network_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let load = |choice: ModelChoice| Model::load(&choice).unwrap_err().to_string();
    let missing = load(ModelChoice::Path(folder.path().join("none.onnx")));
    assert!(
        missing.contains("none.onnx") && missing.contains("depth-small"),
        "{missing}"
    );
    assert!(load(ModelChoice::Path(folder.path().into())).contains("no .onnx file"));
    let cut = folder.path().join("cut.onnx");
    let whole = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/models/depth_small.onnx"
    ))
    .unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 3]).unwrap();
    let error = load(ModelChoice::Path(cut));
    assert!(
        error.contains("cut.onnx") && error.contains("cut short"),
        "{error}"
    );
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/linear.onnx");
    assert!(load(ModelChoice::Path(other.into())).contains("6 inputs"));
    let vector = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/half_weights.onnx"
    );
    let error = load(ModelChoice::Path(vector.into()));
    assert!(
        error.contains("2 x 4") && error.contains("1 x 3 x height x width"),
        "{error}"
    );
}

#[test]
fn a_clip_takes_the_network_of_its_aspect() {
    let Some(folder) = common::shared("models") else {
        return;
    };
    let both = Model::load(&ModelChoice::Path(folder)).unwrap();
    let height = |w, h| both.for_size(w, h).unwrap().height;
    assert_eq!(height(1280, 704), Some(294));
    assert_eq!(height(640, 480), Some(392));
    assert_eq!(height(406, 720), Some(392));
    assert_eq!(both.sha256().len(), 64);
}
