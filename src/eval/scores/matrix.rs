//! What each metric makes of each corruption, and the targets that it is held to.

use super::measure::{METRICS, metrics};
use super::stats::{auc, auc_interval, mean, spearman, win};
use crate::eval::corrupt::Kind;

/// Of a metric under one of its own corruptions, least |rho| (which must fall).
pub const RHO: f64 = 0.9;
/// Least area under the curve; under morph and vanish it is [`OBJECT_AUC`].
pub const AUC: f64 = 0.85;
/// Least share of pairs under morph and vanish.
pub const OBJECT_WIN: f64 = 0.9;
/// Least area under morph and vanish.
pub const OBJECT_AUC: f64 = 0.8;
/// Highest rho of any metric under any corruption.
pub const RISE: f64 = 0.2;
/// Seed of the bootstrap.
const SEED: u64 = 1;

/// The corruptions that a metric is there to notice.
pub fn own(metric: &str) -> &'static [Kind] {
    match metric {
        "visual_quality" => &[Kind::Blur, Kind::Noise, Kind::Blocks],
        "motion_smoothness" => &[Kind::Freeze, Kind::Shake, Kind::Swap],
        "temporal_coherence" => &[Kind::Flicker, Kind::Wobble, Kind::Noise],
        "path_realism" => &[Kind::Shake, Kind::Wobble, Kind::Teleport],
        "physics_plausibility" => &[Kind::Wobble, Kind::Teleport, Kind::Vanish],
        "identity_persistence" => &[Kind::Morph, Kind::Vanish],
        _ => &[],
    }
}

/// The scores of one clip under one corruption.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ladder {
    /// Of the clean clip.
    pub clean: [f64; METRICS],
    /// Of each seed, of each level.
    pub corrupted: Vec<Vec<[f64; METRICS]>>,
}

/// One metric under one corruption.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Cell {
    /// The metric.
    pub metric: &'static str,
    /// The corruption.
    pub corruption: Kind,
    /// The metric is there to notice it.
    pub own: bool,
    /// Spearman's correlation with the level within a clip, the mean over seeds and clips.
    pub rho: f64,
    /// Share of corrupted clips that score below their clean one; ties count half.
    pub win: f64,
    /// Area under the ROC curve over all clips.
    pub auc: f64,
    /// Its 95 % bootstrap interval over clips.
    pub auc_interval: [f64; 2],
}

impl Cell {
    /// For an own corruption: whether the targets are met.
    pub fn met(&self) -> bool {
        if matches!(self.corruption, Kind::Morph | Kind::Vanish) {
            self.win >= OBJECT_WIN && self.auc >= OBJECT_AUC
        } else {
            self.rho <= -RHO && self.auc >= AUC
        }
    }
}

/// The cells of one corruption, by metric. `ladders` holds each clip once, `judged` is the place of the level of wins and
/// areas among `levels`.
pub fn cells(kind: Kind, levels: &[u32], judged: usize, ladders: &[Ladder]) -> Vec<Cell> {
    let severity: Vec<f64> = std::iter::once(0.0)
        .chain(levels.iter().map(|&l| f64::from(l)))
        .collect();
    let cell = |(m, metric): (usize, &'static str)| {
        let rho: Vec<f64> = ladders
            .iter()
            .map(|ladder| {
                let seeds: Vec<f64> = ladder
                    .corrupted
                    .iter()
                    .map(|seed| {
                        let all = std::iter::once(&ladder.clean).chain(seed);
                        let scores: Vec<f64> = all.map(|s| s[m]).collect();
                        spearman(&severity, &scores)
                    })
                    .collect();
                mean(&seeds)
            })
            .collect();
        let clean: Vec<f64> = ladders.iter().map(|l| l.clean[m]).collect();
        let corrupted: Vec<Vec<f64>> = ladders
            .iter()
            .map(|l| l.corrupted.iter().map(|seed| seed[judged][m]).collect())
            .collect();
        let wins: Vec<f64> = clean
            .iter()
            .zip(&corrupted)
            .map(|(&c, all)| mean(&all.iter().map(|&s| win(c, s)).collect::<Vec<_>>()))
            .collect();
        Cell {
            metric,
            corruption: kind,
            own: own(metric).contains(&kind),
            rho: mean(&rho),
            win: mean(&wins),
            auc: auc(&clean, &corrupted),
            auc_interval: auc_interval(&clean, &corrupted, SEED),
        }
    };
    metrics().into_iter().enumerate().map(cell).collect()
}

/// What the targets say of all cells.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Verdict {
    /// Every own corruption is noticed well enough.
    pub noticed: bool,
    /// No metric rises.
    pub no_rise: bool,
    /// In words, a line each.
    pub lines: Vec<String>,
}

/// Compares cells with the targets.
pub fn verdict(cells: &[Cell]) -> Verdict {
    let own: Vec<&Cell> = cells.iter().filter(|c| c.own).collect();
    let missed: Vec<&&Cell> = own.iter().filter(|c| !c.met()).collect();
    let rising: Vec<&Cell> = cells.iter().filter(|c| c.rho > RISE).collect();
    let mut lines = vec![format!(
        "own corruptions: {} of {} meet the target (rho <= -{RHO} and AUC >= {AUC}; morph and vanish: win >= {OBJECT_WIN} and AUC >= {OBJECT_AUC})",
        own.len() - missed.len(),
        own.len()
    )];
    lines.extend(missed.iter().map(|c| {
        format!(
            "missed: {} under {}: rho {:+.2}, win {:.2}, AUC {:.2}",
            c.metric,
            c.corruption.name(),
            c.rho,
            c.win,
            c.auc
        )
    }));
    if rising.is_empty() {
        lines.push(format!(
            "no metric is above rho +{RISE} under any corruption"
        ));
    }
    lines.extend(rising.iter().map(|c| {
        format!(
            "rises: {} under {}: rho {:+.2}, over +{RISE}",
            c.metric,
            c.corruption.name(),
            c.rho
        )
    }));
    Verdict {
        noticed: missed.is_empty(),
        no_rise: rising.is_empty(),
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_of_hand_computed_ladders() {
        // One clip falls with the level, one rises, by two seeds each; two levels, the first one judged.
        let ladder = |clean: f64, levels: [f64; 2]| Ladder {
            clean: [clean; METRICS],
            corrupted: vec![levels.map(|v| [v; METRICS]).to_vec(); 2],
        };
        let ladders = [ladder(0.9, [0.5, 0.3]), ladder(0.6, [0.7, 0.8])];
        let cells = cells(Kind::Blur, &[2, 4], 0, &ladders);
        assert_eq!(cells.len(), METRICS);
        for cell in &cells {
            assert_eq!((cell.rho, cell.win), (0.0, 0.5));
            // .9 beats .5 and .7, .6 beats .5.
            assert_eq!(cell.auc, 0.75);
            assert_eq!(cell.own, cell.metric == "visual_quality");
        }
    }

    #[test]
    fn verdicts_tell_what_is_missed_and_what_rises() {
        let cell = |corruption, own, rho, win, auc| Cell {
            metric: "identity_persistence",
            corruption,
            own,
            rho,
            win,
            auc,
            auc_interval: [auc, auc],
        };
        let good = [
            cell(Kind::Morph, true, -0.5, 0.9, 0.8),
            cell(Kind::Noise, true, -0.9, 0.5, 0.85),
            cell(Kind::Swap, false, 0.2, 0.0, 0.0),
        ];
        let told = verdict(&good);
        assert!(told.noticed && told.no_rise, "{told:?}");
        let bad = [
            cell(Kind::Vanish, true, -1.0, 0.89, 0.9),
            cell(Kind::Noise, true, 0.95, 0.0, 0.9),
            cell(Kind::Blur, false, 0.21, 0.0, 0.0),
        ];
        let told = verdict(&bad);
        assert!(!told.noticed && !told.no_rise);
        let count = |word: &str| told.lines.iter().filter(|l| l.starts_with(word)).count();
        assert_eq!((count("missed"), count("rises")), (2, 2), "{told:?}");
    }

    #[test]
    fn every_metric_but_the_combination_has_corruptions_of_its_own() {
        for metric in metrics() {
            assert_eq!(own(metric).is_empty(), metric == "overall", "{metric}");
        }
    }
}
