//! How likely a violation of each kind is true, and from where on it is told.
//!
//! Set by hand from `director eval agent --half tuning --mode b,c` (its `violations.jsonl`, 40 takes in b, 14 in c), never from
//! held-out seeds: what a kind is worth that stands out by so many sigmas of the data's own noise. Not fitted yet.

use super::{Violation, What};

/// A violation of at least this confidence is told; one below it is a doubt.
pub const TOLD: f64 = 0.5;

/// A solid that at least this share of the views sees through is not there.
const SEEN_THROUGH: f64 = 0.8;

/// A thing of fewer cells that went or moved is more often none.
const LEAST_CELLS: usize = 12;

/// Share of all views in which a pane shows.
const LASTING: f64 = 0.5;

/// The share of true ones at few sigmas and at many, and what many are.
fn shares(what: What) -> (f64, f64, f64) {
    match what {
        What::Hole => (0.5, 0.95, 20.0),
        What::OpenBoundary => (0.6, 0.95, 60.0),
        What::Veil => (0.2, 0.95, 20.0),
        What::Vanished | What::Moved => (0.4, 0.95, 20.0),
        What::BlockedCamera | What::Tunnel => (0.9, 0.9, 1.0),
        // Never true on tuning seeds, but for solids that are seen through.
        What::UnevenFloor
        | What::RestlessBody
        | What::MissingSolid
        | What::CutOffFloor
        | What::InvisibleSolid
        | What::FloatingSolid => (0.1, 0.3, 20.0),
    }
}

/// How likely a violation is a fault, in [0, 1], as far as the table above goes.
pub fn confidence(violation: &Violation) -> f64 {
    if let (What::InvisibleSolid | What::FloatingSolid, Some(share)) =
        (violation.what, violation.evidence.share)
    {
        return match share {
            s if s >= SEEN_THROUGH => 0.9,
            s => 0.4 * s,
        };
    }
    // A pane stands there all the time; what only some views show is light that plays on things.
    if violation.what == What::Veil && violation.evidence.share.is_some_and(|s| s < LASTING) {
        return 0.2;
    }
    let thing = matches!(violation.what, What::Vanished | What::Moved);
    if thing && violation.evidence.cells < LEAST_CELLS {
        return 0.3;
    }
    let (few, many, sigmas) = shares(violation.what);
    let stands_out = violation.evidence.sigmas.unwrap_or(0.0);
    few + (many - few) * (stands_out / sigmas).clamp(0.0, 1.0)
}
