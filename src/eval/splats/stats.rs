//! What fits come to over many clips.

use serde::Serialize;

use super::Source;
use super::record::Line;
use crate::eval::cameras::stats::Spread;

/// Clips of one group by one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What they have in common.
    pub of: String,
    /// Clips.
    pub clips: usize,
    /// Clips without cameras.
    pub refused: usize,
    /// Mean over clips of the PSNR of what stays, in dB.
    pub still_psnr: Option<f64>,
    /// Of the SSIM of what stays.
    pub still_ssim: Option<f64>,
    /// Of the PSNR of whole frames.
    pub psnr: Option<f64>,
    /// Of the PSNR of frames that were fitted to.
    pub train_psnr: Option<f64>,
    /// Relative error of depth: each clip's median, median and 95th percentile over clips.
    pub depth: Option<Spread>,
    /// Each clip's 95th percentile.
    pub depth_high: Option<Spread>,
    /// Distance of the floor's 95th percentile from the floor, in an agent's steps.
    pub floor_high: Option<Spread>,
    /// Mean share of what stands that splats do not show.
    pub unseen: Option<f64>,
    /// Mean share of the open where splats show something.
    pub clutter: Option<f64>,
    /// Seconds of a fit.
    pub seconds: Option<Spread>,
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let all: Vec<f64> = values.collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

impl Row {
    fn of(name: &str, lines: &[&Line]) -> Self {
        let quality = || lines.iter().filter_map(|l| l.quality);
        let depth = || lines.iter().filter_map(|l| l.depth);
        Self {
            of: name.to_owned(),
            clips: lines.len(),
            refused: lines.iter().filter(|l| l.refused.is_some()).count(),
            still_psnr: mean(quality().filter_map(|q| q.still_psnr)),
            still_ssim: mean(quality().filter_map(|q| q.still_ssim)),
            psnr: mean(quality().filter_map(|q| q.psnr)),
            train_psnr: mean(quality().filter_map(|q| q.train_psnr)),
            depth: Spread::of(depth().map(|d| d.median)),
            depth_high: Spread::of(depth().map(|d| d.high)),
            floor_high: Spread::of(depth().filter_map(|d| d.floor_high)),
            unseen: mean(depth().map(|d| d.unseen)),
            clutter: mean(depth().filter_map(|d| d.clutter)),
            seconds: Spread::of(lines.iter().filter_map(|l| l.seconds.get("fit").copied())),
        }
    }
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What splats were fitted to.
    pub source: Source,
    /// All clips, and by group where there are several.
    pub rows: Vec<Row>,
}

/// Sums up by source, in their order.
pub fn summaries(lines: &[Line]) -> Vec<Summary> {
    let mut sources: Vec<Source> = lines.iter().map(|l| l.settings.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let summary = |source: Source| {
        let own = lines.iter().filter(|l| l.settings.source == source);
        let own: Vec<&Line> = own.collect();
        let mut groups: Vec<&str> = own.iter().map(|l| l.group.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut rows = vec![Row::of("all", &own)];
        if groups.len() > 1 {
            rows.extend(groups.iter().map(|group| {
                let some: Vec<&Line> = own.iter().copied().filter(|l| l.group == *group).collect();
                Row::of(group, &some)
            }));
        }
        Summary { source, rows }
    };
    sources.into_iter().map(summary).collect()
}
