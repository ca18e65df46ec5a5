//! `director frames`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::Globals;
use crate::gpu::uploaded;
use crate::progress::Single;
use crate::video::{DecodeOptions, Windows};

/// Frames in GPU memory at once, so that a clip may be of any length.
const WINDOW: usize = 32;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  director frames take.mp4 -o frames/ --max-side 640 --max-frames 50"
)]
pub struct Args {
    /// A video, an image, or a folder of images
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
    /// Folder for the PNGs; made if it is not there, and must be empty
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Long side in pixels; frames never grow
    #[arg(long, value_name = "PIXELS", default_value_t = 4096)]
    pub max_side: u32,
    /// At most so many frames, evenly spaced in time
    #[arg(long, value_name = "N")]
    pub max_frames: Option<usize>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(serde::Serialize)]
struct Written {
    file: PathBuf,
    time: f64,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let options = DecodeOptions {
        max_side: args.max_side,
        max_frames: args.max_frames,
        decode: globals.decode()?,
        ..DecodeOptions::default()
    };
    let monitor = Single::new(globals.quiet);
    let gpu = globals.gpu()?;
    empty_folder(&args.out)?;
    let mut windows = Windows::open(&gpu, &args.input, &options, &monitor)?;
    let mut written = Vec::new();
    let mut last = None;
    while let Some(frames) = windows.next(WINDOW, &monitor)? {
        for (index, &time) in frames.times.iter().enumerate() {
            let file = args.out.join(format!("frame_{:06}.png", written.len()));
            write_png(
                &file,
                &frames.read(&gpu, index)?,
                [frames.width, frames.height],
            )?;
            written.push(Written { file, time });
        }
        last = Some(frames.select(&[]));
    }
    let Some(frames) = last else {
        anyhow::bail!("{}: no frames", args.input.display());
    };
    let decode = windows.taken();
    for fault in &frames.faults {
        tracing::warn!("{}: {fault}", args.input.display());
    }
    if args.json {
        let document = serde_json::json!({
            "width": frames.width,
            "height": frames.height,
            "frames": written,
            "faults": frames.faults,
            "source": frames.info,
            "decode": decode,
            "uploaded_bytes": uploaded(),
        });
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else if !globals.quiet {
        anstream::eprintln!(
            "{} frames of {}x{}{} in {}",
            written.len(),
            frames.width,
            frames.height,
            decode.map_or(String::new(), |taken| format!(", {},", taken.short())),
            args.out.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn empty_folder(folder: &Path) -> anyhow::Result<()> {
    let doing = || format!("{}: the folder cannot be made or listed", folder.display());
    std::fs::create_dir_all(folder).with_context(doing)?;
    if std::fs::read_dir(folder)
        .with_context(doing)?
        .next()
        .is_some()
    {
        anyhow::bail!(
            "{}: the folder is not empty; give another, or empty it first",
            folder.display()
        );
    }
    Ok(())
}

/// Packed pixels as a PNG, with alpha where any pixel has some.
fn write_png(file: &Path, rgba: &[u32], [width, height]: [u32; 2]) -> anyhow::Result<()> {
    let alpha = rgba.iter().any(|pixel| pixel >> 24 != 255);
    let keep = if alpha { 4 } else { 3 };
    let bytes: Vec<u8> = rgba
        .iter()
        .flat_map(|pixel| pixel.to_le_bytes().into_iter().take(keep))
        .collect();
    let colour = if alpha {
        image::ExtendedColorType::Rgba8
    } else {
        image::ExtendedColorType::Rgb8
    };
    image::save_buffer(file, &bytes, width, height, colour)
        .with_context(|| format!("{}: the picture cannot be written", file.display()))
}
