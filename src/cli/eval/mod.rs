//! `director eval`: what stages are worth, measured against the mock world's truth.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use comfy_table::{CellAlignment, Table, presets};

use super::Globals;
use crate::depth::{Model, ModelChoice};

mod agent;
mod cameras;
mod depth;
mod mock;
mod scores;
mod splats;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Count planted faults that agents find and miss, false alarms and false verdicts
    Agent(agent::Args),
    /// Solve the cameras of mock takes and compare them with the true ones
    Cameras(cameras::Args),
    /// Compare networks' depth with the truth, and tell how much it wanders in time
    Depth(depth::Args),
    /// Mask what moves in mock takes and compare with who walks
    Masks(cameras::MaskArgs),
    /// Check the mock world's truth against itself, and draw its contact sheets
    Mock(mock::Args),
    /// Check that the scores notice corruptions of clips, and rise under none
    Scores(scores::Args),
    /// Fit splats to mock takes or given clips, and compare what they show of held-out frames
    Splats(splats::Args),
}

/// A table without lines, whose columns from `left` on are numbers.
fn plain<'a>(header: impl IntoIterator<Item = &'a str>, left: usize, colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(header.into_iter().collect::<Vec<&str>>());
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The network of `--network`, loaded where depth of one is `asked` for; errors speak of that flag.
fn network(
    given: Option<&Path>,
    asked: bool,
    wanting: &str,
) -> anyhow::Result<(ModelChoice, Option<Model>)> {
    if let Some(file) = given.filter(|_| !asked) {
        bail!(
            "--network {}: no depth of a network is asked for; {wanting}, or leave it out",
            file.display()
        );
    }
    let choice = given.map_or(ModelChoice::Embedded, |file| {
        ModelChoice::Path(file.to_owned())
    });
    let model = asked.then(|| Model::load(&choice)).transpose();
    let model = model
        .map_err(|error| anyhow::anyhow!(error.to_string().replace("--model", "--network")))?;
    Ok((choice, model))
}

/// Where an evaluation keeps its files: they are needed, and gone afterwards where no folder was named.
struct Place {
    folder: PathBuf,
    _kept: Option<tempfile::TempDir>,
}

impl Place {
    fn of(out: Option<&Path>) -> anyhow::Result<Self> {
        match out {
            Some(out) => Ok(Self {
                folder: out.to_owned(),
                _kept: None,
            }),
            None => {
                let kept = tempfile::tempdir().context("a folder for the takes")?;
                Ok(Self {
                    folder: kept.path().to_owned(),
                    _kept: Some(kept),
                })
            }
        }
    }
}

/// Refuses sizes that takes cannot have.
fn check_size([width, height]: [u32; 2], least: u32) -> anyhow::Result<()> {
    let side = |s: u32| (least..=1920).contains(&s) && s.is_multiple_of(2);
    if !side(width) || !side(height) {
        bail!("--size {width}x{height}: give even sides of {least} to 1920 pixels");
    }
    Ok(())
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Agent(args) => agent::run(args, globals),
        What::Cameras(args) => cameras::run(args, globals),
        What::Depth(args) => depth::run(args, globals),
        What::Masks(args) => cameras::run_masks(args, globals),
        What::Mock(args) => mock::run(args, globals),
        What::Scores(args) => scores::run(args, globals),
        What::Splats(args) => splats::run(args, globals),
    }
}
