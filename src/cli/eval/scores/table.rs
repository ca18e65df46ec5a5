//! The outcome as tables for people.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Color, Table, presets};

use crate::eval::scores::ceiling::Ceiling;
use crate::eval::scores::choice::{Chosen, TARGET};
use crate::eval::scores::matrix::{self, RISE};
use crate::eval::scores::measure::metrics;
use crate::eval::scores::rates::{Apart, OVERALL_WITHIN, WITHIN};
use crate::eval::scores::stats::mean;
use crate::eval::scores::{Outcome, TRAPS};

fn empty<T: ToString>(header: impl IntoIterator<Item = T>, colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(header.into_iter().map(|h| h.to_string()));
    table
}

fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn painted(text: String, good: Option<bool>) -> Cell {
    let cell = Cell::new(text);
    match good {
        Some(true) => cell.fg(Color::Green),
        Some(false) => cell.fg(Color::Red),
        None => cell,
    }
}

/// The corruptions that each metric is there to notice.
fn own(outcome: &Outcome, colour: bool) -> Table {
    let header = ["score", "corruption", "rho", "win", "AUC", "95 %", "target"];
    let mut table = empty(header, colour);
    for metric in metrics() {
        for &kind in matrix::own(metric) {
            let found = outcome.cells.iter();
            let Some(cell) = found
                .filter(|c| c.metric == metric)
                .find(|c| c.corruption == kind)
            else {
                continue;
            };
            let [low, high] = cell.auc_interval;
            let met = cell.met();
            table.add_row([
                Cell::new(metric),
                Cell::new(kind.name()),
                Cell::new(format!("{:+.2}", cell.rho)),
                Cell::new(format!("{:.2}", cell.win)),
                Cell::new(format!("{:.2}", cell.auc)),
                Cell::new(format!("{low:.2}-{high:.2}")),
                painted(if met { "met" } else { "missed" }.to_owned(), Some(met)),
            ]);
        }
    }
    right(&mut table, 2);
    table
}

/// Every score under every corruption.
fn all(outcome: &Outcome, colour: bool) -> Table {
    let names = metrics();
    let mut header = vec!["rho / AUC".to_owned()];
    header.extend(names.map(|n| n.replace('_', " ")));
    let mut table = empty(header, colour);
    for cells in outcome.cells.chunks(names.len()) {
        let mut row = vec![Cell::new(cells[0].corruption.name())];
        row.extend(cells.iter().map(|c| {
            let mark = if c.own { "*" } else { "" };
            let good = match c.own {
                true => Some(c.met()),
                false if c.rho > RISE => Some(false),
                false => None,
            };
            painted(format!("{mark}{:+.2} / {:.2}", c.rho, c.auc), good)
        }));
        table.add_row(row);
    }
    right(&mut table, 1);
    table
}

/// The traps: mean scores over the clips, or the words of the refusal.
fn traps(outcome: &Outcome, colour: bool) -> (Table, Vec<String>) {
    let names = metrics();
    let mut header = vec!["trap".to_owned()];
    header.extend(names.map(|n| n.replace('_', " ")));
    let mut table = empty(header, colour);
    let mut refused = Vec::new();
    for name in TRAPS {
        let of = || outcome.traps.iter().filter(|t| t.trap == name);
        if of().any(|t| t.refusal.is_none()) {
            let mut row = vec![Cell::new(name)];
            row.extend(names.map(|metric| {
                let values: Vec<f64> = of().filter_map(|t| t.scores.get(metric).copied()).collect();
                Cell::new(format!("{:.2}", mean(&values)))
            }));
            table.add_row(row);
        }
        let mut reasons: Vec<&str> = of().filter_map(|t| t.refusal.as_deref()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        refused.extend(reasons.iter().map(|r| format!("{name}: refused: {r}")));
    }
    right(&mut table, 1);
    (table, refused)
}

/// Everything that was found.
pub(super) fn text(outcome: &Outcome, colour: bool) -> String {
    let (traps, refused) = traps(outcome, colour);
    let mut text = String::new();
    let clips = outcome.clips.len();
    let _ = writeln!(
        text,
        "{clips} clip{}; win and AUC at level {}\n\n{}\n\n{}\n* is there to notice it\n",
        if clips == 1 { "" } else { "s" },
        outcome.judged_at,
        own(outcome, colour),
        all(outcome, colour)
    );
    let _ = writeln!(text, "{traps}");
    for line in refused {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
    text.push_str(&outcome.verdict.lines.join("\n"));
    text
}

/// How far scores lie apart at several rates and lengths.
pub(super) fn rates(clips: usize, apart: &[Apart], colour: bool) -> String {
    let header = [
        "score",
        "rates",
        "worst",
        "lengths",
        "worst",
        "both",
        "worst",
        "within",
        "clip of the worst",
    ];
    let mut table = empty(header, colour);
    for one in apart {
        let mut row = vec![Cell::new(one.metric)];
        let pairs = [one.rates, one.lengths, one.all];
        row.extend(
            pairs
                .as_flattened()
                .iter()
                .map(|v| Cell::new(format!("{v:.3}"))),
        );
        row.push(painted(
            format!("{:.2}", one.within),
            Some(one.within >= 1.0),
        ));
        row.push(Cell::new(&one.worst));
        table.add_row(row);
    }
    right(&mut table, 1);
    format!(
        "{clips} clip{}; largest less smallest score of a clip: the median over clips, and the worst\n\n{table}\n\nwithin: share of clips that lie within {WITHIN} (overall {OVERALL_WITHIN}) over all rates and lengths",
        if clips == 1 { "" } else { "s" },
    )
}

/// What an oracle tells of corruptions of one thing.
pub(super) fn ceilings(clips: usize, found: &[Ceiling], colour: bool) -> String {
    let mut table = empty(["corruption", "by", "rho", "win", "AUC"], colour);
    for one in found {
        table.add_row([
            Cell::new(one.corruption.name()),
            Cell::new(one.by),
            Cell::new(format!("{:+.2}", one.rho)),
            painted(
                format!("{:.2}", one.win),
                Some(one.win >= matrix::OBJECT_WIN),
            ),
            painted(
                format!("{:.2}", one.auc),
                Some(one.auc >= matrix::OBJECT_AUC),
            ),
        ]);
    }
    right(&mut table, 2);
    format!(
        "{clips} clip{}; an oracle that knows the disc, and how its content goes in the clean clip\n\n{table}\n\nby: what it compares of the disc as laid over by that. Targets of scores: win >= {}, AUC >= {}",
        if clips == 1 { "" } else { "s" },
        matrix::OBJECT_WIN,
        matrix::OBJECT_AUC,
    )
}

/// How often each score chooses the best take.
pub(super) fn choice(prompts: usize, chosen: &[Chosen], chance: [f64; 2], colour: bool) -> String {
    let header = ["score", "right", "rho", "right by faults of takes", "rho"];
    let mut table = empty(header, colour);
    for one in chosen {
        let good = (one.metric == "overall").then_some(one.right[1] >= TARGET);
        table.add_row([
            Cell::new(one.metric),
            Cell::new(format!("{:.2}", one.right[0])),
            Cell::new(format!("{:+.2}", one.rho[0])),
            painted(format!("{:.2}", one.right[1]), good),
            Cell::new(format!("{:+.2}", one.rho[1])),
        ]);
    }
    table.add_row([
        Cell::new("chance"),
        Cell::new(format!("{:.2}", chance[0])),
        Cell::new(""),
        Cell::new(format!("{:.2}", chance[1])),
        Cell::new(""),
    ]);
    right(&mut table, 1);
    let s = if prompts == 1 { "" } else { "s" };
    format!(
        "{prompts} prompt{s}, three takes each: how often the best by score is one of those with the least planted, by all faults and by those that no world has\n\n{table}"
    )
}
