//! `director validate`: what a run would do; does nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Globals, settings::Settings};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  director validate prompts.csv --preset draft")]
pub struct Args {
    /// CSV or JSON Lines
    manifest: PathBuf,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let rows = super::run::read_rows(&args.manifest, false)?;
    let config = args.settings.resolve(globals)?;
    config.check(&rows)?;
    let takes: u64 = rows
        .iter()
        .map(|r| u64::from(r.takes.unwrap_or(config.takes)))
        .sum();
    let seconds: f64 = rows
        .iter()
        .map(|r| f64::from(r.takes.unwrap_or(config.takes)) * r.seconds.unwrap_or(config.seconds))
        .sum();
    let rounds = u64::from(config.max_iterations);
    if args.json {
        let plan = serde_json::json!({
            "rows": rows.len(), "takes_first_round": takes, "takes_at_most": takes * rounds,
            "video_seconds_at_most": seconds * rounds as f64, "max_iterations": rounds,
            "provider": config.provider, "cost_usd": 0.0, "ids": rows.iter().map(|r| &r.id).collect::<Vec<_>>(),
        });
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        println!(
            "{}: {} row(s), no faults",
            args.manifest.display(),
            rows.len()
        );
        println!("provider     {}", config.provider);
        println!(
            "takes        {takes} in the first round, at most {} in {rounds} round(s)",
            takes * rounds
        );
        println!("video        at most {:.1} s", seconds * rounds as f64);
        println!(
            "cost         none: the {} provider is free",
            config.provider
        );
    }
    Ok(ExitCode::SUCCESS)
}
