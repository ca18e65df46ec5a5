//! `director eval cameras` and `director eval masks`: two tables of the same solves.

mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Context;

use super::agent::{Seeds, seconds};
use crate::cli::{Globals, colour_on_stdout};
use crate::eval::cameras::spoil::Spoil;
use crate::eval::cameras::{Depth, Options, evaluate, record::Line, sheet, stats};
use crate::eval::scores::clips::Half;
use crate::pipeline::{Config, Preset};
use crate::progress::{Single, tell};
use crate::run::signals;

/// Arguments of `director eval cameras`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval cameras --takes 12
  director eval cameras --depth truth --size 640x360
  director eval cameras -o judged --network depth.onnx
  director eval cameras -o judged --resume                   go on where it was cut off
  director eval cameras --takes 4 --spoil cut,black,sky      of which cameras must not be silently wrong

Mock takes of 2 to 5 seconds are made, all places by turns, without faults, more than half of them with somebody who walks; in four of
five the camera travels. Each is solved as a run does, at its own size, from the true depth and from the network's, and compared with the
true cameras after a similarity (Umeyama 1991): absolute error over the path, error of a step's turn, of the focal
length. Of cameras that stand or only turn nothing can be built; counted is how often the solver says so.

With -o the folder keeps cases/ (takes and depth maps, which later runs read again), cameras.jsonl, which grows solve by
solve, summary.json, paths.png: true and solved paths from above, and masks.png (director eval masks).")]
pub struct Args {
    /// Solve each take spoilt in these ways too, from the network's depth
    #[arg(long, value_enum, value_name = "WAY,...", value_delimiter = ',')]
    spoil: Vec<Spoil>,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `director eval masks`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval masks --depth network --takes 12
  director eval masks -o judged --network depth.onnx
  director eval masks -o judged --resume                     with the solves of an evaluation of cameras

The solves are those of director eval cameras, and what they leave in a folder is the same. Masks of what moves are made by the solved cameras and
compared, pixel by pixel at the size of the flow, with the subjects that are under way: recall, precision and intersection
over union, by the mover's size and speed. A mover's shadow and mirror image belong to it where they are seen, which is where
the frame differs by 6 of 255 in luma from one without anybody in it. `precision` counts them as wrong, `with shadows` as right;
`shadows masked` is the share of them that is masked.

With -o masks.png shows the worst view of each take: masked and moving yellow, masked only red, moving only green; of shadows and
mirror images what is masked violet, what is not blue.")]
pub struct MaskArgs {
    #[command(flatten)]
    common: Common,
}

/// What both take.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// From which half of the seeds: constants are tuned on one and judged on the other
    #[arg(long, value_enum, default_value_t = Seeds::HeldOut)]
    half: Seeds,
    /// Takes
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    takes: u32,
    /// Leave out so many takes before them
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    skip: u32,
    /// Where depth comes from [default: both]
    #[arg(long, value_enum, value_name = "truth,network", value_delimiter = ',')]
    depth: Vec<Depth>,
    /// Width and height of the takes in pixels
    #[arg(long, default_value = "640x360", value_name = "WxH", value_parser = crate::manifest::parse_size)]
    size: [u32; 2],
    /// Least and greatest seconds of a take
    #[arg(long, default_value = "2,5", value_name = "FROM,TO", value_parser = seconds)]
    seconds: [f64; 2],
    /// Depth network [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// Preset: how many frames are solved, and how
    #[arg(long, value_enum, default_value_t = Preset::Draft)]
    preset: Preset,
    /// Folder for takes, lines, summary and picture
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep the lines that the folder has, and make the others
    #[arg(long, requires = "out")]
    resume: bool,
    /// Print one JSON document on stdout
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Document<'a> {
    format: u32,
    half: Half,
    takes: usize,
    summaries: &'a [stats::Summary],
    #[serde(skip_serializing_if = "Option::is_none")]
    solves: Option<&'a [Line]>,
}

/// Runs `director eval cameras`.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    evaluated(&args.common, &args.spoil, globals, table::text)
}

/// Runs `director eval masks`.
pub fn run_masks(args: &MaskArgs, globals: &Globals) -> anyhow::Result<ExitCode> {
    evaluated(&args.common, &[], globals, table::masks)
}

fn evaluated(
    args: &Common,
    spoils: &[Spoil],
    globals: &Globals,
    table: impl Fn(&[stats::Summary], bool) -> String,
) -> anyhow::Result<ExitCode> {
    super::check_size(args.size, 64)?;
    let reads_depth =
        args.depth.is_empty() || args.depth.contains(&Depth::Network) || !spoils.is_empty();
    let wanting = "add --depth network";
    let (choice, model) = super::network(args.network.as_deref(), reads_depth, wanting)?;
    let mut config = Config::preset(args.preset);
    config.decode = globals.decode()?;
    config.depth.model = choice;
    let asked = |d: &Depth| args.depth.is_empty() || args.depth.contains(d);
    let options = Options {
        half: args.half.into(),
        takes: args.takes as usize,
        first: args.skip as usize,
        size: args.size,
        seconds: args.seconds,
        frames: config.max_frames,
        depths: [Depth::Truth, Depth::Network]
            .into_iter()
            .filter(asked)
            .collect(),
        spoils: spoils.to_vec(),
        resume: args.resume,
    };
    let stop = signals::install().context("installing the signal handlers")?;
    let monitor = Single::until(stop.clone(), globals.quiet);
    let place = super::Place::of(args.out.as_deref())?;
    let folder = &place.folder;
    let gpu = globals.gpu()?;
    let done = evaluate(&gpu, model.as_ref(), &config, &options, folder, &monitor);
    drop(monitor);
    let lines = match done {
        Err(error) if stop.load(Ordering::Relaxed) => {
            tell(&format!("{error:#}"));
            return Ok(ExitCode::from(signals::INTERRUPTED));
        }
        other => other?,
    };
    let summaries = stats::summaries(&lines);
    let document = |solves| Document {
        format: 1,
        half: options.half,
        takes: options.takes,
        summaries: &summaries,
        solves,
    };
    if args.out.is_some() {
        let path = folder.join("summary.json");
        let text = serde_json::to_string_pretty(&document(None))?;
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
        let save = |name: &str, picture: image::RgbImage| {
            let path = folder.join(name);
            picture
                .save(&path)
                .with_context(|| path.display().to_string())
        };
        save("paths.png", sheet::draw(&lines))?;
        if let Some(masks) = sheet::masks(&lines, folder) {
            save("masks.png", masks)?;
        }
    }
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&document(Some(&lines)))?);
    } else {
        anstream::println!("{}", table(&summaries, colour_on_stdout()));
    }
    Ok(ExitCode::SUCCESS)
}
