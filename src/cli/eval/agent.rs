//! `director eval agent`.

mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};

use crate::cli::{Globals, colour_on_stdout};
use crate::eval::agent::fit::Step;
use crate::eval::agent::modes::Mode;
use crate::eval::agent::{Options, evaluate};
use crate::eval::scores::clips::Half;
use crate::pipeline::{Config, Preset};
use crate::progress::{Single, tell};
use crate::run::signals;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval agent --mode a,b --takes 12
  director eval agent -o judged --picture
  director eval agent --half tuning --mode b,c -o tuning --fit
                                                             how sure a violation may be, from tuning seeds
  director eval agent -o judged --resume                     go on where it was cut off
  director eval agent --mode c --network depth.onnx -o judged

Mock takes of 2 to 4 seconds are made, all places by turns, four of five with a camera that travels, half of them clean.
The others hold one or two of: hole, open_boundary, invisible_wall, vanish, move (planted in the scene) and floater (a ball
hung into the rebuilt world, which the video does not show). Agents test each take's world, which is made in four ways:
  a  the scene's own triangles as voxels, true depth as evidence
  b  rebuilt from true cameras and true depth
  c  rebuilt from true cameras and the network's depth, each map fitted to the truth by scale and shift on about 300 pixels,
     as a camera solver does on its tracked points
  d  what a run makes of the video (floaters apart), brought over by the similarity between solved and true cameras

A violation names a fault that its kind may mean within .9 m of its place. A fault that no frame shows is `unseen` and in no
recall. Told of each kind and size: recall and precision with 95 % intervals (Wilson); false alarms; verdicts on whole
worlds; how sure violations were against how often they were right. Takes of still cameras are counted apart.
Of pits, openings and panes in modes c and d also what depth holds of them before agents look (1 all, 0 nothing), of the
maps that worlds are built from and of what the splats render: what no depth holds, no agent can find.

With -o the folder keeps cases/ (takes and depth maps, which later runs read again), cases.jsonl and violations.jsonl, which
grow case by case, summary.json, and with --picture a picture of each miss and of the surest false alarms.")]
pub struct Args {
    /// From which half of the seeds: constants are tuned on one and judged on the other
    #[arg(long, value_enum, default_value_t = Seeds::HeldOut)]
    half: Seeds,
    /// Takes
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    takes: u32,
    /// Leave out so many takes before them
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    skip: u32,
    /// What worlds are made from [default: all]
    #[arg(long, value_enum, value_name = "a,b,c,d", value_delimiter = ',')]
    mode: Vec<Mode>,
    /// Width and height of the takes in pixels
    #[arg(long, default_value = "480x270", value_name = "WxH", value_parser = crate::manifest::parse_size)]
    size: [u32; 2],
    /// Least and greatest seconds of a take
    #[arg(long, default_value = "2,4", value_name = "FROM,TO", value_parser = seconds)]
    seconds: [f64; 2],
    /// Most frames of a take that become views, in modes a to c
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=240))]
    views: u32,
    /// Depth network of modes c and d [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// Preset of mode d
    #[arg(long, value_enum, default_value_t = Preset::Draft)]
    preset: Preset,
    /// Violations that are less sure do not count
    #[arg(long, default_value_t = 0.5, value_name = "0-1")]
    least_confidence: f64,
    /// Count a second violation on the same fault as a false one
    #[arg(long)]
    strict: bool,
    /// Folder for takes, lines, summary and pictures
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep the lines that the folder has, and make the others
    #[arg(long, requires = "out")]
    resume: bool,
    /// Draw each miss, and the surest false alarms
    #[arg(long, requires = "out")]
    picture: bool,
    /// Also print how often violations are right by what they say and by how much they stand out: the steps of
    /// confidence of src/agent/calibration.rs, where the seeds are tuning ones
    #[arg(long)]
    fit: bool,
    /// Print one JSON document on stdout
    #[arg(long)]
    json: bool,
}

/// Ranges of seeds.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Seeds {
    /// To tune constants on
    Tuning,
    /// To judge on
    HeldOut,
}

impl From<Seeds> for Half {
    fn from(seeds: Seeds) -> Self {
        match seeds {
            Seeds::Tuning => Self::Tuning,
            Seeds::HeldOut => Self::HeldOut,
        }
    }
}

pub(super) fn seconds(text: &str) -> Result<[f64; 2], String> {
    let wanted =
        || format!("'{text}': give two numbers from .2 to 20, the lesser first, such as 2,4");
    let (from, to) = text.split_once(',').ok_or_else(wanted)?;
    let number = |t: &str| {
        t.trim()
            .parse::<f64>()
            .ok()
            .filter(|s| (0.2..=20.0).contains(s))
    };
    match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to => Ok([from, to]),
        _ => Err(wanted()),
    }
}

impl Args {
    fn options(&self) -> anyhow::Result<Options> {
        super::check_size(self.size, 32)?;
        if !(0.0..=1.0).contains(&self.least_confidence) {
            bail!(
                "--least-confidence {}: give a number from 0 to 1",
                self.least_confidence
            );
        }
        let asked = |mode: &Mode| self.mode.is_empty() || self.mode.contains(mode);
        Ok(Options {
            half: self.half.into(),
            takes: self.takes as usize,
            first: self.skip as usize,
            size: self.size,
            seconds: self.seconds,
            views: self.views as usize,
            modes: Mode::ALL.into_iter().filter(asked).collect(),
            least_confidence: self.least_confidence,
            strict: self.strict,
            resume: self.resume,
            pictures: self.picture,
        })
    }
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    let reads_depth = options.modes.iter().any(|m| matches!(m, Mode::C | Mode::D));
    let wanting = "add --mode c or d";
    let (choice, model) = super::network(args.network.as_deref(), reads_depth, wanting)?;
    let mut config = Config::preset(args.preset);
    config.decode = globals.decode()?;
    config.depth.model = choice;
    let stop = signals::install().context("installing the signal handlers")?;
    let monitor = Single::until(stop.clone(), globals.quiet);
    let place = super::Place::of(args.out.as_deref())?;
    let folder = &place.folder;
    let gpu = globals.gpu()?;
    let done = evaluate(&gpu, model.as_ref(), &config, &options, folder, &monitor);
    drop(monitor);
    let outcome = match done {
        Err(error) if stop.load(Ordering::Relaxed) => {
            tell(&format!("{error:#}"));
            return Ok(ExitCode::from(signals::INTERRUPTED));
        }
        other => other?,
    };
    #[derive(serde::Serialize)]
    struct Document<'a> {
        format: u32,
        half: Half,
        takes: usize,
        least_confidence: f64,
        strict: bool,
        summaries: &'a [crate::eval::agent::stats::Summary],
        lost: &'a [crate::eval::agent::lost::Lost],
        fit: &'a BTreeMap<String, Vec<Step>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cases: Option<&'a [crate::eval::agent::record::Line]>,
    }
    let document = |cases| Document {
        format: 1,
        half: options.half,
        takes: options.takes,
        least_confidence: options.least_confidence,
        strict: options.strict,
        summaries: &outcome.summaries,
        lost: &outcome.lost,
        fit: &outcome.fit,
        cases,
    };
    if args.out.is_some() {
        let path = folder.join("summary.json");
        let text = serde_json::to_string_pretty(&document(None))?;
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&document(Some(&outcome.lines)))?;
        anstream::println!("{text}");
    } else {
        anstream::println!("{}", table::text(&outcome, colour_on_stdout()));
        if args.fit {
            anstream::println!("{}", table::fit(&outcome.fit, colour_on_stdout()));
        }
    }
    let failed = outcome.lines.iter().filter(|l| l.error.is_some()).count();
    Ok(ExitCode::from(u8::from(failed > 0)))
}
