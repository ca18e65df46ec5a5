//! The report for people.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::compare::Old;
use super::report::{Entry, Report, Status};

/// The device, a line for each size, what was left out and why, and how fast rows go.
pub fn table(report: &Report, old: Option<&Old>) -> String {
    let (d, h) = (&report.device, &report.host);
    let commit = report
        .commit
        .as_deref()
        .map_or(String::new(), |c| format!(" ({c})"));
    let mut text = format!(
        "director {}{commit}, {}\n{} ({}, {}, {})\n{}, {} cores{}\n",
        report.version,
        report.date,
        d.name,
        d.kind,
        d.backend,
        d.driver,
        h.cpu,
        h.cores,
        h.memory_bytes
            .map_or(String::new(), |b| format!(", {} GiB", b >> 30)),
    );
    let mut say = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    if !d.limits.is_empty() {
        say(format!(
            "limits {}: bindings of up to {} MiB, kernels of tier {}",
            d.limits,
            d.max_binding >> 20,
            d.tier
        ));
    }
    if let Some(decoder) = &report.decoder {
        say(format!("decoded in {decoder}"));
    }
    if let Some(compiled) = report.compile_seconds {
        say(format!(
            "all kernels built in {}, before anything was timed",
            seconds(compiled)
        ));
    }
    for failure in &report.compile_failures {
        say(failure.clone());
    }
    say(String::new());
    say(rows(report, old).trim_fmt());
    say(String::new());
    for entry in &report.entries {
        let what = match entry.status {
            Status::Measured => continue,
            Status::Skipped => "skipped",
            Status::Failed => "FAILED",
        };
        let note = entry.note.as_deref().unwrap_or_default();
        say(format!("{what}: {}, {}: {note}", entry.stage, entry.size));
    }
    if let Some((middle, count)) = old.and_then(|old| old.overall(report)) {
        say(format!(
            "{middle:.2} times the rate of the older result, in the middle of {count}"
        ));
    }
    if report.interrupted {
        say("interrupted: what was measured before is here".to_owned());
    }
    if let Some(rate) = report.copy_rate {
        say(format!(
            "buffer to buffer: {} bytes/s, read and written",
            si(rate)
        ));
    }
    say(match &report.row {
        None => "no row was measured, so nothing is known of how fast a batch goes".to_owned(),
        Some(row) => {
            let from = row.estimated_from.as_ref().map_or(String::new(), |size| {
                format!(", worked out from the row of size '{size}'")
            });
            format!(
                "a row at preset {} (2 takes, one round): about {}; {} rows an hour{from}",
                row.preset,
                seconds(row.seconds),
                significant(row.per_hour)
            )
        }
    });
    text
}

fn rows(report: &Report, old: Option<&Old>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut header = vec![
        "stage",
        "size",
        "seconds",
        "rate",
        "copy %",
        "device MiB",
        "host MiB",
        "longest kernel",
    ];
    header.extend(old.map(|_| "times"));
    table.set_header(header);
    for entry in &report.entries {
        let mut cells = line(entry);
        if let Some(old) = old {
            let ratio = entry
                .rate
                .and_then(|r| old.ratio(&entry.stage, &entry.size, r));
            cells.push(ratio.map_or(String::new(), |r| format!("{r:.2}")));
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(2).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn line(entry: &Entry) -> Vec<String> {
    let mib = |bytes: Option<u64>| bytes.map_or(String::new(), |b| (b >> 20).to_string());
    let took = match (entry.status, entry.seconds) {
        (Status::Measured, Some(times)) => significant(times.median),
        (Status::Skipped, _) => "skipped".to_owned(),
        _ => "FAILED".to_owned(),
    };
    let all: f64 = entry.kernels.iter().map(|k| k.seconds).sum();
    let longest = entry.kernels.first().map_or(String::new(), |k| {
        format!("{} {:.0} %", k.kernel, 100.0 * k.seconds / all.max(1e-12))
    });
    vec![
        entry.stage.clone(),
        entry.size.clone(),
        took,
        entry.rate.map_or(String::new(), |rate| {
            format!("{} {}/s", si(rate), entry.unit)
        }),
        entry
            .copy_share
            .map_or(String::new(), |share| format!("{:.0}", 100.0 * share)),
        mib(entry.peak_bytes),
        mib(entry.host_peak_bytes),
        longest,
    ]
}

/// Three significant digits.
fn significant(value: f64) -> String {
    if value <= 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = (2 - value.log10().floor() as i32).clamp(0, 9) as usize;
    format!("{value:.digits$}")
}

/// With a letter for thousands.
fn si(value: f64) -> String {
    for (power, letter) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if value >= power {
            return format!("{} {letter}", significant(value / power));
        }
    }
    significant(value)
}

/// Seconds in words.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 7200.0 => format!("{} h", significant(s / 3600.0)),
        s if s >= 120.0 => format!("{} min", significant(s / 60.0)),
        s => format!("{} s", significant(s)),
    }
}
