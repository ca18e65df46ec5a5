//! `director bench`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::Globals;
use crate::bench::compare::Old;
use crate::bench::{Bench, Entry, Options, Report, STAGES, Size, Stage, Status, seconds, table};
use crate::files::write_atomic;
use crate::gpu::AdapterChoice;
use crate::progress::{LogFormat, tell};
use crate::run::signals;

/// Name of the document in its folder.
const FILE: &str = "bench.json";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director bench                               is this machine good for my batch, and how fast will it be
  director bench --quick --out /tmp/look       the smallest sizes, once each
  director bench --stage sort --stage scan
  director bench --compare old/bench.json --out new
All work is made here from fixed seeds. The document DIR/bench.json is written anew after each size that is
measured, so what is cut off keeps what was; docs/bench.md describes its fields.
Exit codes: 0 all measured, or left out with a reason, 1 some stages failed, 2 could not run, 130 interrupted.")]
pub struct Args {
    /// Minutes after which nothing more is begun; a size that would not fit is left out, with the time it would take
    #[arg(long, value_name = "N", default_value_t = 3.0, value_parser = minutes)]
    minutes: f64,
    /// Folder of the document bench.json, over one that is there once something is measured
    #[arg(long, short, value_name = "DIR", default_value = "bench")]
    out: PathBuf,
    /// The smallest size of each stage only, once each
    #[arg(long)]
    quick: bool,
    /// Only this stage, and the copies that all are compared with; several times for several
    #[arg(long, value_name = "NAME", value_parser = names())]
    stage: Vec<String>,
    /// An older bench.json: tell how many times its rate each stage has now
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// Print the document on standard output instead of the table
    #[arg(long)]
    json: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes <= 1440.0 => Ok(minutes),
        _ => Err("give minutes: more than 0, at most 1440".to_owned()),
    }
}

fn names() -> clap::builder::PossibleValuesParser {
    let value = |stage: &&Stage| clap::builder::PossibleValue::new(stage.name).help(stage.about);
    STAGES.iter().map(value).collect::<Vec<_>>().into()
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let (adapter, decode) = (globals.adapter(), globals.decode()?);
    if let Some(reason) = decode.refusal() {
        bail!(reason);
    }
    if AdapterChoice::list(&adapter.to_string()).len() != 1 {
        bail!(
            "director bench measures one adapter at a time, and --adapter {adapter} names several; give one of them"
        );
    }
    // Read first: it may be the file that is written over.
    let old = match &args.compare {
        None => None,
        Some(path) => Old::read(path).map_err(|words| note(&words)).ok(),
    };
    let stop = signals::install().context("installing the signal handlers")?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let path = args.out.join(FILE);
    let chosen = |stage: &Stage| {
        args.stage.is_empty()
            || stage.name == STAGES[0].name
            || args.stage.iter().any(|n| n == stage.name)
    };
    let stages: Vec<&Stage> = STAGES.into_iter().filter(|stage| chosen(stage)).collect();
    let bench = Bench {
        adapter: &adapter,
        decode,
        options: Options {
            minutes: args.minutes,
            quick: args.quick,
        },
        stages: &stages,
        stop,
        save: &|report| save(&path, report),
        tell: &|stage, size, entry| progress(globals, stage, size, entry),
    };
    let report = bench.run()?;
    if let Some(old) = &old {
        old.notes(&report).iter().for_each(|n| note(n));
    }
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        anstream::print!("{}", table(&report, old.as_ref()));
    }
    // Where nothing was measured, a document of before is left.
    let kept = report.has_measured() || report.finished;
    if kept && !globals.quiet && globals.log_format == LogFormat::Text {
        tell(&format!("{}", path.display()));
    }
    Ok(match (report.interrupted, report.has_failed()) {
        (true, _) => ExitCode::from(signals::INTERRUPTED),
        (false, failed) => ExitCode::from(u8::from(failed)),
    })
}

fn note(words: &str) {
    tell(&format!("note: {words}"));
}

fn save(path: &Path, report: &Report) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(report)?;
    text.push(b'\n');
    write_atomic(path, &text).with_context(|| path.display().to_string())
}

/// A line for each size that has ended, or its entry as JSON.
fn progress(globals: &Globals, stage: &Stage, size: &Size, entry: Option<&Entry>) {
    let Some(entry) = entry else {
        tracing::info!("{}, {}: begins", stage.name, size.name);
        return;
    };
    match globals.log_format {
        LogFormat::Json => tell(&serde_json::json!({ "bench": entry }).to_string()),
        LogFormat::Text if globals.quiet => {}
        LogFormat::Text => {
            let words = match (entry.status, entry.seconds) {
                (Status::Measured, Some(times)) => seconds(times.median),
                (Status::Skipped, _) => "skipped".to_owned(),
                _ => format!("FAILED: {}", entry.note.as_deref().unwrap_or_default()),
            };
            tell(&format!("{:<14} {:<24} {words}", stage.name, size.name));
        }
    }
}
