//! Identity persistence: the look of followed patches against the frame where they were first seen, in structure,
//! contrast and colour. It compares appearance; whether a face is still the same person takes a network.

use super::Notes;
use super::evidence::{Evidence, LookRecord, mean};

const NAME: &str = "identity_persistence";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    // Older looks tell more of what changes slowly.
    let weight = |l: &LookRecord| l.followed * l.age as f64;
    let total: f64 = e.looks.iter().map(weight).sum();
    let over = |f: &dyn Fn(&LookRecord) -> f64| {
        e.looks.iter().map(|l| weight(l) * f(l)).sum::<f64>() / total.max(1.0)
    };
    let (average, low) = (over(&|l| l.mean), over(&|l| l.low));
    notes.put(NAME, "mean", average);
    notes.put(NAME, "p10", low);
    notes.put(NAME, "p5", over(&|l| l.lowest));
    notes.put(NAME, "median", over(&|l| l.median));
    notes.put(NAME, "structure", over(&|l| l.structure));
    notes.put(NAME, "tint", over(&|l| l.tint));
    notes.put(NAME, "lost", mean(e.looks.iter().map(|l| l.lost)));
    notes.put(NAME, "high_tint", over(&|l| l.high_tint));
    notes.put(NAME, "worst_tint", over(&|l| l.worst_tint.value));
    notes.put(NAME, "tint_gap", over(&|l| l.worst_tint.value - l.tint));
    notes.put(
        NAME,
        "tint_ratio",
        over(&|l| l.worst_tint.value / (l.tint + 1.0)),
    );
    notes.put(
        NAME,
        "most_tint",
        e.looks
            .iter()
            .map(|l| l.worst_tint.value)
            .fold(0.0, f64::max),
    );
    notes.put(
        NAME,
        "most_gap",
        e.looks
            .iter()
            .map(|l| l.worst_tint.value - l.tint)
            .fold(0.0, f64::max),
    );
    notes.put(
        NAME,
        "most_ratio",
        e.looks
            .iter()
            .map(|l| l.worst_tint.value / (l.tint + 1.0))
            .fold(0.0, f64::max),
    );
    notes.put(NAME, "worst", over(&|l| l.worst.value));
    notes.put(
        NAME,
        "least",
        e.looks.iter().map(|l| l.worst.value).fold(1.0, f64::min),
    );
    notes.put(NAME, "gap", over(&|l| l.median - l.worst.value));
    notes.put(
        NAME,
        "most_like_gap",
        e.looks
            .iter()
            .map(|l| l.median - l.worst.value)
            .fold(0.0, f64::max),
    );
    notes.put(NAME, "ratio", over(&|l| l.worst.value / (l.median + 0.05)));
    notes.put(
        NAME,
        "least_ratio",
        e.looks
            .iter()
            .map(|l| l.worst.value / (l.median + 0.05))
            .fold(9.0, f64::min),
    );
    notes.put(
        NAME,
        "worst_lost",
        mean(e.looks.iter().map(|l| l.worst_lost)),
    );
    notes.moments(
        NAME,
        "a patch no longer looks as it did",
        0.5,
        e.looks.iter().map(|l| {
            let time = e.times[(l.start + l.age).min(e.times.len() - 1)];
            (time, Some(l.worst.at), l.median - l.worst.value)
        }),
    );
    (average * low).max(0.0).sqrt() * e.gate
}
