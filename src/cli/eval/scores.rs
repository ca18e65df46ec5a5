//! `director eval scores`.

mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};

use crate::cli::{Globals, colour_on_stdout};
use crate::eval::corrupt::{Kind, LEVELS};
use crate::eval::scores::clips::{self, Halves, Shape, Spec};
use crate::eval::scores::{
    Options, Outcome, Variant, ceiling, choice, picture, rates, sheet, validate,
};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::progress::{Single, tell};
use crate::run::signals;
use crate::video::Decode;

/// Mock clips where none are asked for and no video is given.
const MOCK_CLIPS: usize = 24;

/// What is asked of the scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Check {
    /// Whether they fall under corruptions, and rise under none
    #[default]
    Corruptions,
    /// How far those of one clip lie apart at several frame rates and lengths
    Rates,
    /// How often the take that they choose of three has the least planted in it
    Choice,
    /// What an oracle tells of what vanishes or morphs that knows where it is and how it goes: no score can be expected to do better
    Ceiling,
}

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director eval scores --picture matrix.png --variants variants.jsonl
  director eval scores takes/ --half all --seeds 1
  director eval scores --clips 4 --kinds blur,noise --levels 1,3
  director eval scores takes/a.mp4 --sheet corruptions.png
  director eval scores --check rates --clips 12
  director eval scores --check choice --clips 40
  director eval scores --check ceiling --clips 12 --seeds 1

Clips are rendered by the mock world without defects, or decoded from the videos given. Each is corrupted in eleven ways
at four levels and scored. Told of each score and corruption: rho, Spearman's rank correlation with the level within a
clip (-1 is best); win, how often the corrupted clip of level 3 scores below its clean one; AUC, how well the score tells
clean clips from corrupted ones of level 3, with a 95 % interval. Constants are tuned on one half of the clips and judged
on the other: mock clips by their seeds, videos by turns in the order of their names.

A missed target is told, not an error; a score that is no number ends with exit code 1.")]
pub struct Args {
    /// Videos, or folders of videos
    #[arg(value_name = "DIR")]
    inputs: Vec<PathBuf>,
    /// What is asked of the scores
    #[arg(long, value_enum, default_value_t)]
    check: Check,
    /// Which half of the clips
    #[arg(long, value_enum, default_value_t)]
    half: Halves,
    /// Mock clips, or prompts to choose a take of [default: 24, or none where videos are given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    clips: Option<u32>,
    /// Leave out the first mock clips
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    skip: u32,
    /// Seconds of each clip; of a video the first ones [default: 2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// Frames of each clip, at most [default: all of its seconds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=600))]
    frames: Option<u32>,
    /// Frames a second of mock clips [default: 24]
    #[arg(long, value_name = "FPS", value_parser = rate)]
    rate: Option<f64>,
    /// Seeds of each corruption [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Levels, from 1 to 4 [default: all]
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4))]
    levels: Vec<u32>,
    /// Corruptions [default: all]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Width and height of mock clips in pixels
    #[arg(long, default_value = "480x270", value_name = "WxH", value_parser = crate::manifest::parse_size)]
    size: [u32; 2],
    /// Long side in pixels that videos are decoded to
    #[arg(long, default_value_t = 640, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=4096))]
    max_side: u32,
    /// Write every scored clip with its components as a line of JSON, as it comes
    #[arg(long, value_name = "FILE")]
    variants: Option<PathBuf>,
    /// Write the matrix as a PNG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Only write a PNG that shows the corruptions of the first clip, and score nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["variants", "picture", "json"])]
    sheet: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long)]
    json: bool,
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n| (low..=high).contains(n));
    number.ok_or_else(|| format!("give a number from {low} to {high}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.1, 60.0)
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 1.0, 120.0)
}

impl Args {
    fn options(&self, decode: Decode) -> Options {
        let mut levels = match self.levels.is_empty() {
            true => (1..=LEVELS).collect(),
            false => self.levels.clone(),
        };
        levels.sort_unstable();
        levels.dedup();
        let asked = |kind: &Kind| self.kinds.is_empty() || self.kinds.contains(kind);
        Options {
            shape: Shape {
                seconds: self.seconds.unwrap_or(2.0),
                frames: self.frames.map_or(usize::MAX, |n| n as usize),
                rate: self.rate.unwrap_or(24.0),
                size: self.size,
                max_side: self.max_side,
                decode,
            },
            kinds: Kind::ALL.into_iter().filter(asked).collect(),
            levels,
            seeds: self.seeds.unwrap_or(3),
        }
    }

    /// Refuses what the asked check has no use for.
    fn fit_the_check(&self) -> anyhow::Result<()> {
        if self.check == Check::Corruptions {
            return Ok(());
        }
        let corrupts = self.check == Check::Ceiling;
        let unused = [
            (!self.kinds.is_empty(), "--kinds"),
            (self.picture.is_some(), "--picture"),
            (self.sheet.is_some(), "--sheet"),
            (corrupts && self.variants.is_some(), "--variants"),
            (!corrupts && !self.levels.is_empty(), "--levels"),
            (!corrupts && self.frames.is_some(), "--frames"),
            (!corrupts && self.seconds.is_some(), "--seconds"),
            (!corrupts && self.rate.is_some(), "--rate"),
            (!corrupts && self.seeds.is_some(), "--seeds"),
        ];
        if let Some((_, flag)) = unused.iter().find(|(given, _)| *given) {
            bail!("{flag} is of --check corruptions; with this one leave it out");
        }
        if self.check == Check::Choice && !self.inputs.is_empty() {
            bail!(
                "--check choice renders takes of its own, whose faults are known; give no videos"
            );
        }
        Ok(())
    }

    fn specs(&self) -> anyhow::Result<Vec<Spec>> {
        // A sheet shows what is named, of whichever half.
        let half = match self.sheet {
            Some(_) => Halves::All,
            None => self.half,
        };
        let mut specs = clips::videos(&self.inputs, half)?;
        let mock = match self.clips {
            Some(count) => count as usize,
            None if self.inputs.is_empty() => MOCK_CLIPS,
            None => 0,
        };
        if specs.is_empty() && mock == 0 {
            if self.inputs.is_empty() {
                bail!("no clip is left: give --clips of 1 or more, or videos");
            }
            bail!(
                "all of these videos are in the other half; give --half all, or a folder with more of them"
            );
        }
        specs.extend(clips::mock(self.skip as usize, mock, half));
        Ok(specs)
    }
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if args.size.iter().any(|side| !(16..=4096).contains(side)) {
        let [w, h] = args.size;
        bail!("--size {w}x{h}: give sides of 16 to 4096 pixels");
    }
    args.fit_the_check()?;
    let options = args.options(globals.decode()?);
    let specs = args.specs()?;
    let stop = signals::install().context("installing the signal handlers")?;
    let monitor = Single::until(stop.clone(), globals.quiet);
    let gpu = globals.gpu()?;
    let done = match (&args.sheet, args.check) {
        (Some(path), _) => draw_sheet(&gpu, &specs[0], &options, path, &monitor),
        (None, Check::Corruptions) => judge(args, &gpu, &specs, &options, &monitor),
        (None, Check::Rates) => sample(args, &gpu, &specs, &options, &monitor),
        (None, Check::Choice) => choose(args, &gpu, specs.len(), &monitor),
        (None, Check::Ceiling) => look_best(args, &gpu, &specs, &options, &monitor),
    };
    drop(monitor);
    match done {
        Err(error) if stop.load(Ordering::Relaxed) => {
            tell(&format!("{error:#}"));
            Ok(ExitCode::from(signals::INTERRUPTED))
        }
        other => other,
    }
}

fn draw_sheet(
    gpu: &Gpu,
    spec: &Spec,
    options: &Options,
    path: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<ExitCode> {
    let frames = clips::load(gpu, spec, &options.shape, monitor)?;
    let sheet = sheet::draw(gpu, &frames, &options.kinds, 0, monitor)?;
    save(path, &sheet)?;
    Ok(ExitCode::SUCCESS)
}

fn save(path: &Path, picture: &image::RgbImage) -> anyhow::Result<()> {
    picture
        .save_with_format(path, image::ImageFormat::Png)
        .with_context(|| path.display().to_string())?;
    tell(&format!("{}", path.display()));
    Ok(())
}

/// Lines of JSON that are written as they come.
struct Lines<'a>(Option<(&'a Path, std::io::LineWriter<std::fs::File>)>);

impl<'a> Lines<'a> {
    fn create(path: Option<&'a Path>) -> anyhow::Result<Self> {
        let file = path.map(|path| -> anyhow::Result<_> {
            let file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
            Ok((path, std::io::LineWriter::new(file)))
        });
        Ok(Self(file.transpose()?))
    }

    fn write(&mut self, record: &impl serde::Serialize) -> anyhow::Result<()> {
        if let Some((path, file)) = &mut self.0 {
            let line = serde_json::to_string(record)?;
            writeln!(file, "{line}").with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

fn sample(
    args: &Args,
    gpu: &Gpu,
    specs: &[Spec],
    options: &Options,
    monitor: &dyn Monitor,
) -> anyhow::Result<ExitCode> {
    let mut lines = Lines::create(args.variants.as_deref())?;
    let mut write = |sample: &rates::Sample| lines.write(sample);
    let samples = rates::sample(gpu, specs, &options.shape, monitor, &mut write)?;
    let apart = rates::apart(&samples);
    if args.json {
        let document = serde_json::json!({
            "format": 1, "half": args.half, "clips": specs.len(), "samples": samples.len(), "scores": apart,
        });
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        let clips = specs.len();
        anstream::println!("{}", table::rates(clips, &apart, colour_on_stdout()));
    }
    Ok(ExitCode::SUCCESS)
}

fn look_best(
    args: &Args,
    gpu: &Gpu,
    specs: &[Spec],
    options: &Options,
    monitor: &dyn Monitor,
) -> anyhow::Result<ExitCode> {
    let found = ceiling::ceiling(gpu, specs, options, monitor)?;
    if args.json {
        let document = serde_json::json!({
            "format": 1, "half": args.half, "clips": specs.len(), "levels": options.levels, "seeds": options.seeds,
            "ceilings": found,
        });
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        let clips = specs.len();
        anstream::println!("{}", table::ceilings(clips, &found, colour_on_stdout()));
    }
    Ok(ExitCode::SUCCESS)
}

fn choose(
    args: &Args,
    gpu: &Gpu,
    prompts: usize,
    monitor: &dyn Monitor,
) -> anyhow::Result<ExitCode> {
    let mut lines = Lines::create(args.variants.as_deref())?;
    let mut write = |take: &choice::Take| lines.write(take);
    let takes = choice::take(
        gpu,
        (args.skip as usize, prompts),
        args.half,
        args.size,
        monitor,
        &mut write,
    )?;
    let (chosen, chance) = (choice::chosen(&takes), choice::chance(&takes));
    if args.json {
        let document = serde_json::json!({
            "format": 1, "half": args.half, "prompts": prompts, "chance": chance, "scores": chosen,
        });
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        let table = table::choice(prompts, &chosen, chance, colour_on_stdout());
        anstream::println!("{table}");
    }
    Ok(ExitCode::SUCCESS)
}

fn judge(
    args: &Args,
    gpu: &Gpu,
    specs: &[Spec],
    options: &Options,
    monitor: &dyn Monitor,
) -> anyhow::Result<ExitCode> {
    let mut lines = Lines::create(args.variants.as_deref())?;
    let mut write = |variant: &Variant| lines.write(variant);
    let outcome = validate(gpu, specs, options, monitor, &mut write)?;
    if let Some(path) = &args.picture {
        save(path, &picture::draw(&outcome.cells))?;
    }
    if args.json {
        #[derive(serde::Serialize)]
        struct Document<'a> {
            format: u32,
            half: Halves,
            levels: &'a [u32],
            seeds: u64,
            #[serde(flatten)]
            outcome: &'a Outcome,
        }
        let document = Document {
            format: 1,
            half: args.half,
            levels: &options.levels,
            seeds: options.seeds,
            outcome: &outcome,
        };
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        anstream::println!("{}", table::text(&outcome, colour_on_stdout()));
    }
    if outcome.not_finite.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    for what in &outcome.not_finite {
        tell(&format!(
            "{}: a score of {what} is no number",
            crate::cli::error_label()
        ));
    }
    Ok(ExitCode::from(1))
}
