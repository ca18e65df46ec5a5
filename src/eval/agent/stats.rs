//! What many cases come to: recall and precision by kind and size, false alarms, verdicts, calibration.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::FaultKind;
use super::fault::{Fault, names};
use super::matching::{Judged, Truth};
use super::modes::Mode;
use super::record::Line;
use crate::revise::Verdict;

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many do.
    pub of: usize,
    /// Among so many.
    pub among: usize,
    /// The share; `None` among none.
    pub share: Option<f64>,
    /// Wilson's interval.
    pub interval: [f64; 2],
}

impl Share {
    /// `of` among `among`, with the interval of Wilson (1927) at 95 %.
    pub fn new(of: usize, among: usize) -> Self {
        let (n, z) = (among as f64, 1.959_963_984_540_054f64);
        if among == 0 {
            return Self {
                of,
                among,
                share: None,
                interval: [0.0, 1.0],
            };
        }
        let p = of as f64 / n;
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        Self {
            of,
            among,
            share: Some(p),
            interval: [(middle - half).max(0.0), (middle + half).min(1.0)],
        }
    }
}

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

/// A count of false alarms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// What was said.
    pub what: String,
    /// By which scenario.
    pub scenario: String,
    /// Where nothing is planted.
    pub nothing: usize,
    /// At a fault that has another name.
    pub misnamed: usize,
    /// A second time of the same fault.
    pub duplicates: usize,
    /// Of them in clean takes.
    pub in_clean: usize,
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

fn wrong(judged: &Judged, strict: bool) -> bool {
    judged.told
        && match judged.truth {
            Truth::False | Truth::Misnamed => true,
            Truth::Duplicate => strict,
            Truth::Found | Truth::Unseen => false,
        }
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

fn alarms(lines: &[&Line]) -> Vec<Alarm> {
    let mut by: BTreeMap<(String, String), Alarm> = BTreeMap::new();
    for line in lines {
        for j in line.violations.iter().filter(|j| wrong(j, true)) {
            let what = format!("{:?}", j.what);
            let alarm = by
                .entry((what.clone(), j.scenario.clone()))
                .or_insert(Alarm {
                    what,
                    scenario: j.scenario.clone(),
                    nothing: 0,
                    misnamed: 0,
                    duplicates: 0,
                    in_clean: 0,
                });
            match j.truth {
                Truth::Misnamed => alarm.misnamed += 1,
                Truth::Duplicate => alarm.duplicates += 1,
                _ => alarm.nothing += 1,
            }
            alarm.in_clean += usize::from(line.clean());
        }
    }
    let mut alarms: Vec<Alarm> = by.into_values().collect();
    alarms.sort_by_key(|a| std::cmp::Reverse(a.nothing + a.misnamed + a.duplicates));
    alarms
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
