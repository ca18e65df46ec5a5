//! How the spine bears 10,000 rows whose stages do nothing.

use std::fmt::Write;
use std::time::Instant;

use sora_director::monitor::Silent;
use sora_director::record::RunView;

use super::fake::{Desk, Service, journal};

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|v| v.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// Runs `n` rows of eight steps each, and resumes them; prints the figures.
fn scale(n: usize) {
    let mut csv = "id,prompt,seed,mood\n".to_owned();
    for i in 0..n {
        writeln!(
            csv,
            "row-{i:05},\"A robot walks through room {i}, slow dolly\",{i},calm"
        )
        .expect("write");
    }
    let before = resident_mib();
    let read = Instant::now();
    let mut desk = Desk::new(&csv);
    let read = read.elapsed();
    desk.limits().at_once = 16;
    desk.config.rows_at_once = 16;
    desk.config.takes_ahead = 16;
    let service = Service::new(0);
    let start = Instant::now();
    let result = desk.listened(&service, |_| {}, &Silent).expect("batch");
    let first = start.elapsed();
    let after = resident_mib();
    assert_eq!((result.limit, result.failed), (n, 0));
    let start = Instant::now();
    let view = RunView::load(&desk.root()).expect("view");
    let (viewed, of_view) = (start.elapsed(), resident_mib().saturating_sub(after));
    assert_eq!(view.results().count(), n);
    drop(view);
    let start = Instant::now();
    let result = desk.listened(&service, |_| {}, &Silent).expect("batch");
    let resumed = start.elapsed();
    assert_eq!((result.limit, result.resumed), (n, n));
    let last = resident_mib();
    let lines = journal(&desk.root());
    let steps = lines.iter().filter(|e| e["event"] == "step_done").count();
    assert_eq!(steps, n * 8);
    assert_eq!(service.books().billed.len(), n);
    println!(
        "{n} rows: manifest {:.0} ms; run {:.1} s, {:.2} ms a row of 8 steps; resumed in {:.2} s, {:.2} ms a row; \
         view in {:.2} s, {of_view} MiB; memory {before} MiB before, {after} MiB after the run, {} MiB after resuming",
        read.as_secs_f64() * 1e3,
        first.as_secs_f64(),
        first.as_secs_f64() * 1e3 / n as f64,
        resumed.as_secs_f64(),
        resumed.as_secs_f64() * 1e3 / n as f64,
        viewed.as_secs_f64(),
        last
    );
}

#[test]
fn sixty_rows_that_do_nothing_are_run_and_resumed() {
    scale(60);
}

#[test]
#[ignore = "minutes: cargo test --test it ten_thousand -- --ignored --nocapture"]
fn ten_thousand_rows_that_do_nothing_are_run_and_resumed() {
    scale(10_000);
}
