//! A run's results as a table for people, CSV for spreadsheets, JSON Lines for machines.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

use crate::record::{IterationResult, Outcome, RowResult, RunView, TakeResult};

/// Width of the table where standard output is no terminal, in characters.
const PLAIN_WIDTH: u16 = 140;

/// Output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One line a row.
    Csv,
    /// One JSON object a row, with all rounds.
    Jsonl,
}

/// Prints a run's results on standard output; answers how many rows there were.
///
/// # Errors
/// As [`RunView::load`], and a standard output that cannot be written.
pub fn write(root: &Path, format: Format, colour: bool) -> anyhow::Result<usize> {
    let view = RunView::load(root)?;
    match view.rows().iter().filter(|row| row.again).count() {
        0 => {}
        again => tracing::warn!(
            "{again} row(s) that were done are being made again; what they came to before is left out"
        ),
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut count = 0;
    let results = view.results().inspect(|_| count += 1);
    match format {
        Format::Table => {
            let results: Vec<_> = results.collect();
            write!(out, "{}", table(&results, colour))?;
        }
        Format::Csv => csv(&extra_columns(&view), results, &mut out)?,
        Format::Jsonl => {
            for result in results {
                serde_json::to_writer(&mut out, &result)?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()?;
    Ok(count)
}

/// The manifest's columns that this program does not know, of rows that are done, in the order of their names.
fn extra_columns(view: &RunView) -> Vec<String> {
    let columns = view
        .results()
        .flat_map(|result| result.row.extra.into_keys());
    columns.collect::<BTreeSet<_>>().into_iter().collect()
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |v| format!("{v:.digits$}"))
}

/// The take that became the world, else the one with the best scores.
fn chosen(iteration: &IterationResult) -> Option<&TakeResult> {
    let takes = &iteration.takes;
    let world = takes.iter().find(|t| Some(t.take) == iteration.best);
    world.or(takes.first())
}

fn overall(iteration: &IterationResult) -> Option<f64> {
    chosen(iteration).map(|t| t.scores.overall)
}

/// Its place among the takes by scores alone, of how many.
fn place(iteration: &IterationResult) -> String {
    chosen(iteration).map_or_else(String::new, |t| {
        format!("{}/{}", t.rank, iteration.takes.len())
    })
}

fn registered(iteration: &IterationResult) -> String {
    match (iteration.registered, iteration.frames) {
        (Some(r), Some(f)) => format!("{r}/{f}"),
        _ => String::new(),
    }
}

fn table(results: &[RowResult], colour: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(PLAIN_WIDTH);
    }
    table.set_header([
        "id",
        "outcome",
        "rounds",
        "score",
        "rank",
        "frames",
        "PSNR dB",
        "violations",
        "path",
        "physics",
        "what",
    ]);
    for result in results {
        let best = result.best_iteration().cloned().unwrap_or_default();
        let tint = match result.outcome {
            Outcome::Accepted => Color::Green,
            Outcome::Limit | Outcome::Refused | Outcome::Undecided => Color::Yellow,
            Outcome::Failed => Color::Red,
        };
        let outcome = Cell::new(result.outcome.name());
        table.add_row([
            Cell::new(&result.row.id),
            if colour { outcome.fg(tint) } else { outcome },
            Cell::new(result.iterations.len()),
            Cell::new(number(overall(&best), 3)),
            Cell::new(place(&best)),
            Cell::new(registered(&best)),
            Cell::new(number(best.held_out_psnr, 2)),
            Cell::new(best.violations.map_or_else(String::new, |v| v.to_string())),
            Cell::new(number(best.metrics.get("path_completion").copied(), 2)),
            Cell::new(number(best.metrics.get("physics_score").copied(), 2)),
            Cell::new(&result.summary),
        ]);
    }
    format!("{table}\n")
}

fn csv(
    extra: &[String],
    results: impl Iterator<Item = RowResult>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let mut header: Vec<&str> = vec![
        "id",
        "prompt",
        "outcome",
        "rounds",
        "best_round",
        "best_take",
        "best_rank",
        "overall",
        "registered",
        "frames",
        "reconstructability",
        "held_out_psnr",
        "splats",
        "violations",
        "collision_rate",
        "path_completion",
        "physics_score",
        "last_prompt",
        "summary",
        "tags",
    ];
    header.extend(extra.iter().map(String::as_str));
    writer.write_record(&header)?;
    for result in results {
        let best = result.best_iteration().cloned().unwrap_or_default();
        let count = |v: Option<usize>| v.map_or_else(String::new, |v| v.to_string());
        let metric = |name: &str| number(best.metrics.get(name).copied(), 4);
        let mut cells = vec![
            result.row.id.clone(),
            result.row.prompt.clone(),
            result.outcome.name().to_owned(),
            result.iterations.len().to_string(),
            best.iteration.to_string(),
            best.best.map_or_else(String::new, |b| b.to_string()),
            chosen(&best).map_or_else(String::new, |t| t.rank.to_string()),
            number(overall(&best), 4),
            count(best.registered),
            count(best.frames),
            number(best.reconstructability, 3),
            number(best.held_out_psnr, 3),
            count(best.splats),
            count(best.violations),
            metric("collision_rate"),
            metric("path_completion"),
            metric("physics_score"),
            result
                .iterations
                .last()
                .map_or_else(String::new, |i| i.prompt.clone()),
            result.summary.clone(),
            result.row.tags.join(";"),
        ];
        cells.extend(
            extra
                .iter()
                .map(|e| result.row.extra.get(e).cloned().unwrap_or_default()),
        );
        writer.write_record(&cells)?;
    }
    writer.flush()?;
    Ok(())
}
