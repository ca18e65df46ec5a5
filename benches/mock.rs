//! Frames a second of the mock world, at the sizes that takes have.
//!
//! `cargo bench --bench mock`; medians of several rounds. `traced` brings nothing back but waits for the device;
//! `frames` brings back planes for the encoder; `take` is all that a run waits for: traced, encoded with its truth
//! written, to a temporary folder. The kernel stands beside its CPU twin on one core, on the same small frame.

use std::time::Instant;

use sora_director::generate::TakeRequest;
use sora_director::generate::local::LocalProvider;
use sora_director::gpu::{AdapterChoice, Gpu};
use sora_director::mock::defects::exactly;
use sora_director::mock::render::{Renderer, Want};
use sora_director::mock::twins::trace as twin;
use sora_director::mock::{Clip, MockProvider, Scene, seeds, understand};
use sora_director::monitor::Silent;

const ROUNDS: usize = 2;
const FRAMES: usize = 8;
const SCENES: [&str; 6] = [
    "a robot walks through a room with wooden crates, dolly",
    "a person walks along a corridor with shelves, dolly",
    "two people in a sunny courtyard with trees, orbit",
    "a car drives along a street with lamps, dolly",
    "a robot climbs the stairs, dolly",
    "a robot in a warehouse with barrels on a polished floor, dolly",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = Gpu::open(&AdapterChoice::Auto)?;
    println!("device: {}", gpu.summary().name);
    println!("| scene | size | traced | frames | take |");
    println!("|---|---|---|---|---|");
    for (k, prompt) in SCENES.iter().enumerate() {
        for size in [[854, 480], [1280, 720]] {
            let scene = scene(prompt, k, size);
            let mut times: [Vec<f64>; 3] = Default::default();
            for round in 0..=ROUNDS {
                let taken = [
                    render(&gpu, &scene, Want::default())?,
                    render(
                        &gpu,
                        &scene,
                        Want {
                            planes: true,
                            ..Want::default()
                        },
                    )?,
                    take(&gpu, prompt, k, size)?,
                ];
                // The first round warms the caches up.
                if round > 0 {
                    taken
                        .iter()
                        .zip(&mut times)
                        .for_each(|(t, all)| all.push(*t));
                }
            }
            let rates = times.map(|t| format!("{:.1}", FRAMES as f64 / median(t)));
            println!(
                "| {prompt} | {}x{} | {} |",
                size[0],
                size[1],
                rates.join(" | ")
            );
        }
    }
    let size = [320, 180];
    let small = scene(SCENES[0], 0, size);
    let params = small.frame(0);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::hint::black_box(twin::trace(&params));
        let cpu = start.elapsed().as_secs_f64();
        let kernel = render(&gpu, &small, Want::default())? / FRAMES as f64;
        ratios.push(cpu / kernel);
    }
    println!(
        "one frame of {}x{} on one core by the twin, over the kernel: {:.1}",
        size[0],
        size[1],
        median(ratios)
    );
    Ok(())
}

fn scene(prompt: &str, k: usize, size: [u32; 2]) -> Scene {
    let clip = Clip {
        frames: FRAMES,
        fps: 24.0,
        size,
    };
    let understood = understand(prompt, seeds::TUNING.start + k as u64);
    Scene::planting(understood, clip, exactly(&[]))
}

/// Seconds for all frames.
fn render(gpu: &Gpu, scene: &Scene, want: Want) -> Result<f64, Box<dyn std::error::Error>> {
    let mut renderer = Renderer::new(gpu, scene, want)?;
    let start = Instant::now();
    while !renderer.shoot()?.is_empty() {
        gpu.wait()?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds for a whole take.
fn take(
    gpu: &Gpu,
    prompt: &str,
    k: usize,
    size: [u32; 2],
) -> Result<f64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let request = TakeRequest {
        prompt: prompt.to_owned(),
        seed: seeds::TUNING.start + k as u64,
        seconds: FRAMES as f64 / 24.0,
        size,
        fps: 24.0,
        video: None,
        model: None,
        reference_image: None,
    };
    let provider = MockProvider::new(gpu.clone());
    let start = Instant::now();
    provider.generate(&request, folder.path(), &Silent)?;
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list[(list.len() - 1) / 2]
}
