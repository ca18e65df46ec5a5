//! `--profile`: the time of each kernel, told when the command is done.

use comfy_table::{CellAlignment, Table, presets};

use crate::gpu::profile::{KernelTime, times};
use crate::progress::{LogFormat, tell};

/// Tells on standard error what each kernel took, as a table or as one JSON object.
pub fn report(format: LogFormat) {
    let times = times();
    match format {
        LogFormat::Json => tell(&serde_json::json!({ "profile": times }).to_string()),
        LogFormat::Text if times.is_empty() => {
            tell(
                "profile: no kernel was timed; either none ran, or the adapter has no timestamps (director doctor)",
            );
        }
        LogFormat::Text => tell(&table(&times).trim_fmt()),
    }
}

fn table(times: &[KernelTime]) -> Table {
    let all: f64 = times.iter().map(|t| t.seconds).sum();
    let row = |name: &str, calls: u64, seconds: f64| {
        [
            name.to_owned(),
            calls.to_string(),
            format!("{:.1}", seconds * 1e3),
            format!("{:.1}", seconds * 1e6 / calls.max(1) as f64),
            format!("{:.1}", seconds / all.max(f64::MIN_POSITIVE) * 100.0),
        ]
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["kernel", "calls", "total ms", "each us", "share %"]);
    for time in times {
        table.add_row(row(time.kernel, time.calls, time.seconds));
    }
    table.add_row(row("all", times.iter().map(|t| t.calls).sum(), all));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{KernelTime, table};

    #[test]
    fn shares_add_up() {
        let of = |kernel, calls, seconds| KernelTime {
            kernel,
            calls,
            seconds,
            bytes: 0,
        };
        let text = table(&[of("a/b", 3, 0.03), of("c/d", 1, 0.01)]).trim_fmt();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[1], ["a/b", "3", "30.0", "10000.0", "75.0"]);
        assert_eq!(rows[3], ["all", "4", "40.0", "10000.0", "100.0"]);
    }
}
