//! `director probe`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Globals;
use crate::progress::Single;
use crate::video::{Probe, Stream, Taken, decoder, examine};

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

/// What is found, and who would decode it.
#[derive(serde::Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    found: &'a Probe,
    /// None of pictures.
    decode: Option<Taken>,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let found = examine(&args.input, &Single::new(globals.quiet))?;
    let decode = globals.decode()?;
    anyhow::ensure!(
        decode.refusal().is_none(),
        decode.refusal().unwrap_or_default()
    );
    let decode = decoder(&args.input, decode, || globals.gpu())?;
    if args.json {
        let document = Document {
            found: &found,
            decode,
        };
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        anstream::println!("{}", table(&found, decode.as_ref()).trim_fmt());
    }
    Ok(ExitCode::SUCCESS)
}

/// Facts for people, one a row; what is not known is left out.
fn table(found: &Probe, decode: Option<&Taken>) -> comfy_table::Table {
    let (info, timing) = (&found.info, &found.timing);
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
    let frames = match (timing.shown, info.frames) {
        (shown, claimed) if claimed != 0 && claimed != shown => {
            format!("{shown} shown, {claimed} claimed")
        }
        (shown, _) => shown.to_string(),
    };
    let ms = |seconds: f64| format!("{:.1}", seconds * 1e3);
    let times = match (timing.shown, timing.variable) {
        (shown, _) if shown < 2 || timing.untimed == shown => String::new(),
        (_, variable) => format!(
            "{:.3} to {:.3} s, {}",
            timing.first,
            timing.last,
            match variable {
                false => format!("{} ms apart", ms(timing.longest)),
                true => format!("{} to {} ms apart", ms(timing.shortest), ms(timing.longest)),
            }
        ),
    };
    let sited = match info.chroma_location.as_str() {
        "" | "unspecified" => String::new(),
        place => format!(", chroma {place}"),
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
        ("times", times),
        ("colour", format!("{}, {range} range{sited}", info.matrix)),
        ("transfer", info.transfer.clone()),
        ("audio", if info.audio { "yes" } else { "no" }.to_owned()),
        ("decode", decode.map_or(String::new(), Taken::to_string)),
    ] {
        if !value.is_empty() {
            table.add_row([name, &value]);
        }
    }
    for stream in &found.streams {
        table.add_row([format!("stream {}", stream.index), told(stream)]);
    }
    for fault in &found.faults {
        table.add_row(["fault", fault]);
    }
    table
}

fn told(stream: &Stream) -> String {
    let mut words = format!("{} {}", stream.kind, stream.codec);
    if stream.width > 0 {
        words += &format!(", {}x{}", stream.width, stream.height);
    }
    if stream.duration > 0.0 {
        words += &format!(", {:.3} s", stream.duration);
    }
    words
}
