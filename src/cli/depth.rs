//! `director depth`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use super::film::film;
use super::{Globals, network::NetworkArgs};
use crate::depth::{self, DepthKind, DepthMaps, KindFrom, Model};
use crate::gpu::Gpu;
use crate::pipeline;
use crate::progress::Single;
use crate::video::{DecodeOptions, Frames};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    director depth clip.mp4 -o depth\n  \
    director depth clip.mp4 --model wide.onnx --model square.onnx --png gray16 -o depth\n  \
    director depth clip.mp4 --model unet.onnx --size 640x384 --kind metric -o depth\n  \
    director depth clip.mp4 --npy -o depth                       the values themselves\n\n\
    The folder gets a picture a frame, depth.json, and of clips preview.mp4: each frame with its depth, near is bright.")]
pub struct Args {
    /// A video, a folder of images, or one image
    input: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
    /// Folder for the pictures and `depth.json`
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Pictures: colours for people, or 16-bit values for programs
    #[arg(long, value_enum, default_value_t = Png::Colour)]
    png: Png,
    /// Also write the values: depth.npy, [frames, rows, columns] of 16-bit floats; NaN is unknown
    #[arg(long)]
    npy: bool,
    /// Long side in pixels that frames are decoded to
    #[arg(long, default_value_t = 640, value_name = "PIXELS")]
    max_side: u32,
    /// At most this many frames, evenly spaced in time
    #[arg(long, value_name = "N")]
    max_frames: Option<usize>,
    /// Print `depth.json` on stdout too
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Png {
    /// Near is bright
    Colour,
    /// Millimetres (metric), or `offset + pixel * step` of `depth.json` (relative); 0 is unknown
    Gray16,
}

#[derive(serde::Serialize)]
struct Summary {
    input: PathBuf,
    model: String,
    sha256: String,
    licence: String,
    kind: DepthKind,
    /// How the kind is known.
    kind_from: Option<KindFrom>,
    /// The network's output that was taken for the depth.
    output: String,
    /// Width and height in pixels that the network was fed.
    size: [usize; 2],
    /// What was guessed or concluded of the network.
    notes: Vec<String>,
    png: Png,
    /// A value is `offset + pixel * step` for a 16-bit pixel over 0.
    offset: f64,
    step: f64,
    seconds_per_frame: f64,
    frames: Vec<FrameSummary>,
}

#[derive(serde::Serialize)]
struct FrameSummary {
    time: f64,
    file: Option<String>,
    min: Option<f32>,
    median: Option<f32>,
    max: Option<f32>,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    // The network first: a wrong path should not wait for a decode.
    let model = Model::open(&args.network.options())?;
    let monitor = Single::new(globals.quiet);
    let gpu = globals.gpu()?;
    let decode = DecodeOptions {
        max_side: args.max_side,
        max_frames: args.max_frames,
        decode: globals.decode()?,
        ..DecodeOptions::default()
    };
    let frames = crate::video::decode(&gpu, &args.input, &decode, &monitor)?;
    for fault in &frames.faults {
        tracing::warn!("{}: {fault}", args.input.display());
    }
    let begin = Instant::now();
    let caution = pipeline::caution(&model, &args.input, &frames, &monitor);
    let maps = model.estimate(&gpu, &frames, &monitor)?;
    let seconds_per_frame = begin.elapsed().as_secs_f64() / frames.len().max(1) as f64;
    let known = model.for_size(frames.width, frames.height);
    let reading = model.reading(frames.width, frames.height);
    let licence = known.map(|k| k.licence.clone()).unwrap_or_default();
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("{}: cannot make the folder", args.output.display()))?;
    let scale = gray_scale(&maps);
    let summary = Summary {
        input: args.input.clone(),
        model: maps.model.clone(),
        sha256: known.map_or_else(|| model.sha256().to_owned(), |k| k.sha256.clone()),
        licence,
        kind: maps.kind,
        kind_from: reading.as_ref().map(|r| r.kind_from),
        output: reading
            .as_ref()
            .map_or_else(String::new, |r| r.output.clone()),
        size: reading.as_ref().map_or([0; 2], |r| r.size),
        notes: reading
            .map_or_else(Vec::new, |r| r.notes)
            .into_iter()
            .chain(caution)
            .collect(),
        png: args.png,
        offset: scale[0],
        step: scale[1],
        seconds_per_frame,
        frames: write_pictures(args, &frames, &maps, scale)?,
    };
    if args.npy {
        maps.save_npy(&args.output.join("depth.npy"))?;
    }
    if frames.len() > 1 {
        preview(&gpu, &frames, &maps, &args.output.join("preview.mp4"))?;
    }
    let text = serde_json::to_string_pretty(&summary)?;
    let file = args.output.join("depth.json");
    std::fs::write(&file, &text).with_context(|| format!("{}: cannot write", file.display()))?;
    if args.json {
        println!("{text}");
    }
    if !globals.quiet {
        anstream::eprintln!(
            "{} frames, {:.2} s each with {}; {}",
            summary.frames.len(),
            seconds_per_frame,
            summary.model,
            file.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Offset and step of 16-bit pixels: millimetres when metric, else the clip's whole range.
fn gray_scale(maps: &DepthMaps) -> [f64; 2] {
    if maps.kind == DepthKind::Metric {
        return [0.0, 1e-3];
    }
    let values = maps.maps.iter().flatten().flat_map(|map| &map.values);
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| {
            (a.min(v), b.max(v))
        });
    if low > high {
        return [0.0, 1.0];
    }
    // Pixel 1 is the lowest value, as 0 means unknown.
    let step = (f64::from(high - low) / 65534.0).max(1e-12);
    [f64::from(low) - step, step]
}

/// Each frame with its depth beneath it, or beside it where frames are tall; a frame without a map with nothing.
fn preview(gpu: &Gpu, frames: &Frames, maps: &DepthMaps, path: &Path) -> anyhow::Result<()> {
    let range = depth::value_range(maps).unwrap_or([0.0, 1.0]);
    let (width, height) = (frames.width, frames.height);
    let beside = height > width;
    let size = match beside {
        true => [2 * width, height],
        false => [width, 2 * height],
    };
    film(gpu, frames, path, size, |index, pixels| {
        let map = maps.maps.get(index).and_then(Option::as_ref);
        let shown = map.map(|map| (map, depth::colour_picture(map, maps.kind, range)));
        let under = |x: u32, y: u32| {
            let Some((map, colours)) = &shown else {
                return 0xff00_0000;
            };
            let at = y * map.height / height * map.width + x * map.width / width;
            let at = 3 * at as usize;
            u32::from_le_bytes([colours[at], colours[at + 1], colours[at + 2], 255])
        };
        let rows = 0..height;
        let row = |y: u32| &pixels[(y * width) as usize..((y + 1) * width) as usize];
        match beside {
            true => rows
                .flat_map(|y| {
                    let own = row(y).iter().copied();
                    own.chain((0..width).map(move |x| (x, y)).map(|(x, y)| under(x, y)))
                        .collect::<Vec<u32>>()
                })
                .collect(),
            false => {
                let maps = rows.flat_map(|y| (0..width).map(move |x| (x, y)));
                let below: Vec<u32> = maps.map(|(x, y)| under(x, y)).collect();
                [pixels, below].concat()
            }
        }
    })
}

fn write_pictures(
    args: &Args,
    frames: &Frames,
    maps: &DepthMaps,
    [offset, step]: [f64; 2],
) -> anyhow::Result<Vec<FrameSummary>> {
    let range = depth::value_range(maps).unwrap_or([0.0, 1.0]);
    let mut summaries = Vec::with_capacity(maps.maps.len());
    for (i, (map, &time)) in maps.maps.iter().zip(&frames.times).enumerate() {
        let Some(map) = map else {
            summaries.push(FrameSummary {
                time,
                file: None,
                min: None,
                median: None,
                max: None,
            });
            continue;
        };
        let name = format!("depth_{i:05}.png");
        let path: &Path = &args.output.join(&name);
        match args.png {
            Png::Colour => {
                let pixels = depth::colour_picture(map, maps.kind, range);
                image::RgbImage::from_raw(map.width, map.height, pixels).map(|p| p.save(path))
            }
            Png::Gray16 => {
                let pixel = |&v: &f32| {
                    let known = v.is_finite() && (maps.kind != DepthKind::Metric || v > 0.0);
                    if known {
                        ((f64::from(v) - offset) / step).round().clamp(1.0, 65535.0) as u16
                    } else {
                        0
                    }
                };
                let pixels: Vec<u16> = map.values.iter().map(pixel).collect();
                image::ImageBuffer::<image::Luma<u16>, _>::from_raw(map.width, map.height, pixels)
                    .map(|p| p.save(path))
            }
        }
        .with_context(|| format!("{}: values do not fill the picture", path.display()))?
        .with_context(|| format!("{}: cannot write", path.display()))?;
        let mut known: Vec<f32> = map
            .values
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .collect();
        known.sort_unstable_by(f32::total_cmp);
        summaries.push(FrameSummary {
            time,
            file: Some(name),
            min: known.first().copied(),
            median: known.get(known.len() / 2).copied(),
            max: known.last().copied(),
        });
    }
    Ok(summaries)
}
