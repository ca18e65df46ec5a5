//! Temporal coherence: what the flow does not explain, flicker, and flow that contradicts itself.

use super::Notes;
use super::evidence::{Evidence, mean};

const NAME: &str = "temporal_coherence";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let sum = |f: fn(&super::evidence::StepRecord) -> f64| e.steps.iter().map(f).sum::<f64>();
    let error = sum(|s| s.fine) / (sum(|s| s.gradient) + e.steps.len() as f64);
    let flicker = mean(e.steps.iter().map(|s| s.block));
    let high_flicker = mean(e.steps.iter().map(|s| s.high_block));
    let inconsistent = 1.0 - mean(e.steps.iter().map(|s| s.consistent));
    let ssim = mean(e.steps.iter().map(|s| s.ssim));
    notes.put(NAME, "warp_error", error);
    notes.put(NAME, "flicker", flicker);
    notes.put(NAME, "high_flicker", high_flicker);
    notes.put(NAME, "inconsistent", inconsistent);
    notes.put(NAME, "ssim", ssim);
    notes.put(NAME, "low_ssim", mean(e.steps.iter().map(|s| s.low_ssim)));
    notes.put(NAME, "residual", mean(e.steps.iter().map(|s| s.residual)));
    notes.put(
        NAME,
        "impulse",
        mean(e.steps.iter().map(|s| s.impulse.max(0.0))),
    );
    notes.put(
        NAME,
        "high_signal",
        mean(e.steps.iter().map(|s| s.high_signal)),
    );
    notes.moments(
        NAME,
        "the picture changes beyond its motion",
        2.0 * flicker + 1.0,
        e.steps
            .iter()
            .enumerate()
            .map(|(t, s)| (e.time(t), None, s.block)),
    );
    (-error / 0.6 - flicker / 3.0 - inconsistent / 0.25).exp() * e.gate
}
