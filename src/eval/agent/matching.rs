//! Which violation names which planted fault.

use std::borrow::Borrow;

use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, NEAR, RADIUS, names};
use crate::agent::calibration::stands_out;
use crate::agent::{Location, Severity, Violation, What};

/// What a violation turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It names a planted fault at its place.
    Found,
    /// It names one that a surer violation has named already.
    Duplicate,
    /// It names one that was planted, though hardly to be seen: neither right nor wrong.
    Unseen,
    /// It lies at a planted fault and calls it by a name that is not its own.
    Misnamed,
    /// There is nothing.
    False,
}

impl Truth {
    /// Something of its name is planted there.
    pub fn right(self) -> bool {
        matches!(self, Self::Found | Self::Duplicate | Self::Unseen)
    }
}

/// A violation beside the truth, in the truth's frame (metres).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What it says.
    pub what: What,
    /// The scenario that said it.
    pub scenario: String,
    /// How bad it says it is.
    pub severity: Severity,
    /// How likely it says it is.
    pub confidence: f64,
    /// By how many sigmas it stands out.
    pub sigmas: Option<f64>,
    /// By how much it stands out, as confidences are read off.
    #[serde(default)]
    pub stands_out: f64,
    /// Share of the views that say so.
    #[serde(default)]
    pub share: Option<f64>,
    /// Pictures alone tell of it.
    #[serde(default)]
    pub by_pictures: bool,
    /// Voxels or columns that it takes.
    pub cells: usize,
    /// Frames that show it.
    pub frames: usize,
    /// The frame that shows it best.
    pub frame: Option<usize>,
    /// How far it reaches, metres.
    pub size: [f64; 3],
    /// Where it is, true metres.
    pub place: [f64; 3],
    /// In words.
    pub description: String,
    /// It is sure enough to count.
    pub told: bool,
    /// What it turned out to be.
    pub truth: Truth,
    /// The fault that it names, or lies at, among the case's.
    pub fault: Option<usize>,
}

impl Judged {
    fn new(violation: &Violation, place: DVec3, scale: f64, least: f64) -> Self {
        Self {
            what: violation.what,
            scenario: violation.scenario.clone(),
            severity: violation.severity,
            confidence: violation.confidence,
            sigmas: violation.evidence.sigmas,
            stands_out: stands_out(violation),
            share: violation.evidence.share,
            by_pictures: violation.by_pictures(),
            cells: violation.evidence.cells,
            frames: violation.evidence.frames.len(),
            frame: violation.evidence.frames.first().copied(),
            size: violation.size.map(|s| s * scale),
            place: place.to_array(),
            description: violation.description.clone(),
            told: violation.confidence >= least,
            truth: Truth::False,
            fault: None,
        }
    }
}

/// Judges violations against the faults of a case. `to_truth` takes a place of the world into the truth's frame, whose
/// lengths are `scale` times the world's. A violation may name a fault within [`NEAR`] and the agent's [`RADIUS`] of its
/// bounds; the surest names first, and each fault is found once. The answer has the order of `violations`.
pub fn judge(
    faults: &[Fault],
    violations: &[impl Borrow<Violation>],
    to_truth: impl Fn(DVec3) -> DVec3,
    scale: f64,
    least: f64,
) -> Vec<Judged> {
    let place = |l: &Location| to_truth(DVec3::new(l.x, l.y, l.z));
    let mut judged: Vec<Judged> = violations
        .iter()
        .map(Borrow::borrow)
        .map(|v: &Violation| Judged::new(v, place(&v.location), scale, least))
        .collect();
    let mut order: Vec<usize> = (0..judged.len()).collect();
    // Stable: equally sure ones in the report's order, the worst first.
    order.sort_by(|&a, &b| judged[b].confidence.total_cmp(&judged[a].confidence));
    let mut found = vec![false; faults.len()];
    for i in order {
        let p = DVec3::from_array(judged[i].place);
        let near: Vec<(usize, f64)> = faults
            .iter()
            .enumerate()
            .map(|(k, fault)| (k, fault.distance(p)))
            .filter(|(_, d)| *d <= NEAR + RADIUS)
            .collect();
        let rank = |k: usize| {
            names(judged[i].what)
                .iter()
                .position(|n| *n == faults[k].kind)
        };
        let mut named: Vec<(usize, usize, f64)> = near
            .iter()
            .filter_map(|&(k, d)| Some((rank(k)?, k, d)))
            .collect();
        // What it means most likely, then what is nearest.
        named.sort_by(|a, b| {
            (a.0, a.2, a.1)
                .partial_cmp(&(b.0, b.2, b.1))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let open = named
            .iter()
            .find(|(_, k, _)| !found[*k] && faults[*k].visible);
        let (truth, fault) = match (open, named.first(), near.first()) {
            (Some(&(_, k, _)), ..) => (Truth::Found, Some(k)),
            (None, Some(&(_, k, _)), _) if faults[k].visible => (Truth::Duplicate, Some(k)),
            (None, Some(&(_, k, _)), _) => (Truth::Unseen, Some(k)),
            (None, None, Some(&(k, _))) => (Truth::Misnamed, Some(k)),
            (None, None, None) => (Truth::False, None),
        };
        if truth == Truth::Found
            && judged[i].told
            && let Some(k) = fault
        {
            found[k] = true;
        }
        (judged[i].truth, judged[i].fault) = (truth, fault);
    }
    judged
}

/// Whether each fault was found by a violation that counts.
pub fn found(faults: &[Fault], judged: &[Judged]) -> Vec<bool> {
    let by = |k: usize| {
        judged
            .iter()
            .any(|j| j.told && j.truth == Truth::Found && j.fault == Some(k))
    };
    (0..faults.len()).map(by).collect()
}
