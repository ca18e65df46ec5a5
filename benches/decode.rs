//! Wall time of decoding into GPU buffers over `ffmpeg -i X -f null -` on the same file in the same run.
//!
//! `cargo bench --bench decode -- CLIP...`; the medians of several rounds, the two taking turns. `ffmpeg` to packed
//! RGB stands beside it, since nobody converts for nothing. Opening the device and building the kernel are left out.
//! `--paths` in place of that tells, for each clip, who decoded it, frames a second and bytes that went up a frame, by
//! software and by the card where there is one (`--features cuda`); it needs no `ffmpeg`.
//! `fresh` starts with an empty pool, as a batch's first clip does; the others find the memory of the clip before.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sora_director::gpu::{AdapterChoice, Gpu, uploaded};
use sora_director::monitor::Silent;
use sora_director::video::{Decode, DecodeOptions, Windows, decode};

const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clips: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .map(PathBuf::from)
        .collect();
    if clips.is_empty() {
        println!("no clips given: cargo bench --bench decode -- CLIP...");
        return Ok(());
    }
    let gpu = Gpu::open(&AdapterChoice::Auto)?;
    println!("device: {}", gpu.summary().name);
    if std::env::args().any(|a| a == "--paths") {
        return paths(&gpu, &clips);
    }
    println!(
        "| clip | frames | ffmpeg null s | ffmpeg rgb24 ratio | native, fresh | native | 512, fresh | 512 |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for clip in &clips {
        let mut times: [Vec<f64>; 6] = Default::default();
        let mut frames = 0;
        for round in 0..=ROUNDS {
            let taken = [
                ffmpeg(clip, &[])?,
                ffmpeg(clip, &["-pix_fmt", "rgb24"])?,
                ours(&gpu, clip, 4096, true, &mut frames)?,
                ours(&gpu, clip, 4096, false, &mut frames)?,
                ours(&gpu, clip, 512, true, &mut frames)?,
                ours(&gpu, clip, 512, false, &mut frames)?,
            ];
            // The first round warms the caches up.
            if round > 0 {
                taken
                    .iter()
                    .zip(&mut times)
                    .for_each(|(t, all)| all.push(*t));
            }
        }
        let [null, others @ ..] = times.map(median);
        let ratios = others.map(|time| format!("{:.2}", time / null));
        println!(
            "| {} | {frames} | {null:.3} | {} |",
            clip.file_name().unwrap_or_default().to_string_lossy(),
            ratios.join(" | ")
        );
    }
    Ok(())
}

/// Decodes each clip window by window on either path, so that clips may be of any length.
fn paths(gpu: &Gpu, clips: &[PathBuf]) -> Result<(), Box<dyn std::error::Error>> {
    println!("| clip | asked for | decoded | frames | frames/s | bytes up a frame |");
    println!("|---|---|---|---|---|---|");
    for clip in clips {
        for asked in [Decode::Software, Decode::Auto] {
            let options = DecodeOptions {
                max_side: 4096,
                decode: asked,
                ..DecodeOptions::default()
            };
            let mut seconds = Vec::new();
            let (mut frames, mut bytes, mut decoded) = (0, 0, String::new());
            for round in 0..=ROUNDS {
                let (start, before) = (Instant::now(), uploaded());
                let mut windows = Windows::open(gpu, clip, &options, &Silent)?;
                frames = 0;
                while let Some(window) = windows.next(32, &Silent)? {
                    frames += window.len();
                }
                gpu.wait()?;
                // The first round opens the card.
                if round > 0 {
                    seconds.push(start.elapsed().as_secs_f64());
                }
                bytes = uploaded() - before;
                decoded = windows.taken().map(ToString::to_string).unwrap_or_default();
            }
            println!(
                "| {} | {asked} | {decoded} | {frames} | {:.1} | {} |",
                clip.file_name().unwrap_or_default().to_string_lossy(),
                frames as f64 / median(seconds),
                bytes / frames.max(1) as u64,
            );
        }
    }
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn ffmpeg(clip: &Path, more: &[&str]) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "quiet", "-an", "-i"])
        .arg(clip)
        .args(more)
        .args(["-f", "null", "-"])
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("ffmpeg: {error}; install it for this comparison"))?;
    if !status.success() {
        return Err(format!("ffmpeg could not decode {}", clip.display()).into());
    }
    Ok(start.elapsed().as_secs_f64())
}

fn ours(
    gpu: &Gpu,
    clip: &Path,
    max_side: u32,
    fresh: bool,
    frames: &mut usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let options = DecodeOptions {
        max_side,
        ..DecodeOptions::default()
    };
    if fresh {
        gpu.trim();
        gpu.wait()?;
    }
    let start = Instant::now();
    let decoded = decode(gpu, clip, &options, &Silent)?;
    gpu.wait()?;
    let taken = start.elapsed().as_secs_f64();
    *frames = decoded.len();
    Ok(taken)
}
