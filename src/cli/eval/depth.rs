//! `director eval depth`.

mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};

use super::agent::{Seeds, seconds};
use crate::cli::network::Kind;
use crate::cli::{Globals, colour_on_stdout};
use crate::depth::{self, Model, ModelChoice, Place as On};
use crate::eval::depth::record::Line;
use crate::eval::depth::{Clips, Network, Options, Outcome, evaluate, sheet, stats};
use crate::paths::pattern::is_pattern;
use crate::pipeline::{Config, Preset};
use crate::progress::{Single, tell};
use crate::run::signals;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval depth --takes 12
  director eval depth --network embedded --network depth_anything_v2.onnx -o judged
  director eval depth pictures/ --network depth.onnx           beside the depth that lies there
  director eval depth clip.mp4 --solve -o judged               how much depth wanders in a clip without a truth
  director eval depth -o judged --resume                       go on where it was cut off

Without inputs mock takes of 2 to 5 seconds are made, all places by turns, without faults. Each network's maps are brought to the true
depth of each frame (relative inverse depth by scale and shift, metric depth by scale), at the truth's pixels, and compared up to 100 m:
  AbsRel  mean of |d - truth| / truth
  delta1  share of pixels within 1.25 times the truth
  edges   F1 of the edges of depth between neighbouring pixels, ratios of 5 to 25 % (after Bochkovskii et al. 2024)
  wander  how far whole frames are off one another in time, standard deviation of the factor, with one scale and shift a clip
  lost    frames whose map does not follow the truth, or is missing; they are in no mean
With --solve cameras are solved too, and the wander is told with each frame's own scale and shift, as they have it. Clips without a
truth are held against the solved cameras instead.

With -o the folder keeps cases/ (takes, maps, a strip of pictures a clip and network: frame, truth, map), depth.jsonl, which grows
line by line, summary.json, and depth.png: strips on one sheet, near is bright.")]
pub struct Args {
    /// Videos, or folders of pictures with depth beside them [default: mock takes]
    inputs: Vec<PathBuf>,
    /// Depth networks: ONNX files, or `embedded`; each is judged on the same frames [default: embedded]
    #[arg(long, value_name = "NAME|FILE")]
    network: Vec<ModelChoice>,
    /// What the answers of networks mean whose files are not known
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Where networks run
    #[arg(long, value_enum, default_value_t)]
    depth_on: On,
    /// Solve cameras too
    #[arg(long)]
    solve: bool,
    /// From which half of the seeds: constants are tuned on one and judged on the other
    #[arg(long, value_enum, default_value_t = Seeds::HeldOut, conflicts_with = "inputs")]
    half: Seeds,
    /// Takes
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "inputs")]
    takes: u32,
    /// Leave out so many takes before them
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000), conflicts_with = "inputs")]
    skip: u32,
    /// Width and height of the takes in pixels
    #[arg(long, default_value = "640x360", value_name = "WxH", value_parser = crate::manifest::parse_size, conflicts_with = "inputs")]
    size: [u32; 2],
    /// Least and greatest seconds of a take
    #[arg(long, default_value = "2,5", value_name = "FROM,TO", value_parser = seconds, conflicts_with = "inputs")]
    seconds: [f64; 2],
    /// Most frames of a clip, evenly spaced in time
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=2000))]
    max_frames: u32,
    /// Long side in pixels that inputs are decoded to
    #[arg(long, default_value_t = 640, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(64..=8192))]
    max_side: u32,
    /// Leave cameras that lie beside inputs
    #[arg(long)]
    ignore_known_cameras: bool,
    /// Leave depth that lies beside inputs
    #[arg(long, requires = "solve")]
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
    clips: Option<&'a [Line]>,
}

impl Args {
    fn options(&self) -> anyhow::Result<Options> {
        super::check_size(self.size, 64)?;
        let clips = match self.inputs.is_empty() {
            true => Clips::Takes {
                half: self.half.into(),
                takes: self.takes as usize,
                first: self.skip as usize,
                size: self.size,
                seconds: self.seconds,
            },
            false => Clips::Given(self.inputs.clone()),
        };
        Ok(Options {
            clips,
            solve: self.solve,
            resume: self.resume,
            pictures: self.out.is_some(),
        })
    }

    /// The networks by what they are called here.
    fn networks(&self) -> anyhow::Result<Vec<Network>> {
        let asked = match self.network.as_slice() {
            [] => &[ModelChoice::Embedded][..],
            some => some,
        };
        let mut networks: Vec<Network> = Vec::new();
        for choice in asked {
            let (stem, whole) = match choice {
                ModelChoice::Path(path) => {
                    let stem = path.file_stem().unwrap_or_default();
                    (
                        stem.to_string_lossy().into_owned(),
                        path.display().to_string(),
                    )
                }
                _ => ("embedded".to_owned(), "embedded".to_owned()),
            };
            let options = depth::Options {
                model: choice.clone(),
                kind: self.kind.map(Into::into),
                on: self.depth_on,
                ..depth::Options::default()
            };
            let model = Model::open(&options).map_err(|error| {
                anyhow::anyhow!(error.to_string().replace("--model", "--network"))
            })?;
            let same = |n: &Network| n.model.identity() == model.identity();
            if networks.iter().any(same) {
                bail!("--network {whole}: it was given before");
            }
            let taken = networks.iter().any(|n| n.name == stem);
            networks.push(Network {
                name: if taken { whole } else { stem },
                options,
                model,
            });
        }
        Ok(networks)
    }
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    // A wrong path should not wait for a take.
    let there = |input: &&PathBuf| input.exists() || is_pattern(input);
    if let Some(input) = args.inputs.iter().find(|i| !there(i)) {
        bail!("{}: there is no such file or folder", input.display());
    }
    let networks = args.networks()?;
    let mut config = Config::preset(Preset::Draft);
    config.decode = globals.decode()?;
    config.max_frames = args.max_frames as usize;
    config.max_side = args.max_side;
    config.ignore_known_cameras = args.ignore_known_cameras;
    config.ignore_known_depth = args.ignore_known_depth;
    let stop = signals::install().context("installing the signal handlers")?;
    let monitor = Single::until(stop.clone(), globals.quiet);
    let place = super::Place::of(args.out.as_deref())?;
    let folder = &place.folder;
    let gpu = globals.gpu()?;
    let done = evaluate(&gpu, &networks, &config, &options, folder, &monitor);
    drop(monitor);
    let Outcome { lines, failed } = match done {
        Err(error) if stop.load(Ordering::Relaxed) => {
            tell(&format!("{error:#}"));
            return Ok(ExitCode::from(signals::INTERRUPTED));
        }
        other => other?,
    };
    let summaries = stats::summaries(&lines);
    let document = |clips| Document {
        format: 1,
        summaries: &summaries,
        failed: &failed,
        clips,
    };
    if args.out.is_some() {
        let path = folder.join("summary.json");
        let text = serde_json::to_string_pretty(&document(None))?;
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
        if let Some(picture) = sheet::draw(&lines, folder) {
            let path = folder.join("depth.png");
            picture
                .save(&path)
                .with_context(|| path.display().to_string())?;
        }
    }
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&document(Some(&lines)))?);
    } else {
        anstream::println!("{}", table::text(&summaries, colour_on_stdout()));
        for line in &lines {
            if let Some(words) = &line.refused {
                tell(&format!(
                    "{}, {}: cameras were not solved: {words}",
                    line.name, line.network
                ));
            }
        }
    }
    Ok(ExitCode::from(u8::from(!failed.is_empty())))
}
