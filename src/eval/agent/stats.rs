//! What many cases come to: recall and precision by kind and size, false alarms, verdicts, calibration.

use std::collections::BTreeMap;

use serde::Serialize;

use super::alarms::{Alarm, alarms, wrong};
use super::case::FaultKind;
use super::fault::{Fault, names};
use super::matching::Judged;
use super::modes::Mode;
use super::record::Line;
use super::share::Share;
use super::witness::{Held, held};
use crate::revise::Verdict;

/// Which of the planted faults a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bin {
    /// All.
    All,
    /// Larger than the agent.
    Large,
    /// Not larger.
    Small,
    /// Severity under a third.
    Mild,
    /// From there to two thirds.
    Middling,
    /// Over two thirds.
    Severe,
}

impl Bin {
    /// All, in the order of the tables.
    pub const ALL: [Self; 6] = [
        Self::All,
        Self::Large,
        Self::Small,
        Self::Mild,
        Self::Middling,
        Self::Severe,
    ];

    /// Its words in tables.
    pub fn words(self) -> &'static str {
        [
            "all",
            "over the agent",
            "under the agent",
            "severity < .33",
            ".33 - .67",
            "> .67",
        ][self as usize]
    }

    fn holds(self, fault: &Fault) -> bool {
        match self {
            Self::All => true,
            Self::Large => fault.larger_than_agent(),
            Self::Small => !fault.larger_than_agent(),
            Self::Mild => fault.severity < 1.0 / 3.0,
            Self::Middling => (1.0 / 3.0..2.0 / 3.0).contains(&fault.severity),
            Self::Severe => fault.severity >= 2.0 / 3.0,
        }
    }
}

/// Planted faults of one kind, or of all, in one bin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The kind; `None` for all.
    pub kind: Option<FaultKind>,
    /// The bin.
    pub bin: Bin,
    /// Planted.
    pub planted: usize,
    /// Of them hardly to be seen, and so in no recall.
    pub unseen: usize,
    /// Found.
    pub found: usize,
    /// To be seen and not found.
    pub missed: usize,
    /// Share of those to be seen that were found.
    pub recall: Share,
    /// Of the violations that mean this kind, those that are right; for the bin of all only: a false alarm has no size.
    pub precision: Option<Share>,
}

/// Verdicts on one class of takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdicts {
    /// The class: `clean`, `faulty` (a fault larger than the agent is to be seen), `slight` (smaller or unseen ones).
    pub class: String,
    /// How many by verdict.
    pub counts: BTreeMap<String, usize>,
}

/// Violations of like confidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sure {
    /// From this confidence on, up to the next bin.
    pub from: f64,
    /// Their mean confidence.
    pub confidence: f64,
    /// How many of them are right.
    pub right: Share,
}

/// What one mode came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The mode.
    pub mode: Mode,
    /// Takes with a camera that travels.
    pub takes: usize,
    /// Takes of still cameras, which only `still` counts.
    pub still_takes: usize,
    /// Cases that failed.
    pub errors: usize,
    /// Faults by kind and bin.
    pub rows: Vec<Row>,
    /// What depth holds of them, by kind and source.
    pub held: Vec<Held>,
    /// False alarms by what and scenario, the most first.
    pub alarms: Vec<Alarm>,
    /// Verdicts.
    pub verdicts: Vec<Verdicts>,
    /// Accepted among takes with a fault larger than the agent that is to be seen.
    pub false_accepts: Share,
    /// Rejected among clean takes.
    pub false_rejects: Share,
    /// What the product's own verdict comes to, which also asks for figures: false accepts and false rejects.
    pub product: [Share; 2],
    /// Verdicts on takes of still cameras.
    pub still: Vec<Verdicts>,
    /// Confidence against truth, over all violations.
    pub calibration: Vec<Sure>,
    /// Mean seconds by stage.
    pub seconds: BTreeMap<String, f64>,
}

fn row(lines: &[&Line], kind: Option<FaultKind>, bin: Bin, strict: bool) -> Row {
    let of_kind = |k: FaultKind| kind.is_none_or(|kind| k == kind);
    let (mut planted, mut unseen, mut found) = (0, 0, 0);
    for line in lines {
        for (fault, hit) in line.faults.iter().zip(&line.found) {
            if of_kind(fault.kind) && bin.holds(fault) {
                planted += 1;
                unseen += usize::from(!fault.visible);
                found += usize::from(fault.visible && *hit);
            }
        }
    }
    let told = lines.iter().flat_map(|l| &l.violations);
    let means = |j: &&Judged| match kind {
        None => true,
        Some(kind) => names(j.what).first() == Some(&kind),
    };
    let false_ones = told.filter(means).filter(|j| wrong(j, strict)).count();
    Row {
        kind,
        bin,
        planted,
        unseen,
        found,
        missed: planted - unseen - found,
        recall: Share::new(found, planted - unseen),
        precision: (bin == Bin::All).then(|| Share::new(found, found + false_ones)),
    }
}

fn class(line: &Line) -> &'static str {
    match (line.clean(), line.faulty()) {
        (true, _) => "clean",
        (false, true) => "faulty",
        (false, false) => "slight",
    }
}

fn verdicts(lines: &[&Line]) -> Vec<Verdicts> {
    ["clean", "faulty", "slight"]
        .into_iter()
        .map(|name| {
            let mut counts = BTreeMap::new();
            for line in lines.iter().filter(|l| class(l) == name) {
                *counts
                    .entry(format!("{:?}", line.verdict).to_lowercase())
                    .or_insert(0) += 1;
            }
            Verdicts {
                class: name.to_owned(),
                counts,
            }
        })
        .collect()
}

fn ended(lines: &[&Line], of: &str, verdict: impl Fn(&Line) -> Verdict, as_: Verdict) -> Share {
    let class: Vec<&&Line> = lines.iter().filter(|l| class(l) == of).collect();
    Share::new(
        class.iter().filter(|l| verdict(l) == as_).count(),
        class.len(),
    )
}

fn calibration(lines: &[&Line]) -> Vec<Sure> {
    (0..10)
        .filter_map(|k| {
            let bin = |j: &&Judged| ((10.0 * j.confidence).floor().clamp(0.0, 9.0)) as usize == k;
            let of: Vec<&Judged> = lines
                .iter()
                .flat_map(|l| &l.violations)
                .filter(bin)
                .collect();
            (!of.is_empty()).then(|| Sure {
                from: k as f64 / 10.0,
                confidence: of.iter().map(|j| j.confidence).sum::<f64>() / of.len() as f64,
                right: Share::new(of.iter().filter(|j| j.truth.right()).count(), of.len()),
            })
        })
        .collect()
}

/// Sums up the lines of one mode. With `strict` a second violation on the same fault counts as false.
pub fn summary(mode: Mode, lines: &[Line], strict: bool) -> Summary {
    let all: Vec<&Line> = lines.iter().filter(|l| l.mode == mode).collect();
    let (failed, fine): (Vec<&Line>, Vec<&Line>) = all.into_iter().partition(|l| l.error.is_some());
    let (still, moving): (Vec<&Line>, Vec<&Line>) =
        fine.iter().copied().partition(|l| l.case.still());
    let kinds = FaultKind::ALL.into_iter().map(Some).chain([None]);
    let rows = kinds.flat_map(|kind| Bin::ALL.map(|bin| row(&moving, kind, bin, strict)));
    let mut seconds: BTreeMap<String, f64> = BTreeMap::new();
    for line in &fine {
        for (stage, s) in &line.seconds {
            *seconds.entry(stage.clone()).or_default() += s / fine.len() as f64;
        }
    }
    let own = |l: &Line| l.verdict;
    let product = |l: &Line| l.product;
    Summary {
        mode,
        takes: moving.len(),
        still_takes: still.len(),
        errors: failed.len(),
        rows: rows.collect(),
        held: held(&moving),
        alarms: alarms(&moving),
        verdicts: verdicts(&moving),
        false_accepts: ended(&moving, "faulty", own, Verdict::Accepted),
        false_rejects: ended(&moving, "clean", own, Verdict::Rejected),
        product: [
            ended(&moving, "faulty", product, Verdict::Accepted),
            ended(&moving, "clean", product, Verdict::Rejected),
        ],
        still: verdicts(&still),
        calibration: calibration(&moving),
        seconds,
    }
}
