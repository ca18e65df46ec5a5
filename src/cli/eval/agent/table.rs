//! The outcome as tables for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::{Cell, Table};

use crate::cli::eval::plain;
use crate::eval::agent::Outcome;
use crate::eval::agent::fit::Step;
use crate::eval::agent::modes::Mode;
use crate::eval::agent::share::Share;
use crate::eval::agent::stats::{Bin, Summary, Verdicts};

fn share(share: &Share) -> String {
    let [low, high] = share.interval;
    match share.share {
        Some(value) => format!("{value:.2} ({low:.2}-{high:.2})"),
        None => "-".to_owned(),
    }
}

fn faults(summary: &Summary, colour: bool) -> Table {
    let header = [
        "fault",
        "which",
        "planted",
        "unseen",
        "found",
        "missed",
        "recall (95 %)",
        "precision (95 %)",
    ];
    let mut table = plain(header, 2, colour);
    for row in &summary.rows {
        if row.planted == 0 && row.bin != Bin::All {
            continue;
        }
        let kind = row.kind.map_or("every kind", |k| k.name());
        let first = if row.bin == Bin::All { kind } else { "" };
        table.add_row([
            first.to_owned(),
            row.bin.words().to_owned(),
            row.planted.to_string(),
            row.unseen.to_string(),
            row.found.to_string(),
            row.missed.to_string(),
            share(&row.recall),
            row.precision.as_ref().map_or(String::new(), share),
        ]);
    }
    table
}

/// What depth holds of planted faults before agents look.
fn held(summary: &Summary, colour: bool) -> Table {
    let header = [
        "depth holds",
        "source",
        "median share",
        "half or more (95 %)",
        "of these found (95 %)",
    ];
    let mut table = plain(header, 2, colour);
    for row in &summary.held {
        table.add_row([
            row.kind.name().to_owned(),
            row.source.word().to_owned(),
            row.median.map_or("-".to_owned(), |m| format!("{m:.2}")),
            share(&row.half),
            share(&row.found),
        ]);
    }
    table
}

fn alarms(summary: &Summary, colour: bool) -> Table {
    let header = [
        "false alarm",
        "scenario",
        "nothing there",
        "another's name",
        "twice",
        "in clean takes",
    ];
    let mut table = plain(header, 2, colour);
    for alarm in &summary.alarms {
        let counts = [
            alarm.nothing,
            alarm.misnamed,
            alarm.duplicates,
            alarm.in_clean,
        ];
        let words = [alarm.what.clone(), alarm.scenario.clone()];
        table.add_row(
            words
                .into_iter()
                .chain(counts.map(|n| n.to_string()))
                .map(Cell::new),
        );
    }
    table
}

fn verdicts(classes: &[Verdicts], colour: bool) -> Table {
    let names = ["accepted", "rejected", "undecided", "refused"];
    let mut table = plain(
        ["takes", "accepted", "rejected", "undecided", "refused"],
        1,
        colour,
    );
    for class in classes {
        let count = |name: &str| class.counts.get(name).copied().unwrap_or(0).to_string();
        let row = std::iter::once(class.class.clone()).chain(names.iter().map(|n| count(n)));
        table.add_row(row);
    }
    table
}

fn calibration(summary: &Summary, colour: bool) -> Table {
    let mut table = plain(
        ["confidence", "mean", "violations", "right (95 %)"],
        1,
        colour,
    );
    for bin in &summary.calibration {
        table.add_row([
            format!("{:.1}-{:.1}", bin.from, bin.from + 0.1),
            format!("{:.2}", bin.confidence),
            bin.right.among.to_string(),
            share(&bin.right),
        ]);
    }
    table
}

/// The mode in which each fault is first missed.
fn lost(outcome: &Outcome, colour: bool) -> Table {
    let header = [
        "lost in",
        "to be seen",
        "a",
        "b",
        "c",
        "d",
        "nowhere",
        "found again",
    ];
    let mut table = plain(header, 1, colour);
    for row in &outcome.lost {
        let at = |mode| row.first_missed.get(&mode).copied().unwrap_or(0);
        let counts = [row.visible].into_iter().chain(Mode::ALL.map(at));
        let counts = counts.chain([row.kept, row.found_again]);
        let name = std::iter::once(row.kind.name().to_owned());
        table.add_row(name.chain(counts.map(|n| n.to_string())));
    }
    table
}

fn seconds(by: &BTreeMap<String, f64>) -> String {
    let stages = by.iter().map(|(stage, s)| format!("{stage} {s:.2}"));
    stages.collect::<Vec<_>>().join(", ")
}

/// Steps of confidence by what violations say.
pub(super) fn fit(fit: &BTreeMap<String, Vec<Step>>, colour: bool) -> Table {
    let header = ["what", "stands out by", "confidence", "right", "of"];
    let mut table = plain(header, 1, colour);
    for (what, steps) in fit {
        for (k, step) in steps.iter().enumerate() {
            table.add_row([
                if k == 0 { what.clone() } else { String::new() },
                format!("{:.2}", step.from),
                format!("{:.2}", step.confidence),
                step.right.to_string(),
                step.of.to_string(),
            ]);
        }
    }
    table
}

pub(super) fn text(outcome: &Outcome, colour: bool) -> String {
    let mut text = String::new();
    for summary in &outcome.summaries {
        let _ = writeln!(
            text,
            "mode {}: {}; {} takes of cameras that travel, {} of still ones{}\n\n{}\n",
            summary.mode.name(),
            summary.mode.words(),
            summary.takes,
            summary.still_takes,
            match summary.errors {
                0 => String::new(),
                n => format!("; {n} failed"),
            },
            faults(summary, colour)
        );
        if !summary.held.is_empty() {
            let _ = writeln!(text, "{}\n", held(summary, colour));
        }
        if !summary.alarms.is_empty() {
            let _ = writeln!(text, "{}\n", alarms(summary, colour));
        }
        let [accepts, rejects] = &summary.product;
        let _ = writeln!(
            text,
            "{}\nfalse accepts {}, false rejects {}; with the figures that the product asks for {} and {}\n",
            verdicts(&summary.verdicts, colour),
            share(&summary.false_accepts),
            share(&summary.false_rejects),
            share(accepts),
            share(rejects)
        );
        if summary.still_takes > 0 {
            let _ = writeln!(
                text,
                "still cameras\n{}\n",
                verdicts(&summary.still, colour)
            );
        }
        if !summary.calibration.is_empty() {
            let _ = writeln!(text, "{}\n", calibration(summary, colour));
        }
        let _ = writeln!(text, "seconds a take: {}\n", seconds(&summary.seconds));
    }
    if outcome.summaries.len() > 1 && !outcome.lost.is_empty() {
        let _ = writeln!(text, "{}", lost(outcome, colour));
    }
    text.trim_end().to_owned()
}
