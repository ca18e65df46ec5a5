//! `director run`: a manifest in, worlds that agents have tested out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{Globals, settings::Settings};
use crate::manifest::{self, ManifestError, Prompt};
use crate::progress::Terminal;
use crate::report::results::{self, Format};
use crate::run::{self, signals};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director run prompts.csv                              mock takes, results under runs/prompts
  director run clips.csv --provider files --depth-model models/   rebuild videos that exist
  director run prompts.csv --preset draft --takes 2 --max-iterations 2 --out runs/night1
The same command again resumes: what is done is skipped, what was killed is finished.
Exit codes: 0 all rows done, 1 some rows failed, 2 could not run, 130 interrupted.")]
pub struct Args {
    /// CSV or JSON Lines; columns: prompt, and optionally id takes seed seconds size fps video
    manifest: PathBuf,
    /// Run folder [default: runs/<name of the manifest>]
    #[arg(long, short, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Leave out faulty manifest rows instead of refusing to start
    #[arg(long)]
    skip_faulty: bool,
    /// Print the results as JSON Lines on standard output when done
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Reads a manifest and refuses its faults, or leaves the faulty rows out.
pub(super) fn read_rows(path: &std::path::Path, skip_faulty: bool) -> anyhow::Result<Vec<Prompt>> {
    let found = manifest::read(path)?;
    if found.faults.is_empty() {
        return Ok(found.rows);
    }
    let faults = ManifestError::Faults {
        path: path.to_owned(),
        faults: found.faults,
    };
    if !skip_faulty {
        return Err(faults).context(
            "nothing was started; mend the lines, or pass --skip-faulty to leave them out",
        );
    }
    tracing::warn!("left out: {faults}");
    if found.rows.is_empty() {
        bail!("{}: no row is without fault", path.display());
    }
    Ok(found.rows)
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let rows = read_rows(&args.manifest, args.skip_faulty)?;
    let config = args.settings.resolve(globals)?;
    config.check(&rows)?;
    let out = args.out.clone().unwrap_or_else(|| {
        PathBuf::from("runs").join(
            args.manifest
                .file_stem()
                .unwrap_or(args.manifest.as_os_str()),
        )
    });
    let stop = signals::install().context("installing the signal handlers")?;
    let terminal = Terminal::new(globals.quiet);
    let batch = run::batch(&out, &args.manifest, &rows, &config, &terminal, &stop)?;
    if args.json {
        print!(
            "{}",
            results::format(&results::load(&out)?, Format::Jsonl, false)?
        );
    } else if !globals.quiet {
        let colour = super::colour_on_stdout();
        print!(
            "{}",
            results::format(&results::load(&out)?, Format::Table, colour)?
        );
        anstream::eprintln!("results: {}", out.display());
    }
    if batch.interrupted {
        anstream::eprintln!(
            "interrupted with {} row(s) left; the same command again goes on",
            batch.left
        );
    }
    Ok(ExitCode::from(batch.exit_code()))
}
