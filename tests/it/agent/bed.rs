//! Takes straight from the mock, in memory: views with true or with network depth, and what was planted.

use std::sync::OnceLock;

use sora_director::camera::{Cameras, LengthUnit};
use sora_director::depth::{Model, ModelChoice};
use sora_director::gpu::Gpu;
use sora_director::mock::defects::{Kind, Planted, exactly};
use sora_director::mock::render::{Renderer, Want};
use sora_director::mock::{Clip, Scene, seeds, understand};
use sora_director::numeric::{Rng, median};
use sora_director::world::{DepthView, hold_out};

/// Where the depth comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The mock's own.
    Truth,
    /// The mock's own, softened at edges, each frame off by a scale and by smooth waves of two percent each.
    Noisy,
    /// The built-in network's, each frame aligned to the truth by one scale and one shift of inverse depth.
    Network,
}

/// What the agents get of a take, and what was planted.
pub struct Take {
    pub prompt: String,
    pub views: Vec<DepthView>,
    pub cameras: Cameras,
    pub planted: Vec<Planted>,
}

const PLACES: [&str; 6] = [
    "room with crates, a table and a plant",
    "corridor with crates and pillars",
    "courtyard with crates, benches and barrels",
    "street with crates and benches",
    "stairs with crates",
    "warehouse with crates, shelves and barrels",
];
const MOVES: [&str; 4] = ["dolly forward", "orbit", "handheld", "follow shot"];
const WHO: [&str; 4] = [
    "an empty",
    "a robot walks through a",
    "an empty",
    "a person walks through a",
];

/// The `k`-th prompt: all places, moves, and half of them with somebody who walks.
pub fn prompt(k: usize) -> String {
    format!(
        "{} {}, {}",
        WHO[(k + k / 6) % 4],
        PLACES[k % 6],
        MOVES[(k / 2 + k / 6) % 4]
    )
}

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::load(&ModelChoice::Embedded).expect("the built-in network"))
}

/// A seed of the tuning range, or of the one that is held out.
pub fn seed(held_out: bool, k: usize) -> u64 {
    let range = if held_out {
        seeds::HELD_OUT
    } else {
        seeds::TUNING
    };
    range.start + 7919 * k as u64
}

/// Shoots a take of 24 frames over three seconds: one answer for each source of depth.
pub fn shoot(
    gpu: &Gpu,
    words: &str,
    seed: u64,
    faults: &[(Kind, f64)],
    sources: &[Source],
) -> Vec<Take> {
    let clip = Clip {
        frames: 24,
        fps: 8.0,
        size: [320, 192],
    };
    let scene = Scene::planting(understand(words, seed), clip, exactly(faults));
    let want = Want {
        planes: false,
        pixels: true,
        seen: true,
        flow: false,
    };
    let mut renderer = Renderer::new(gpu, &scene, want).expect("memory");
    let mut all: Vec<Vec<DepthView>> = vec![Vec::new(); sources.len()];
    let mut rng = Rng::stream(seed, "noise of depth");
    loop {
        let shots = renderer.shoot().expect("frames");
        if shots.is_empty() {
            break;
        }
        for shot in shots {
            let camera = scene.camera_at(all[0].len());
            let truth: Vec<f32> = shot
                .depth
                .iter()
                .map(|&d| if d > 0.0 { d } else { f32::INFINITY })
                .collect();
            for (views, source) in all.iter_mut().zip(sources) {
                let depth = match source {
                    Source::Truth => truth.clone(),
                    Source::Noisy => noisy(&truth, clip.size, &mut rng),
                    Source::Network => {
                        views.push(network(camera, &shot.rgba, &truth, clip.size));
                        continue;
                    }
                };
                let alpha = vec![1.0; depth.len()];
                let mut view = DepthView::new(camera, clip.size, depth, alpha);
                view.colour.clone_from(&shot.rgba);
                views.push(view);
            }
        }
    }
    let take = |mut views: Vec<DepthView>| {
        hold_out(&mut views);
        let cameras = Cameras::known(views.iter().map(|v| v.camera).collect(), LengthUnit::Metres);
        Take {
            prompt: words.to_owned(),
            views,
            cameras,
            planted: scene.planted.clone(),
        }
    };
    all.into_iter().map(take).collect()
}

/// Depth as a good network has it: edges three pixels soft, and off by smooth waves that differ from frame to frame.
fn noisy(truth: &[f32], [w, h]: [u32; 2], rng: &mut Rng) -> Vec<f32> {
    let scale = 0.02 * rng.normal();
    let waves: Vec<[f64; 4]> = (0..6)
        .map(|_| {
            let turns = std::f64::consts::TAU;
            [
                rng.range(-3.0, 3.0),
                rng.range(-2.0, 2.0),
                rng.range(0.0, turns),
                0.0115 * rng.normal(),
            ]
        })
        .collect();
    let inverse = |x: i64, y: i64| {
        let (x, y) = (x.clamp(0, i64::from(w) - 1), y.clamp(0, i64::from(h) - 1));
        1.0 / f64::from(truth[(y * i64::from(w) + x) as usize])
    };
    (0..i64::from(h))
        .flat_map(|y| (0..i64::from(w)).map(move |x| (x, y)))
        .map(|(x, y)| {
            let soft: f64 = (-1..=1)
                .flat_map(|v| (-1..=1).map(move |u| (u, v)))
                .map(|(u, v)| inverse(x + u, y + v))
                .sum::<f64>()
                / 9.0;
            let (u, v) = (x as f64 / f64::from(w), y as f64 / f64::from(h));
            let off: f64 = waves
                .iter()
                .map(|[a, b, c, d]| d * (std::f64::consts::TAU * (a * u + b * v) + c).sin())
                .sum();
            (1.0 / (soft * (scale + off).exp())) as f32
        })
        .collect()
}

/// A view of the network's depth at its own size.
fn network(
    camera: sora_director::camera::Camera,
    rgba: &[u32],
    depth: &[f32],
    size: [u32; 2],
) -> DepthView {
    let map = model()
        .estimate_picture(rgba, size[0], size[1])
        .expect("depth");
    let at = |x: u32, y: u32| {
        (y * size[1] / map.height).min(size[1] - 1) * size[0]
            + (x * size[0] / map.width).min(size[0] - 1)
    };
    let places: Vec<(usize, usize)> = (0..map.height)
        .flat_map(|y| (0..map.width).map(move |x| (x, y)))
        .map(|(x, y)| ((y * map.width + x) as usize, at(x, y) as usize))
        .collect();
    let pairs: Vec<(f64, f64)> = places
        .iter()
        .filter(|(_, t)| depth[*t].is_finite())
        .map(|&(m, t)| (f64::from(map.values[m]), 1.0 / f64::from(depth[t])))
        .collect();
    let (scale, shift) = affine(&pairs);
    let mut near: Vec<f64> = map
        .values
        .iter()
        .map(|&v| scale * f64::from(v) + shift)
        .collect();
    let least = 0.03 * median(&mut near.clone()).unwrap_or(0.0).max(0.0);
    let depth = near
        .drain(..)
        .map(|r| {
            if r <= least {
                f32::INFINITY
            } else {
                (1.0 / r) as f32
            }
        })
        .collect();
    let mut view = DepthView::new(
        camera,
        [map.width, map.height],
        depth,
        vec![1.0; places.len()],
    );
    view.colour = places.iter().map(|&(_, t)| rgba[t]).collect();
    view
}

/// Scale and shift by least squares, pixels reweighted by their residual.
fn affine(pairs: &[(f64, f64)]) -> (f64, f64) {
    let mut weights = vec![1.0; pairs.len()];
    let (mut scale, mut shift) = (1.0, 0.0);
    for _ in 0..12 {
        let mut s = [0.0; 5];
        for (&(x, y), w) in pairs.iter().zip(&weights) {
            for (sum, v) in s.iter_mut().zip([1.0, x, y, x * x, x * y]) {
                *sum += w * v;
            }
        }
        let [n, x, y, xx, xy] = s;
        scale = (n * xy - x * y) / (n * xx - x * x).max(1e-12);
        shift = (y - scale * x) / n.max(1e-12);
        let off = |(x, y): &(f64, f64)| (y - scale * x - shift).abs();
        let spread = median(&mut pairs.iter().map(off).collect::<Vec<_>>())
            .unwrap_or(1.0)
            .max(1e-9);
        weights = pairs
            .iter()
            .map(|p| 1.0 / (1.0 + (off(p) / (2.0 * spread)).powi(2)))
            .collect();
    }
    (scale, shift)
}
