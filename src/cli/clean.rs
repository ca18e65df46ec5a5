//! `director clean`: drops what can be made again, and keeps results.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use glob::{MatchOptions, Pattern};
use jiff::Timestamp;

use super::Globals;
use crate::pipeline::INTERMEDIATES;
use crate::record::{Outcome, RunView};
use crate::store::{self, Clean, Run};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director clean runs/night1 --dry-run
  director clean runs/night1 --older-than 7d
  director clean runs/night1 --keep-under 20GB     drops the oldest rows' files first, until the run is under 20 GB
Dropped: depth maps, the mock's truth, collision voxels and .glb copies of rows that are done. Kept: takes, scores,
cameras, splats (.ply), reports and pictures. A dropped file is made again if a later start needs it.")]
pub struct Args {
    /// Run folder
    run: PathBuf,
    /// Only rows that were done at least this long ago, such as 90m, 12h, 7d, 2w
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Stop once the run is under this size, such as 500MB, 20GB, 1.5TB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    keep_under: Option<u64>,
    /// Say what would go, and drop nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// A number with one of the units.
fn with_unit(text: &str, units: &[(&str, f64)], example: &str) -> Result<f64, String> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim();
    let factor = units.iter().find(|(u, _)| u.eq_ignore_ascii_case(unit));
    match (number.parse::<f64>(), factor) {
        (Ok(number), Some((_, factor))) => Ok(number * factor),
        _ => Err(format!("'{text}' is not such as {example}")),
    }
}

fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 5] = [
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86400.0),
        ("w", 604_800.0),
    ];
    let seconds = with_unit(text, &UNITS, "90m, 12h, 7d or 2w")?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 9] = [
        ("B", 1.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("TiB", 1_099_511_627_776.0),
    ];
    Ok(with_unit(text, &UNITS, "500MB, 20GB or 1.5TiB")? as u64)
}

/// Bytes for people.
fn bytes(n: u64) -> String {
    indicatif::DecimalBytes(n).to_string()
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let view = RunView::load(&args.run)?;
    let run = Run::open(&args.run)?;
    // Rows that are done, the oldest first; the files of the others may still be needed.
    let now = Timestamp::now();
    let mut done: Vec<(Timestamp, String)> = Vec::new();
    for row in view.rows() {
        let Some((outcome, when)) = row.done else {
            continue;
        };
        let old = args.older_than.is_none_or(|age| {
            Duration::try_from(now.duration_since(when)).is_ok_and(|since| since >= age)
        });
        if outcome != Outcome::Failed && old {
            done.push((when, row.id.clone()));
        }
    }
    done.sort();
    let ids: Vec<String> = done.into_iter().map(|(_, id)| id).collect();
    let patterns = INTERMEDIATES
        .iter()
        .map(|glob| Pattern::new(glob))
        .collect::<Result<Vec<_>, _>>()
        .context("patterns of intermediates")?;
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::default()
    };
    let cleaned = store::clean(
        &run,
        &Clean {
            rows: &ids,
            drops: &|path| patterns.iter().any(|p| p.matches_with(path, options)),
            keep_under: args.keep_under,
            dry_run: args.dry_run,
        },
    )?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&cleaned)?);
    } else if !globals.quiet {
        println!(
            "{} {} file(s) of {} row(s), {} of {}",
            if args.dry_run {
                "would drop"
            } else {
                "dropped"
            },
            cleaned.files,
            cleaned.rows,
            bytes(cleaned.bytes),
            bytes(cleaned.before)
        );
    }
    Ok(ExitCode::SUCCESS)
}
