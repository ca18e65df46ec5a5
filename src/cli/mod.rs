//! The command line: one file a command, each calling the library function that the pipeline calls.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::gpu::caps::Limits;
use crate::gpu::{AdapterChoice, Gpu, GpuError};
use crate::progress::LogFormat;
use crate::video::Decode;

mod bench;
mod clean;
mod completions;
mod config;
mod convert;
mod depth;
mod doctor;
mod eval;
mod explain;
mod film;
mod frames;
mod generate;
mod kernels;
pub mod logging;
mod models;
mod network;
mod probe;
mod profile;
mod reconstruct;
mod render;
mod results;
mod run;
mod run_agent;
mod score;
mod settings;
mod status;
mod track;
mod validate;

/// Exit code when nothing could be run at all.
pub const COULD_NOT_RUN: u8 = 2;

/// Prompts in, worlds that agents have tested out.
#[derive(Debug, Parser)]
#[command(
    name = "director",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub struct Globals {
    /// GPU adapter: a part of its name, its index in `director doctor`, or `auto`; for a run also a list of indices
    /// such as `0,1`, one lane each [default: auto] [env: DIRECTOR_ADAPTER]
    #[arg(long, global = true, value_name = "NAME|INDEX")]
    pub adapter: Option<AdapterChoice>,
    /// Limits of the GPU that are used: all of the adapter's, or those of a small device, to see that results are the same
    #[arg(
        long,
        global = true,
        env = "DIRECTOR_LIMITS",
        value_name = "adapter|low",
        default_value = "adapter",
        hide_default_value = true
    )]
    pub limits: Limits,
    /// Who decodes videos: the card's own decoder where it can (cuda says each time why not; auto leaves short clips to the host), or FFmpeg on the host;
    /// frames are the same [default: auto] [env: DIRECTOR_DECODE]
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        value_name = "auto|software|cuda"
    )]
    pub decode: Option<Decode>,
    /// How progress and logs on standard error are written
    #[arg(
        long,
        global = true,
        value_enum,
        env = "DIRECTOR_LOG_FORMAT",
        default_value_t,
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
    /// Say less: errors and results only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more; twice for debug logs.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Tell at the end what each GPU kernel took
    #[arg(long, global = true)]
    pub profile: bool,
}

impl Globals {
    /// The adapter of `--adapter`, else of `DIRECTOR_ADAPTER`, else the best one.
    pub fn adapter(&self) -> AdapterChoice {
        let named = || std::env::var("DIRECTOR_ADAPTER").ok()?.parse().ok();
        self.adapter.clone().or_else(named).unwrap_or_default()
    }

    /// What `--decode` says, else `DIRECTOR_DECODE`, else `auto`.
    ///
    /// # Errors
    /// The variable holds another word.
    pub fn decode(&self) -> anyhow::Result<Decode> {
        if let Some(decode) = self.decode {
            return Ok(decode);
        }
        let named = std::env::var_os("DIRECTOR_DECODE").unwrap_or_default();
        let named = named.to_string_lossy();
        match named.trim() {
            "" => Ok(Decode::default()),
            name => <Decode as clap::ValueEnum>::from_str(name, false).map_err(|_| {
                let names = Decode::NAMES.join(", ");
                anyhow::anyhow!("DIRECTOR_DECODE is '{name}', which is not one of {names}")
            }),
        }
    }

    /// Opens [`Globals::adapter`].
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn gpu(&self) -> Result<Gpu, GpuError> {
        Gpu::open(&self.adapter())
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a manifest: takes, scores, worlds, agents, revised prompts
    Run(run::Args),
    /// Say what a run would do, and do nothing
    Validate(validate::Args),
    /// Say how far a run is
    Status(status::Args),
    /// Say of each step of a row whether it is done, would run again, and because of what
    Explain(explain::Args),
    /// Print what a run found
    Results(results::Args),
    /// Drop what can be made again from a run, and keep its results
    Clean(clean::Args),
    /// Say what a video file or a folder of images holds
    Probe(probe::Args),
    /// Write the frames of a video or a folder of images as PNGs
    Frames(frames::Args),
    /// Generate takes of a prompt
    Generate(generate::Args),
    /// Score takes and rank them
    Score(score::Args),
    /// Estimate the depth of each frame
    Depth(depth::Args),
    /// Solve the cameras of a clip
    Track(track::Args),
    /// Rebuild a clip as Gaussian splats
    Reconstruct(reconstruct::Args),
    /// Render splats to a picture or a video
    Render(render::Args),
    /// Write splats in another format
    Convert(convert::Args),
    /// Say what a splat file holds
    Info(convert::InfoArgs),
    /// Let agents test a rebuilt world
    RunAgent(run_agent::Args),
    /// List, fetch and check depth networks
    Models(models::Args),
    /// Measure stages against the mock world's truth
    Eval(eval::Args),
    /// Measure what this machine is worth for a batch, stage by stage
    Bench(bench::Args),
    /// Print every setting and where it came from
    Config(config::Args),
    /// Say what this machine has, what is missing, and the mend
    Doctor(doctor::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}

/// Runs one parsed command line.
///
/// # Errors
/// What the command could not do, to be shown as one line with its causes.
pub fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let globals = &cli.globals;
    crate::gpu::caps::limit(globals.limits);
    if globals.profile {
        crate::gpu::profile::enable();
    }
    let code = command(&cli.command, globals);
    if globals.profile {
        profile::report(globals.log_format);
    }
    code
}

fn command(command: &Command, globals: &Globals) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run::run(args, globals),
        Command::Validate(args) => validate::run(args, globals),
        Command::Status(args) => status::run(args, globals),
        Command::Explain(args) => explain::run(args, globals),
        Command::Results(args) => results::run(args, globals),
        Command::Clean(args) => clean::run(args, globals),
        Command::Models(args) => models::run(args, globals),
        Command::Eval(args) => eval::run(args, globals),
        Command::Bench(args) => bench::run(args, globals),
        Command::Config(args) => config::run(args, globals),
        Command::Doctor(args) => doctor::run(args, globals),
        Command::Completions(args) => completions::run(args, globals),
        Command::Probe(args) => probe::run(args, globals),
        Command::Frames(args) => frames::run(args, globals),
        Command::Generate(args) => generate::run(args, globals),
        Command::Score(args) => score::run(args, globals),
        Command::Depth(args) => depth::run(args, globals),
        Command::Track(args) => track::run(args, globals),
        Command::Reconstruct(args) => reconstruct::run(args, globals),
        Command::Render(args) => render::run(args, globals),
        Command::Convert(args) => convert::run(args, globals),
        Command::Info(args) => convert::info(args, globals),
        Command::RunAgent(args) => run_agent::run(args, globals),
    }
}

/// `error`, in bold red where the terminal shows colour.
pub fn error_label() -> String {
    let style = anstyle::Style::new()
        .bold()
        .fg_color(Some(anstyle::AnsiColor::Red.into()));
    format!("{style}error{style:#}")
}

/// Whether tables on standard output may show colour.
fn colour_on_stdout() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}
