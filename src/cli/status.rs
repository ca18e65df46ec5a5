//! `director status`: how far a run is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::Globals;
use crate::generate::job::{self, RecordedState};
use crate::report::results;
use crate::store::read_journal;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  director status runs/prompts --json")]
pub struct Args {
    /// Run folder
    run: PathBuf,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let rows = crate::run::rows(&args.run)?;
    let done = results::load(&args.run)?.collect::<Result<Vec<_>, _>>()?;
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for result in &done {
        *outcomes.entry(result.outcome.name()).or_default() += 1;
    }
    let journal = read_journal(&args.run.join("journal.jsonl"));
    let mut steps: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for event in &journal {
        if let (Some("step"), Some(step), Some(millis)) = (
            event.get("event").and_then(|v| v.as_str()),
            event.get("step").and_then(|v| v.as_str()),
            event.get("millis").and_then(serde_json::Value::as_f64),
        ) {
            let name = step
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .trim_end_matches('-');
            let entry = steps.entry(name.to_owned()).or_default();
            entry.0 += 1;
            entry.1 += millis / 1000.0;
        }
    }
    let jobs = job::open_jobs(&args.run)?;
    if args.json {
        let steps: BTreeMap<_, _> = steps
            .iter()
            .map(|(k, (n, s))| (k, json!({"count": n, "seconds": s})))
            .collect();
        let jobs: Vec<_> = jobs
            .iter()
            .map(|(path, job)| json!({"record": path, "provider": job.provider, "since": job.since, "state": job.state}))
            .collect();
        let status = json!({
            "rows": rows.len(), "done": done.len(), "outcomes": outcomes, "steps": steps, "open_jobs": jobs,
        });
        println!("{}", serde_json::to_string_pretty(&status)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} of {} row(s) done", done.len(), rows.len());
    for (name, count) in &outcomes {
        println!("  {name:<10} {count}");
    }
    if !steps.is_empty() {
        println!("work by step, over all starts:");
        for (step, (count, seconds)) in &steps {
            println!("  {step:<10} {count:>6} x  {seconds:>9.1} s");
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
    for result in done.iter().filter(|r| r.failure.is_some()) {
        println!("  {} failed: {}", result.row.id, result.summary);
    }
    Ok(ExitCode::SUCCESS)
}
