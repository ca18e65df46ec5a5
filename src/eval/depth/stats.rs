//! What networks come to over many clips.

use serde::Serialize;

use super::record::Line;
use crate::eval::cameras::stats::Spread;

/// Clips of one group by one network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What they have in common.
    pub of: String,
    /// Clips.
    pub clips: usize,
    /// Frames that were compared with a truth.
    pub frames: usize,
    /// Frames whose map follows the truth nowhere.
    pub lost: usize,
    /// Mean of absolute relative error over clips.
    pub abs_rel: Option<f64>,
    /// Mean share within 1.25 times the truth.
    pub delta1: Option<f64>,
    /// Mean F1 of edges.
    pub edges: Option<f64>,
    /// Wander beside the truth: with one scale and shift a clip, and with those of solved cameras.
    pub wander: [Option<Spread>; 2],
    /// The same beside solved cameras, of clips without a truth.
    pub wander_by_solve: [Option<Spread>; 2],
    /// Clips whose cameras could not be solved.
    pub refused: usize,
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let all: Vec<f64> = values.collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

impl Row {
    fn of(name: &str, lines: &[&Line]) -> Self {
        let known = || lines.iter().filter_map(|l| l.accuracy);
        let wander = |by_truth: bool| {
            let all = || {
                let some = lines.iter().filter_map(|l| l.wander);
                some.filter(move |w| w.by_truth == by_truth)
            };
            [
                Spread::of(all().filter_map(|w| w.clip)),
                Spread::of(all().filter_map(|w| w.solved)),
            ]
        };
        Self {
            of: name.to_owned(),
            clips: lines.len(),
            frames: known().map(|a| a.frames).sum(),
            lost: known().map(|a| a.lost).sum(),
            abs_rel: mean(known().filter_map(|a| a.abs_rel)),
            delta1: mean(known().filter_map(|a| a.delta1)),
            edges: mean(known().filter_map(|a| a.edges)),
            wander: wander(true),
            wander_by_solve: wander(false),
            refused: lines.iter().filter(|l| l.refused.is_some()).count(),
        }
    }
}

/// One network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Its name.
    pub network: String,
    /// Its bytes, and the name that tells its kind.
    pub identity: Vec<String>,
    /// All clips, and by group where there are several.
    pub rows: Vec<Row>,
}

/// Sums up by network, in the order in which they come.
pub fn summaries(lines: &[Line]) -> Vec<Summary> {
    let mut networks: Vec<&Line> = Vec::new();
    for line in lines {
        let same = |n: &&Line| n.settings.network == line.settings.network;
        if !networks.iter().any(same) {
            networks.push(line);
        }
    }
    let summary = |first: &&Line| {
        let identity = &first.settings.network;
        let own: Vec<&Line> = lines
            .iter()
            .filter(|l| l.settings.network == *identity)
            .collect();
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
        Summary {
            network: first.network.clone(),
            identity: identity.clone(),
            rows,
        }
    };
    networks.iter().map(summary).collect()
}
