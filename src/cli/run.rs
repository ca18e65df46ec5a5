//! `director run`: a manifest in, worlds that agents have tested out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{Globals, settings::Settings};
use crate::gpu::{AdapterChoice, look_for};
use crate::manifest::{self, Fault, ManifestError, Prompt};
use crate::pipeline::Config;
use crate::progress::{LogFormat, Logged, Reporter, tell};
use crate::record::{Both, Events};
use crate::report::results::{self, Format};
use crate::run::{Batch, BatchResult, signals};
use crate::store::{Run, Verify};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director run prompts.csv                              mock takes, results under runs/prompts
  director run clips.csv --provider files --depth-model models/   rebuild videos that exist
  director run prompts.csv --preset draft --takes 2 --max-iterations 2 --out runs/night1
The same command again resumes: what is done is skipped, what was killed is finished.
Exit codes: 0 all rows done, 1 some rows failed, 2 could not run, 130 interrupted.")]
pub struct Args {
    /// CSV (.tsv: with tabs), JSON (.json, .jsonl) or TOML; columns: prompt (or video), and optionally id takes
    /// seconds size fps seed provider model video reference_image iterations priority tags
    manifest: PathBuf,
    /// Run folder [default: runs/<name of the manifest>]
    #[arg(long, short, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Leave out faulty manifest rows instead of refusing to start
    #[arg(long)]
    skip_faulty: bool,
    /// Only rows with one of these tags (`tags` column); several are separated by commas
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tag: Vec<String>,
    /// Verify artifacts of earlier starts by content, not by size and time
    #[arg(long)]
    verify: bool,
    /// Print the results as JSON Lines on standard output when done
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What becomes of faulty rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// The whole manifest is refused.
    Refused,
    /// They are left out, and told of.
    Out,
}

/// What a manifest holds for a run.
pub(super) struct Rows {
    /// Rows without fault.
    pub rows: Vec<Prompt>,
    /// What stops nothing; it was told.
    pub warnings: Vec<Fault>,
}

/// Reads a manifest, with what its rows lack for their providers.
pub(super) fn read_rows(path: &Path, faulty: Left, config: &Config) -> anyhow::Result<Rows> {
    let mut found = manifest::read(path)?;
    for warning in &found.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    config.check(&mut found);
    let rows = |found: manifest::Manifest| Rows {
        rows: found.rows,
        warnings: found.warnings,
    };
    if found.faults.is_empty() {
        return Ok(rows(found));
    }
    let faults = ManifestError::Faults {
        path: path.to_owned(),
        faults: std::mem::take(&mut found.faults),
    };
    if faulty == Left::Refused {
        return Err(faults).context(
            "nothing was started; mend the lines, or let `director run --skip-faulty` leave them out",
        );
    }
    tracing::warn!("left out: {faults}");
    if found.rows.is_empty() {
        bail!("{}: no row is without fault", path.display());
    }
    Ok(rows(found))
}

/// The run folder of a manifest, where none is named.
pub(super) fn default_out(manifest: &Path) -> PathBuf {
    PathBuf::from("runs").join(manifest.file_stem().unwrap_or(manifest.as_os_str()))
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = args.settings.resolve(globals)?;
    let faulty = match args.skip_faulty {
        true => Left::Out,
        false => Left::Refused,
    };
    let mut rows = read_rows(&args.manifest, faulty, &config)?.rows;
    if !args.tag.is_empty() {
        rows.retain(|row| row.tags.iter().any(|tag| args.tag.contains(tag)));
        if rows.is_empty() {
            bail!(
                "{}: no row has the tag {}",
                args.manifest.display(),
                args.tag.join(" or ")
            );
        }
    }
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| default_out(&args.manifest));
    let stop = signals::install().context("installing the signal handlers")?;
    let adapters = AdapterChoice::list(&config.adapter);
    if !out.join("run.toml").exists() {
        // Nothing is left of a run that cannot begin.
        look_for(&adapters)?;
    }
    let run = Run::open(&out)?.verifying(match args.verify {
        true => Verify::Full,
        false => Verify::Quick,
    });
    super::logging::into_run(&out)
        .with_context(|| format!("{}: the log cannot be opened", out.display()))?;
    let reporter = Reporter::new(globals.quiet, globals.log_format);
    let listener = Both(&reporter, &Logged);
    let events = Events::open(&run, &listener, &stop)?;
    let batch = Batch {
        run: &run,
        manifest: &args.manifest,
        rows: &rows,
        config: &config,
        providers: &crate::providers::open(adapters.first().unwrap_or(&AdapterChoice::Auto)),
        events: &events,
    };
    let result = batch.run()?;
    if args.json {
        results::write(&out, Format::Jsonl, false)?;
    } else if !globals.quiet && globals.log_format == LogFormat::Text {
        show(&out, &result)?;
    }
    // Machines have the last event.
    let people = globals.log_format == LogFormat::Text;
    if result.interrupted && people {
        tell(&format!(
            "interrupted with {} row(s) left; the same command again goes on",
            result.left
        ));
    }
    Ok(ExitCode::from(result.exit_code()))
}

/// Rows up to which the results are printed as a table at the end of a run.
const FEW_ROWS: usize = 50;

fn show(out: &Path, result: &BatchResult) -> anyhow::Result<()> {
    let done = result.done();
    if (1..=FEW_ROWS).contains(&done) {
        results::write(out, Format::Table, super::colour_on_stdout())?;
    }
    tell(&format!(
        "{} accepted, {} with faults left, {} undecided, {} refused, {} failed; director results {}",
        result.accepted,
        result.limit,
        result.undecided,
        result.refused,
        result.failed,
        out.display()
    ));
    Ok(())
}
