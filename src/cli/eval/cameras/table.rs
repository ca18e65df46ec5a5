//! The outcome as tables for people.

use std::fmt::Write;

use crate::camera::Way;
use crate::cli::eval::plain;
use crate::eval::cameras::stats::{Spread, Summary};

/// Median and 95th percentile as percent.
fn percent(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".to_owned(), |s| {
        format!(
            "{:.digits$} / {:.digits$}",
            100.0 * s.median,
            100.0 * s.high
        )
    })
}

fn number(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".to_owned(), |s| {
        format!("{:.digits$} / {:.digits$}", s.median, s.high)
    })
}

/// Of logarithms.
fn factor(spread: Spread) -> Spread {
    Spread {
        count: spread.count,
        median: spread.median.exp(),
        high: spread.high.exp(),
    }
}

/// A table for each source of depth.
pub fn text(summaries: &[Summary], colour: bool) -> String {
    let mut out = String::new();
    for summary in summaries {
        let _ = writeln!(
            out,
            "{} depth; median / 95th percentile of cameras that travel\n",
            summary.depth.name()
        );
        let header = [
            "takes",
            "n",
            "refused",
            "registered",
            "ATE, % of the path",
            "turn a step, degrees",
            "focal, %",
            "focal estimated, n",
            "focal estimated, %",
            "depth drift, factor",
            "seconds",
        ];
        let mut table = plain(header, 1, colour);
        for row in &summary.rows {
            table.add_row([
                row.of.clone(),
                row.takes.to_string(),
                row.refused.to_string(),
                row.registered.map_or("-".to_owned(), |r| format!("{r:.2}")),
                percent(row.ate, 2),
                number(row.rotation, 3),
                percent(row.focal, 1),
                row.focal_estimated.map_or(0, |f| f.count).to_string(),
                percent(row.focal_estimated, 1),
                number(row.drift.map(factor), 2),
                number(row.seconds, 1),
            ]);
        }
        let _ = writeln!(out, "{table}\n");
        for still in &summary.still {
            let what = match still.way {
                Way::Travels => continue,
                Way::Turns => "only turns",
                Way::Stands => "stands",
            };
            let _ = write!(
                out,
                "camera that {what}: {} of {} told for it, {} refused",
                still.told, still.takes, still.refused
            );
            let focal = still
                .focal_estimated
                .map(|f| (f.count, percent(Some(f), 1)));
            let _ = match focal {
                Some((count, error)) => writeln!(out, "; focal length of {count} {error} % off"),
                None => writeln!(out),
            };
        }
        let _ = writeln!(
            out,
            "camera that travels, told as standing or turning: {}\n",
            summary.travel_denied
        );
        if summary.spoilt.is_empty() {
            continue;
        }
        let header = ["spoilt", "n", "refused", "right", "what is right", "wrong"];
        let mut table = plain(header, 1, colour);
        for row in &summary.spoilt {
            table.add_row([
                row.spoil.name().to_owned(),
                row.takes.to_string(),
                row.refused.to_string(),
                row.right.to_string(),
                row.spoil.wanted().to_owned(),
                row.wrong.join(", "),
            ]);
        }
        let _ = writeln!(out, "{table}\n");
    }
    out.trim_end().to_owned()
}

/// A table of masks for each source of depth.
pub fn masks(summaries: &[Summary], colour: bool) -> String {
    let mut out = String::new();
    let share = |s: Option<f64>| s.map_or("-".to_owned(), |s| format!("{s:.3}"));
    for summary in summaries {
        let _ = writeln!(
            out,
            "{} depth; pixels of cameras that travel\n",
            summary.depth.name()
        );
        let header = [
            "views",
            "takes",
            "n",
            "recall",
            "precision",
            "with shadows",
            "IoU",
            "shadows masked",
            "wrongly masked, % of the picture",
        ];
        let mut table = plain(header, 1, colour);
        for row in &summary.masks {
            table.add_row([
                row.of.clone(),
                row.takes.to_string(),
                row.views.to_string(),
                share(row.recall),
                share(row.precision),
                share(row.with_shadows),
                share(row.iou),
                share(row.cast),
                format!("{:.2}", 100.0 * row.extra),
            ]);
        }
        let _ = writeln!(out, "{table}\n");
    }
    out.trim_end().to_owned()
}
