//! The outcome as a table for people.

use std::fmt::Write;

use crate::cli::eval::plain;
use crate::eval::cameras::stats::Spread;
use crate::eval::splats::Source;
use crate::eval::splats::record::Line;
use crate::eval::splats::stats::Summary;

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.digits$}"))
}

fn percent(value: Option<f64>) -> String {
    number(value.map(|v| 100.0 * v), 1)
}

/// Median and 95th percentile over clips, times `by`.
fn spread(spread: Option<Spread>, by: f64, digits: usize) -> String {
    spread.map_or("-".to_owned(), |s| match s.count {
        1 => format!("{:.digits$}", by * s.median),
        _ => format!("{:.digits$} / {:.digits$}", by * s.median, by * s.high),
    })
}

/// A table for each source; single clips where few were given.
pub fn text(summaries: &[Summary], lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    for summary in summaries {
        let given = lines.iter().all(|l| l.group == "given");
        let words = match (summary.source, given) {
            (Source::Truth, _) => "fitted to true cameras and depth",
            (Source::Run, false) => "fitted to a network's depth and solved cameras",
            (Source::Run, true) => "fitted to what lies beside the inputs, or is solved",
        };
        let _ = writeln!(
            out,
            "{words}; two figures: median / 95th percentile of clips\n"
        );
        let header = [
            "clips",
            "n",
            "not solved",
            "still, dB",
            "SSIM",
            "whole, dB",
            "fitted, dB",
            "depth, %",
            "95th, %",
            "floor, steps",
            "unseen, %",
            "clutter, %",
            "seconds",
        ];
        let mut table = plain(header, 1, colour);
        for row in &summary.rows {
            table.add_row([
                row.of.clone(),
                row.clips.to_string(),
                row.refused.to_string(),
                number(row.still_psnr, 2),
                number(row.still_ssim, 3),
                number(row.psnr, 2),
                number(row.train_psnr, 2),
                spread(row.depth, 100.0, 2),
                spread(row.depth_high, 100.0, 1),
                spread(row.floor_high, 1.0, 2),
                percent(row.unseen),
                percent(row.clutter),
                spread(row.seconds, 1.0, 1),
            ]);
        }
        if given && lines.len() > 1 {
            for line in lines {
                let quality = line.quality;
                let of = |f: fn(&crate::eval::splats::record::Quality) -> Option<f64>| {
                    quality.as_ref().and_then(f)
                };
                let mut cells = vec![
                    line.name.clone(),
                    "1".to_owned(),
                    u8::from(line.refused.is_some()).to_string(),
                    number(of(|q| q.still_psnr), 2),
                    number(of(|q| q.still_ssim), 3),
                    number(of(|q| q.psnr), 2),
                    number(of(|q| q.train_psnr), 2),
                ];
                cells.extend(["-"; 5].map(str::to_owned));
                cells.push(number(line.seconds.get("fit").copied(), 1));
                table.add_row(cells);
            }
        }
        let _ = writeln!(out, "{table}\n");
    }
    out.trim_end().to_owned()
}
