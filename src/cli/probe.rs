//! `director probe`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Globals;
use crate::video::{VideoInfo, probe};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  director probe take.mp4\n  director probe images/ --json")]
pub struct Args {
    /// A video, an image, or a folder of images
    #[arg(value_name = "FILE")]
    pub input: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let info = probe(&args.input)?;
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&info)?);
    } else {
        anstream::println!("{}", table(&info).trim_fmt());
    }
    Ok(ExitCode::SUCCESS)
}

/// Facts for people, one a row; what is not known is left out.
fn table(info: &VideoInfo) -> comfy_table::Table {
    let range = if info.full_range { "full" } else { "limited" };
    let turn = match (info.rotation, info.mirrored) {
        (0, false) => String::new(),
        (turn, false) => format!("{turn} degrees clockwise"),
        (turn, true) => format!("mirrored top to bottom, then {turn} degrees clockwise"),
    };
    let known = |value: f64, unit: &str| match value {
        v if v > 0.0 => format!("{v:.3} {unit}"),
        _ => String::new(),
    };
    let aspect = match info.sample_aspect {
        a if (a - 1.0).abs() > 1e-3 => format!("{a:.4} times as wide as high"),
        _ => String::new(),
    };
    let frames = match info.frames {
        0 => String::new(),
        n => n.to_string(),
    };
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    for (name, value) in [
        ("file", info.path.clone()),
        ("container", info.container.clone()),
        ("codec", info.codec.clone()),
        ("size", format!("{}x{}", info.width, info.height)),
        ("rotation", turn),
        ("pixels", aspect),
        ("frames", frames),
        ("rate", known(info.fps, "frames/s")),
        ("duration", known(info.duration, "s")),
        ("pixel format", info.pixel_format.clone()),
        ("colour", format!("{}, {range} range", info.matrix)),
        ("transfer", info.transfer.clone()),
        ("audio", if info.audio { "yes" } else { "no" }.to_owned()),
    ] {
        if !value.is_empty() {
            table.add_row([name, &value]);
        }
    }
    table
}
