//! `director generate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use super::Globals;
use crate::generate::job::{self, JobOptions};
use crate::generate::{TakeRequest, VideoProvider};
use crate::hash::sha256_hex;
use crate::manifest::parse_size;
use crate::mock::seeds;
use crate::monitor::Monitor;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director generate \"a robot walks through a warehouse, orbit\" --provider mock -o takes
  director generate a ball rolls along a corridor --takes 3 --seed 7 --size 320x180 --seconds 2 -o takes --json
  director generate \"two people in a rainy street at night, handheld\" --seed held-out:3 --size 1280x720 -o takes

The mock provider listens to words, best English ones, for the place (room, corridor, courtyard, street, stairs, warehouse), who
moves (robot, person, ball, vehicle; how many, which colour, how large), props (crates, shelves, tables, trees, ...),
materials (wooden floor, brick walls, ...), light (warm, dim, night, ...), weather (rain, fog, snow, ...), the camera
(dolly, orbit, pan, handheld, follow, static), pace and \"motion blur\". The seed settles the rest; understood.json
beside each take says what it made of the words, truth/ what is really there.")]
pub struct Args {
    /// The prompt; several words are joined
    #[arg(required = true)]
    prompt: Vec<String>,
    /// Who makes the takes
    #[arg(long, value_parser = ["mock"], default_value = "mock")]
    provider: String,
    /// Seed of the first take; take k has seed + k. For the mock also tuning:K and held-out:K, the K-th seed of a range
    #[arg(long, default_value = "1", value_name = "SEED", value_parser = seeds::parse)]
    seed: u64,
    /// Seconds of video
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Width and height in pixels, both even
    #[arg(long, default_value = "640x360", value_name = "WxH", value_parser = parse_size)]
    size: [u32; 2],
    /// Frames per second
    #[arg(long, default_value_t = 24.0)]
    fps: f64,
    /// Takes to make
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    takes: u32,
    /// Folder for the takes, one folder each
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON document on stdout
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, serde::Serialize)]
struct Generated {
    prompt_hash: String,
    prompt: String,
    provider: String,
    takes: Vec<Take>,
    success: bool,
}

#[derive(Debug, serde::Serialize)]
struct Take {
    take_id: String,
    seed: u64,
    video_path: PathBuf,
    seconds: f64,
    size: [u32; 2],
    fps: f64,
    notes: Vec<String>,
}

struct Bar(indicatif::ProgressBar);

impl Monitor for Bar {
    fn progress(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let prompt = args.prompt.join(" ").trim().to_owned();
    let hash = sha256_hex(prompt.as_bytes());
    let last = args.seed.checked_add(u64::from(args.takes) - 1);
    if last.map(seeds::range_of) != Some(seeds::range_of(args.seed)) {
        bail!(
            "{} takes from --seed {} on leave the range of that seed; give an earlier seed or fewer takes",
            args.takes,
            args.seed
        );
    }
    let requests: Vec<TakeRequest> = (0..u64::from(args.takes))
        .map(|k| TakeRequest {
            prompt: prompt.clone(),
            seed: args.seed.wrapping_add(k),
            seconds: args.seconds,
            size: args.size,
            fps: args.fps,
            video: None,
            model: None,
            reference_image: None,
        })
        .collect();
    let providers = crate::providers::open(&globals.adapter());
    let provider = providers.get(&args.provider)?;
    // Before anything is opened or written.
    for request in &requests {
        provider.check(request)?;
    }
    let mut takes = Vec::new();
    for request in &requests {
        let take_id = format!("{}-{}", &hash[..12], request.seed);
        let bar = if globals.quiet {
            indicatif::ProgressBar::hidden()
        } else {
            indicatif::ProgressBar::new(0)
        };
        bar.set_style(
            indicatif::ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} frames {eta}")
                .context("progress template")?,
        );
        bar.set_message(take_id.clone());
        let (folder, notes, video) =
            make(provider, request, &args.out, &take_id, &Bar(bar.clone()))?;
        bar.finish_and_clear();
        if !args.json && !globals.quiet {
            for note in &notes {
                eprintln!("{take_id}: {note}");
            }
        }
        takes.push(Take {
            take_id,
            seed: request.seed,
            video_path: folder.join(video),
            seconds: request.seconds,
            size: request.size,
            fps: request.fps,
            notes,
        });
    }
    if args.json {
        let document = Generated {
            prompt_hash: hash,
            prompt,
            provider: provider.name().to_owned(),
            takes,
            success: true,
        };
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        for take in &takes {
            println!("{}", take.video_path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes one take in a temporary folder and renames it, so that a folder with a take's name is whole. Returns the
/// folder, the notes and the video's name in it.
fn make(
    provider: &dyn VideoProvider,
    request: &TakeRequest,
    out: &Path,
    take_id: &str,
    monitor: &dyn Monitor,
) -> anyhow::Result<(PathBuf, Vec<String>, PathBuf)> {
    let folder = out.join(take_id);
    if folder.exists() {
        bail!(
            "{} is already there; choose another folder with -o, another --seed, or remove it",
            folder.display()
        );
    }
    let partial = out.join(format!(".{take_id}.partial"));
    if partial.exists() {
        std::fs::remove_dir_all(&partial).with_context(|| partial.display().to_string())?;
    }
    std::fs::create_dir_all(&partial).with_context(|| partial.display().to_string())?;
    let options = JobOptions {
        key: take_id.to_owned(),
        record: out.join(format!(".{take_id}.job.json")),
        deadline: Duration::from_secs(3600),
        poll: [Duration::from_secs(2), Duration::from_secs(20)],
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let delivered =
        match runtime.block_on(job::make(provider, request, &options, &partial, monitor)) {
            Ok(delivered) => delivered,
            Err(error) => {
                // A failed take leaves nothing behind; the error is what counts.
                let _ = std::fs::remove_dir_all(&partial);
                return Err(error.into());
            }
        };
    std::fs::rename(&partial, &folder).with_context(|| folder.display().to_string())?;
    let video = delivered
        .video
        .strip_prefix(&partial)
        .unwrap_or(&delivered.video)
        .to_owned();
    Ok((folder, delivered.notes, video))
}
