//! Temporal coherence: a picture that changes by its motion only, and whose motion holds together.

use super::Notes;
use super::evidence::{CUT, Evidence, StepRecord, mean};
use super::path_realism::over_paths;

const NAME: &str = "temporal_coherence";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let over = |f: fn(&StepRecord) -> f64| mean(e.steps.iter().map(f));
    // Mean residual of a cell along the flow, in grey levels.
    let flicker = over(|s| s.block);
    // Half of the points' worst own acceleration is under this.
    let drift = over_paths(e, |p| p.usual_own).unwrap_or(1.0);
    let cuts = e.cuts();
    notes.put(NAME, "flicker", flicker);
    notes.put(NAME, "drift", drift);
    notes.put(NAME, "cuts", cuts);
    notes.put(NAME, "residual", over(|s| s.residual));
    notes.put(NAME, "warp_error", over(|s| s.fine / (s.gradient + 1.0)));
    notes.put(NAME, "inconsistent", 1.0 - over(|s| s.consistent));
    notes.put(NAME, "high_flicker", over(|s| s.high_block));
    notes.put(NAME, "ssim", over(|s| s.ssim));
    notes.put(NAME, "low_ssim", over(|s| s.low_ssim));
    notes.put(NAME, "impulse", over(|s| s.impulse));
    notes.put(NAME, "high_signal", over(|s| s.high_signal));
    let steps = || e.steps.iter().enumerate();
    notes.moments(
        NAME,
        "the picture changes beyond its motion",
        2.0 * flicker + 1.0,
        steps().map(|(t, s)| (e.time(t), None, s.block)),
    );
    notes.moments(
        NAME,
        "a cut",
        1.0 - CUT,
        steps().map(|(t, s)| (e.time(t), None, 1.0 - s.consistent)),
    );
    let jerk = over_paths(e, |p| p.jerk).unwrap_or(1.0);
    (-0.088 * flicker - 0.057 * drift - 0.089 * jerk - 0.5 * cuts).exp() * e.gate
}
