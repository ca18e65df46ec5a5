//! `director results`: what a run found.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Globals;
use crate::report::results::{self, Format};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director results runs/prompts
  director results runs/prompts --format csv > results.csv
  director results runs/prompts --json | jq .summary")]
pub struct Args {
    /// Run folder
    run: PathBuf,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as --format jsonl
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let format = if args.json {
        Format::Jsonl
    } else {
        args.format
    };
    let shown = results::write(&args.run, format, super::colour_on_stdout())?;
    if shown == 0 && format == Format::Table {
        eprintln!("no row of {} is done yet", args.run.display());
    }
    Ok(ExitCode::SUCCESS)
}
