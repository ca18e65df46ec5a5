//! `director eval mock`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use crate::cli::Globals;
use crate::eval::mock::{Agreement, agreement};
use crate::eval::sheet::{self, MOVES, PLACES};
use crate::generate::TakeRequest;
use crate::generate::local::LocalProvider;
use crate::mock::seeds::HELD_OUT;
use crate::mock::{MockProvider, understand};
use crate::monitor::Silent;
use crate::progress::tell;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval mock
  director eval mock -o sheets --json

Takes of held-out seeds are made, one for each place and camera move, and read back as another program would read
them: the depth of what stands still, moved by the true cameras, has to land where the true flow says. With -o the
contact sheets places.jpg and defects.jpg are written as well.")]
pub struct Args {
    /// Folder for the contact sheets; none are drawn without it
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Width and height of the takes in pixels
    #[arg(long, default_value = "320x180", value_name = "WxH", value_parser = crate::manifest::parse_size)]
    size: [u32; 2],
    /// Frames of each take
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=600))]
    frames: u32,
    /// Print one JSON document on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, serde::Serialize)]
struct Line {
    place: String,
    camera: String,
    seed: u64,
    #[serde(flatten)]
    agreement: Agreement,
    /// Of the whole take: traced, encoded, truth written.
    frames_per_second: f64,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let gpu = globals.gpu()?;
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        for (name, sheet) in [
            ("places.jpg", sheet::places(&gpu, HELD_OUT.start)?),
            ("defects.jpg", sheet::defects(&gpu, HELD_OUT.start)?),
        ] {
            save(&out.join(name), &sheet)?;
            tell(&format!("{}", out.join(name).display()));
        }
    }
    let provider = MockProvider::new(gpu);
    let mut lines = Vec::new();
    for (row, (place, prompt)) in PLACES.iter().enumerate() {
        for (column, (_, words)) in MOVES.iter().enumerate() {
            let seed = HELD_OUT.start + (row * MOVES.len() + column) as u64;
            let request = TakeRequest {
                prompt: format!("{prompt}, {words}"),
                seed,
                seconds: f64::from(args.frames) / 24.0,
                size: args.size,
                fps: 24.0,
                video: None,
                model: None,
                reference_image: None,
            };
            let folder = tempfile::tempdir()?;
            let start = Instant::now();
            provider.generate(&request, folder.path(), &Silent)?;
            let took = start.elapsed().as_secs_f64();
            lines.push(Line {
                place: place.name(),
                // A corridor and stairs have no room for an orbit.
                camera: understand(&request.prompt, seed).camera.name(),
                seed,
                agreement: agreement(folder.path())?,
                frames_per_second: f64::from(args.frames) / took,
            });
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<10} {:<9} {:>9} {:>10} {:>9} {:>9} {:>9}",
        "place", "camera", "pixels", "median px", "p99 px", "flow px", "frames/s"
    );
    for line in &lines {
        println!(
            "{:<10} {:<9} {:>9} {:>10.4} {:>9.4} {:>9.2} {:>9.1}",
            line.place,
            line.camera,
            line.agreement.pixels,
            line.agreement.median,
            line.agreement.p99,
            line.agreement.flow,
            line.frames_per_second
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn save(path: &Path, sheet: &image::RgbImage) -> anyhow::Result<()> {
    let file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
    let mut file = std::io::BufWriter::new(file);
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 70);
    sheet
        .write_with_encoder(encoder)
        .with_context(|| path.display().to_string())
}
