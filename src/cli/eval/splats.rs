//! `director eval splats`.

mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};

use super::agent::{Seeds, seconds};
use crate::cli::{Globals, colour_on_stdout};
use crate::eval::splats::record::Line;
use crate::eval::splats::{Clips, Options, Outcome, Source, evaluate, sheet, stats};
use crate::layers;
use crate::paths::pattern::is_pattern;
use crate::pipeline::{Config, Preset};
use crate::progress::{Single, tell};
use crate::run::signals;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval splats --takes 12
  director eval splats --from truth --preset standard -o judged
  director eval splats clip.mp4 pictures/ --network depth.onnx     how well held-out frames of these are shown
  director eval splats lego/ --set fit.splats=30000 --set fit.steps=3000
  director eval splats -o judged --resume                          go on where it was cut off

Without inputs mock takes of 2 to 5 seconds are made, all places by turns, without faults, and splats are fitted twice: to the true cameras
and depth (`truth`), and to what a run has of the video (`run`). Each eighth frame is held out (fit.hold_out_every) and compared:
  still    PSNR in dB and SSIM of what stays where it is (by the truth; of inputs by the run's own masks)
  whole    PSNR of whole frames
  fitted   PSNR of frames that were fitted to
  depth    |d / truth - 1| of the depth that splats show, up to 100 m: median and 95th percentile of a clip's held-out pixels
  floor    how far 95 % of what is shown of the floor lies from it, in an agent's highest steps (agent.climb_metres)
           (neither of cameras that do not travel: their unit is unknown)
  unseen   share of what stands that splats do not show
  clutter  share of the open where splats show something within 100 m

With -o the folder keeps cases/ (takes, depth maps, a strip of pictures a fit), splats.jsonl, which grows line by line, summary.json, and
splats.png: frame, splats, true depth, the splats' depth.")]
pub struct Args {
    /// Videos, or folders of pictures [default: mock takes]
    inputs: Vec<PathBuf>,
    /// What splats are fitted to [default: both]
    #[arg(
        long,
        value_enum,
        value_name = "truth,run",
        value_delimiter = ',',
        conflicts_with = "inputs"
    )]
    from: Vec<Source>,
    /// Depth network [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// From which half of the seeds: constants are tuned on one and judged on the other
    #[arg(long, value_enum, default_value_t = Seeds::HeldOut, conflicts_with = "inputs")]
    half: Seeds,
    /// Takes
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "inputs")]
    takes: u32,
    /// Leave out so many takes before them
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000), conflicts_with = "inputs")]
    skip: u32,
    /// Width and height of the takes in pixels [default: the preset's]
    #[arg(long, value_name = "WxH", value_parser = crate::manifest::parse_size, conflicts_with = "inputs")]
    size: Option<[u32; 2]>,
    /// Least and greatest seconds of a take
    #[arg(long, default_value = "2,5", value_name = "FROM,TO", value_parser = seconds, conflicts_with = "inputs")]
    seconds: [f64; 2],
    /// Preset: frames, size, splats and steps
    #[arg(long, value_enum, default_value_t = Preset::Draft)]
    preset: Preset,
    /// A key of the configuration, such as `fit.steps=1000`; may be given again. Configuration files and variables do not count
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Leave cameras that lie beside inputs
    #[arg(long)]
    ignore_known_cameras: bool,
    /// Leave depth that lies beside inputs
    #[arg(long)]
    ignore_known_depth: bool,
    /// Folder for takes, lines, summary and pictures
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
    summaries: &'a [stats::Summary],
    /// Inputs that could not be judged.
    failed: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<&'a [Line]>,
}

impl Args {
    fn config(&self, globals: &Globals) -> anyhow::Result<Config> {
        if let Some(set) = self
            .set
            .iter()
            .find(|s| s.trim_start().starts_with("depth."))
        {
            bail!("--set {set}: the depth network is told by --network");
        }
        let mut config = layers::bare(self.preset, &self.set)?;
        config.decode = globals.decode()?;
        config.ignore_known_cameras |= self.ignore_known_cameras;
        config.ignore_known_depth |= self.ignore_known_depth;
        Ok(config)
    }

    fn options(&self, config: &Config) -> anyhow::Result<Options> {
        // Sides of videos are even.
        let even = |side: u32| side.clamp(64, 1920) / 2 * 2;
        let own = [even(config.max_side), even(config.max_side * 9 / 16)];
        let size = self.size.unwrap_or(own);
        if self.inputs.is_empty() {
            super::check_size(size, 64)?;
        }
        let clips = match self.inputs.is_empty() {
            true => Clips::Takes {
                half: self.half.into(),
                takes: self.takes as usize,
                first: self.skip as usize,
                size,
                seconds: self.seconds,
                sources: match self.from.as_slice() {
                    [] => vec![Source::Truth, Source::Run],
                    some => some.to_vec(),
                },
            },
            false => Clips::Given(self.inputs.clone()),
        };
        Ok(Options {
            clips,
            resume: self.resume,
            pictures: self.out.is_some(),
        })
    }
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let mut config = args.config(globals)?;
    let options = args.options(&config)?;
    // A wrong path should not wait for a take.
    let there = |input: &&PathBuf| input.exists() || is_pattern(input);
    if let Some(input) = args.inputs.iter().find(|i| !there(i)) {
        bail!("{}: there is no such file or folder", input.display());
    }
    let asked = match &options.clips {
        Clips::Takes { sources, .. } => sources.contains(&Source::Run),
        Clips::Given(_) => true,
    };
    let wanting = "add run to --from";
    let (choice, model) = super::network(args.network.as_deref(), asked, wanting)?;
    config.depth.model = choice;
    let stop = signals::install().context("installing the signal handlers")?;
    let monitor = Single::until(stop.clone(), globals.quiet);
    let place = super::Place::of(args.out.as_deref())?;
    let folder = &place.folder;
    let gpu = globals.gpu()?;
    let done = evaluate(&gpu, model.as_ref(), &config, &options, folder, &monitor);
    drop(monitor);
    let Outcome { lines, failed } = match done {
        Err(error) if stop.load(Ordering::Relaxed) => {
            tell(&format!("{error:#}"));
            return Ok(ExitCode::from(signals::INTERRUPTED));
        }
        other => other?,
    };
    let summaries = stats::summaries(&lines);
    let document = |fits| Document {
        format: 1,
        summaries: &summaries,
        failed: &failed,
        fits,
    };
    if args.out.is_some() {
        let path = folder.join("summary.json");
        let text = serde_json::to_string_pretty(&document(None))?;
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
        if let Some(picture) = sheet::draw(&lines, folder) {
            let path = folder.join("splats.png");
            picture
                .save(&path)
                .with_context(|| path.display().to_string())?;
        }
    }
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&document(Some(&lines)))?);
    } else {
        anstream::println!("{}", table::text(&summaries, &lines, colour_on_stdout()));
        for line in &lines {
            if let Some(words) = &line.refused {
                tell(&format!("{}: cameras were not solved: {words}", line.name));
            }
        }
    }
    Ok(ExitCode::from(u8::from(!failed.is_empty())))
}
