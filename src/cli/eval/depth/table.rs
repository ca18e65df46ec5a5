//! The outcome as a table for people.

use std::fmt::Write;

use crate::cli::eval::plain;
use crate::eval::cameras::stats::Spread;
use crate::eval::depth::stats::Summary;

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.digits$}"))
}

/// Median and 95th percentile of logarithms as percent.
fn percent(spread: Option<Spread>) -> String {
    spread.map_or("-".to_owned(), |s| {
        let percent = |log: f64| 100.0 * (log.exp() - 1.0);
        format!("{:.1} / {:.1}", percent(s.median), percent(s.high))
    })
}

/// A table for each network.
pub fn text(summaries: &[Summary], colour: bool) -> String {
    let mut out = String::new();
    for summary in summaries {
        let _ = writeln!(
            out,
            "{}; wander: median / 95th percentile\n",
            summary.network,
        );
        let known = summary.rows.iter().flat_map(|r| r.wander_by_solve);
        let without = known.flatten().next().is_some();
        let mut header = vec![
            "clips",
            "n",
            "frames",
            "lost",
            "AbsRel",
            "delta1",
            "edges, F1",
            "wander, %",
            "solved, %",
        ];
        if without {
            header.extend(["no truth: wander, %", "solved, %"]);
        }
        header.push("not solved");
        let mut table = plain(header, 1, colour);
        for row in &summary.rows {
            let mut cells = vec![
                row.of.clone(),
                row.clips.to_string(),
                row.frames.to_string(),
                row.lost.to_string(),
                number(row.abs_rel, 3),
                number(row.delta1, 3),
                number(row.edges, 3),
            ];
            cells.extend(row.wander.map(percent));
            if without {
                cells.extend(row.wander_by_solve.map(percent));
            }
            cells.push(row.refused.to_string());
            table.add_row(cells);
        }
        let _ = writeln!(out, "{table}\n");
    }
    out.trim_end().to_owned()
}
