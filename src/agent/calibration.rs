//! How likely a violation of each kind is true, and from where on it is told.
//!
//! Measured on tuning seeds by `director eval agent --half tuning --mode b,c,d` (its `violations.jsonl`), never on held-out
//! ones: the share of true ones among those of a kind that stand out by so many sigmas of the data's own noise.

use super::{Violation, What};

/// A violation of at least this confidence is told; one below it is a doubt.
pub const TOLD: f64 = 0.5;

/// The share of true ones at few sigmas and at many, and what many are.
fn shares(what: What) -> (f64, f64, f64) {
    match what {
        What::Hole => (0.5, 0.95, 20.0),
        What::OpenBoundary => (0.6, 0.95, 60.0),
        What::Veil | What::Vanished | What::Moved => (0.6, 0.95, 20.0),
        What::InvisibleSolid => (0.6, 0.9, 20.0),
        What::FloatingSolid => (0.5, 0.6, 20.0),
        What::BlockedCamera | What::Tunnel => (0.9, 0.9, 1.0),
        // Never true on tuning seeds.
        What::UnevenFloor | What::RestlessBody | What::MissingSolid | What::CutOffFloor => {
            (0.1, 0.3, 20.0)
        }
    }
}

/// How likely a violation is a fault, in [0, 1].
pub fn confidence(violation: &Violation) -> f64 {
    let (few, many, sigmas) = shares(violation.what);
    let share = violation
        .evidence
        .sigmas
        .map_or(0.0, |s| (s / sigmas).clamp(0.0, 1.0));
    few + (many - few) * share
}
