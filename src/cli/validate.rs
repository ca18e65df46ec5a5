//! `director validate`: what a run would do and cost; does nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::run::{Left, Rows, default_out, read_rows};
use super::{Globals, settings::Settings};
use crate::manifest::{Fault, ManifestError};
use crate::pipeline::{Amount, Plan, Share};
use crate::record::RunView;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director validate prompts.csv
  director validate clips.jsonl --provider files
  director validate prompts.toml --preset draft --json | jq .total.at_most.takes
Exit codes: 0 all rows can be run, 1 some would fail at once, 2 the manifest or a setting has faults.")]
pub struct Args {
    /// CSV (.tsv: with tabs), JSON (.json, .jsonl) or TOML
    manifest: PathBuf,
    /// Run folder that the run would have, to count what is done [default: runs/<name of the manifest>]
    #[arg(long, short, value_name = "RUN")]
    out: Option<PathBuf>,
    /// One JSON document on standard output, faults included
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = args.settings.resolve(globals)?;
    let Rows { rows, warnings } = match read_rows(&args.manifest, Left::Refused, &config) {
        Ok(rows) => rows,
        Err(error) => return refused(args, error),
    };
    let plan = Plan::new(&rows, &config, &crate::providers::open(&globals.adapter()));
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| default_out(&args.manifest));
    // A run that cannot be gone on with is no fault of the manifest.
    let view = match out.join("run.toml").exists().then(|| RunView::load(&out)) {
        Some(Ok(view)) => view,
        Some(Err(error)) => {
            tracing::warn!("{error}");
            RunView::default()
        }
        None => RunView::default(),
    };
    let done = rows.iter().filter(|row| view.is_done(&row.id)).count();
    if args.json {
        let ids: Vec<_> = rows.iter().map(|r| &r.id).collect();
        let mut document = serde_json::to_value(&plan)?;
        document["total"] = serde_json::to_value(plan.total())?;
        document["ids"] = json!(ids);
        document["out"] = json!(out);
        document["rows_with_results"] = json!(done);
        let warnings: Vec<_> = warnings.iter().map(object).collect();
        document["manifest_warnings"] = json!(warnings);
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        let name = args.manifest.display();
        println!("{name}: {} row(s), no faults in the file", plan.rows);
        println!("{}", table(&plan));
        if done > 0 {
            println!(
                "{done} row(s) have results in {} already; what is done there is skipped",
                out.display()
            );
        }
        for fault in &plan.faults {
            println!(
                "line {} ({}) would fail: {}",
                fault.line, fault.id, fault.message
            );
        }
    }
    Ok(ExitCode::from(u8::from(!plan.faults.is_empty())))
}

/// The faults of the file: for machines as a document, for people as the error that it is.
fn refused(args: &Args, error: anyhow::Error) -> anyhow::Result<ExitCode> {
    match error.downcast_ref() {
        Some(ManifestError::Faults { faults, .. }) if args.json => {
            let faults: Vec<_> = faults.iter().map(object).collect();
            let document = json!({"manifest": args.manifest, "manifest_faults": faults});
            println!("{}", serde_json::to_string_pretty(&document)?);
            Ok(ExitCode::from(super::COULD_NOT_RUN))
        }
        _ => Err(error),
    }
}

fn object(fault: &Fault) -> serde_json::Value {
    json!({"line": fault.line, "column": fault.column, "field": fault.field, "message": fault.message})
}

fn table(plan: &Plan) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["provider", "rows", "", "takes", "video", "cost"]);
    let total = plan.total();
    let mut shares: Vec<(&str, &Share)> = plan
        .providers
        .iter()
        .map(|(n, s)| (n.as_str(), s))
        .collect();
    if shares.len() > 1 {
        shares.push(("all", &total));
    }
    for (name, share) in shares {
        let mut add = |name: &str, rows: &str, which: &str, amount: &Amount| {
            table.add_row([
                name.to_owned(),
                rows.to_owned(),
                which.to_owned(),
                amount.takes.to_string(),
                video(amount),
                cost(amount, &share.prices_as_of),
            ]);
        };
        add(
            name,
            &share.rows.to_string(),
            "first round",
            &share.first_round,
        );
        add("", "", "at most", &share.at_most);
    }
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn video(amount: &Amount) -> String {
    match amount.seconds {
        0.0 => "as it is".to_owned(),
        s if s < 600.0 => format!("{s:.1} s"),
        s => format!("{:.1} min", s / 60.0),
    }
}

/// What is not known is never shown as nothing.
fn cost(amount: &Amount, as_of: &[String]) -> String {
    let priced = amount.takes - amount.takes_without_price;
    let mut parts = Vec::new();
    if amount.usd > 0.0 {
        parts.push(format!(
            "${:.2} (prices of {})",
            amount.usd,
            as_of.join(", ")
        ));
    } else if priced > 0 {
        parts.push("free".to_owned());
    }
    if amount.takes_without_price > 0 {
        parts.push(format!(
            "unknown for {} take(s)",
            amount.takes_without_price
        ));
    }
    parts.join(", ")
}
