//! `director explain`: which steps of a run are done, which would run again, and because of what.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use serde_json::json;

use super::{Globals, settings::Settings};
use crate::depth::Model;
use crate::manifest::Prompt;
use crate::pipeline::{Explained, Explainer, NetworkIds, Standing};
use crate::score::Networks;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director explain runs/prompts hall
  director explain runs/prompts hall --set fit.steps=400      what that setting would make again
  director explain runs/prompts --json
Settings are those that the run was last started with (its run.toml), with the flags given here over them; rows are
those of the manifest's copy in the run. Nothing is done or changed, and the run may be under way.")]
pub struct Args {
    /// Run folder
    run: PathBuf,
    /// Row [default: a line for each row]
    #[arg(value_name = "ROW")]
    row: Option<String>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let mut rows = crate::run::rows(&args.run)?;
    if let Some(id) = &args.row {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        rows.retain(|row| row.id == *id);
        if rows.is_empty() {
            bail!(
                "{}: there is no row '{id}'{}",
                args.run.display(),
                near(id, &ids)
            );
        }
    }
    if args.settings.preset.is_some() {
        bail!(
            "a run's run.toml names every setting, so that a preset under it changes nothing; name what would change: --set fit.steps=1000"
        );
    }
    let config = args.settings.over_run(&args.run, globals)?;
    let networks = NetworkIds {
        depth: Model::open(&config.depth)?.identity(),
        scores: Networks::open(&config.score)?.ids(),
    };
    let explainer = Explainer {
        root: &args.run,
        config: &config,
        providers: &crate::providers::open(&globals.adapter()),
        networks: &networks,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut told: Vec<(&Prompt, Result<Vec<Explained>, String>)> = Vec::new();
    for row in &rows {
        let steps = runtime.block_on(explainer.row(row));
        told.push((row, steps.map_err(|e| format!("{e:#}"))));
    }
    if args.json {
        let rows: Vec<_> = told
            .iter()
            .map(|(row, steps)| match steps {
                Ok(steps) => json!({"id": row.id, "steps": steps}),
                Err(error) => json!({"id": row.id, "error": error}),
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&json!({"rows": rows}))?);
    } else {
        for (row, steps) in &told {
            match (steps, &args.row) {
                (Err(error), _) => anstream::println!("{}  would fail: {error}", row.id),
                (Ok(steps), Some(_)) => steps.iter().for_each(line),
                (Ok(steps), None) => anstream::println!("{}  {}", row.id, sum(steps)),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn near(id: &str, ids: &[String]) -> String {
    let near = ids
        .iter()
        .min_by_key(|other| strsim::damerau_levenshtein(id, other));
    match near {
        Some(near) if strsim::damerau_levenshtein(id, near) <= 2 => {
            format!("; did you mean '{near}'?")
        }
        _ if ids.len() <= 10 => format!("; there are {}", ids.join(", ")),
        _ => format!("; it has {} rows, see `director results`", ids.len()),
    }
}

fn coloured(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text:<9}{style:#}")
}

fn line(step: &Explained) {
    let (stands, why) = match &step.standing {
        Standing::Done => (coloured("done", AnsiColor::Green), String::new()),
        Standing::NotYet => (coloured("not yet", AnsiColor::Blue), String::new()),
        Standing::Again(why) => (coloured("again", AnsiColor::Red), few(why)),
        Standing::Depends(paths) => (
            coloured("depends", AnsiColor::Yellow),
            format!("on what comes of {}", paths.join(", ")),
        ),
    };
    let seconds = step
        .seconds
        .map_or_else(String::new, |s| format!("{s:.1} s"));
    anstream::println!(
        "{:<3}{:<12}{stands} {seconds:>9}  {why}",
        step.round,
        step.step
    );
}

/// The first reasons, and how many more there are.
fn few(why: &[String]) -> String {
    const SHOWN: usize = 4;
    let more = why.len().saturating_sub(SHOWN);
    let shown = why[..why.len() - more].join("; ");
    match more {
        0 => shown,
        more => format!("{shown}; {more} more"),
    }
}

/// A row in a line: what would run again first, and how much depends on it.
fn sum(steps: &[Explained]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps {
        let name = match step.standing {
            Standing::Done => "done",
            Standing::Again(_) => "again",
            Standing::Depends(_) => "depends",
            Standing::NotYet => "not yet",
        };
        *counts.entry(name).or_default() += 1;
    }
    let counts: Vec<_> = ["done", "again", "depends", "not yet"]
        .iter()
        .filter_map(|name| Some(format!("{} {name}", counts.get(name)?)))
        .collect();
    let first = steps.iter().find_map(|step| match &step.standing {
        Standing::Again(why) => Some(format!("; {} {}: {}", step.round, step.step, few(why))),
        _ => None,
    });
    format!("{}{}", counts.join(", "), first.unwrap_or_default())
}
