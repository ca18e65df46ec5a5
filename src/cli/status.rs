//! `director status`: how far a run is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::{SpanRound, Timestamp, Unit};
use serde_json::json;

use super::Globals;
use crate::generate::job::{self, RecordedState};
use crate::record::{Doing, RowResult, RowView, RunView};
use crate::store::{Folder, StoreError};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director status runs/prompts                     also while it works
  watch -n 5 director status runs/prompts
  director status runs/prompts --json | jq .running")]
pub struct Args {
    /// Run folder
    run: PathBuf,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Steps under way that are shown to people.
const SHOWN: usize = 12;

/// Runs the command.
pub fn run(args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let holder = Folder::holder(&args.run);
    let view = match RunView::load(&args.run) {
        // It has not come to its first line yet.
        Err(StoreError::Missing(_)) if holder.is_some() => RunView::default(),
        view => view?,
    };
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for (outcome, _) in view.rows().iter().filter_map(|row| row.done) {
        *outcomes.entry(outcome.name()).or_default() += 1;
    }
    let done: usize = outcomes.values().sum();
    let jobs = job::open_jobs(&args.run)?;
    // What a start that was cut short left open is under way no more.
    let mut running: Vec<(&RowView, &Doing)> = Vec::new();
    for row in view.rows().iter().filter(|_| holder.is_some()) {
        running.extend(row.doing.iter().map(|doing| (row, doing)));
    }
    if args.json {
        let jobs: Vec<_> = jobs
            .iter()
            .map(|(path, job)| json!({"record": path, "provider": job.provider, "since": job.since, "state": job.state}))
            .collect();
        let running: Vec<_> = running
            .iter()
            .map(|(row, doing)| json!({"id": row.id, "iteration": doing.iteration, "step": doing.step, "since": doing.since}))
            .collect();
        let status = json!({
            "rows": view.rows().len(), "done": done, "outcomes": outcomes, "steps": view.steps, "open_jobs": jobs,
            "running": running, "made_again": view.rows().iter().filter(|row| row.again).count(), "left": view.left, "starts": view.starts, "started": view.started, "ended": view.ended,
            "process": holder, "last_entry": view.last,
        });
        println!("{}", serde_json::to_string_pretty(&status)?);
        return Ok(ExitCode::SUCCESS);
    }
    let now = Timestamp::now();
    println!("{} of {} row(s) done", done, view.rows().len());
    println!("{}", standing(&view, holder.as_deref(), now));
    for (name, count) in &outcomes {
        println!("  {name:<10} {count}");
    }
    match view.rows().iter().filter(|row| row.again).count() {
        0 => {}
        again => println!("  {again} row(s) that were done are being made again"),
    }
    if !running.is_empty() {
        println!("under way:");
    }
    for (row, doing) in running.iter().take(SHOWN) {
        let since = ago(doing.since, now);
        println!(
            "  {} {}  {:<12} since {since}",
            row.id, doing.iteration, doing.step
        );
    }
    match running.len().saturating_sub(SHOWN) {
        0 => {}
        more => println!("  and {more} more"),
    }
    if !view.steps.is_empty() {
        println!("work by step, over all starts:");
        for (step, sum) in &view.steps {
            println!("  {step:<10} {:>6} x  {:>9.1} s", sum.count, sum.seconds);
        }
    }
    for (path, job) in &jobs {
        let state = match &job.state {
            RecordedState::Submitted(_) => {
                "under way there; the next start goes on with it".to_owned()
            }
            RecordedState::Ambiguous(why) => format!("in doubt ({why})"),
            _ => "in doubt (it was being submitted)".to_owned(),
        };
        println!(
            "  a job at {} since {}: {state}; {}",
            job.provider,
            job.since.strftime("%F %R UTC"),
            path.display()
        );
    }
    let failed = view.rows().iter().filter(|row| row.attempts > 0);
    for RowResult { row, summary, .. } in failed.filter_map(RowView::result) {
        println!("  {} failed: {summary}", row.id);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether anybody works on it.
fn standing(view: &RunView, holder: Option<&str>, now: Timestamp) -> String {
    let started = |t: Timestamp| format!("started {} ago", ago(t, now));
    match (holder, view.started, view.ended) {
        (Some(pid), Some(t), _) => format!("process {pid} works on it, {}", started(t)),
        (Some(pid), None, _) => format!("process {pid} begins"),
        (None, None, _) => "never started".to_owned(),
        (None, _, Some(t)) if view.left > 0 => format!(
            "nobody works on it; it was stopped {} ago with {} row(s) left, and the same command goes on",
            ago(t, now),
            view.left
        ),
        (None, _, Some(t)) => format!("nobody works on it; it ended {} ago", ago(t, now)),
        (None, Some(t), None) => format!(
            "nobody works on it; the last start, {}, was cut short, and the same command goes on",
            started(t).trim_start_matches("started ")
        ),
    }
}

/// Such as `2h 5m`.
fn ago(then: Timestamp, now: Timestamp) -> String {
    if then > now {
        return "less than no time (a clock is wrong)".to_owned();
    }
    let unit = match now.duration_since(then).as_secs() {
        ..60 => Unit::Second,
        60..86_400 => Unit::Minute,
        _ => Unit::Hour,
    };
    let span = now.since(then).and_then(|span| {
        let round = SpanRound::new().largest(Unit::Hour).smallest(unit);
        span.round(round)
    });
    span.map_or_else(|_| "an unknown time".to_owned(), |span| format!("{span:#}"))
}
