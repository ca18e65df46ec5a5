//! Path realism: points and camera that move without jerks and jumps.

use super::Notes;
use super::evidence::{Evidence, PathRecord, mean};

const NAME: &str = "path_realism";
/// Jerk over speed that a clip without a single path gets: nothing speaks for it.
const NO_PATHS: f64 = 3.0;

/// Mean over the generations that had paths, weighted by points and steps.
pub(super) fn over_paths(e: &Evidence, f: impl Fn(&PathRecord) -> f64) -> Option<f64> {
    let weight = |p: &PathRecord| p.points * p.steps as f64;
    let total: f64 = e.paths.iter().map(weight).sum();
    (total > 0.0).then(|| e.paths.iter().map(|p| weight(p) * f(p)).sum::<f64>() / total)
}

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let jerk = over_paths(e, |p| p.high_jerk).unwrap_or(NO_PATHS);
    let drift = over_paths(e, |p| p.usual_own).unwrap_or(0.0);
    let [event, second] = e.worst(|s| s.event.value);
    notes.put(NAME, "jerk", jerk);
    notes.put(NAME, "jumps", over_paths(e, |p| p.jumps).unwrap_or(0.0));
    notes.put(NAME, "event", event);
    notes.put(NAME, "second_event", second);
    notes.put(NAME, "second_event_mass", e.worst(|s| s.event_mass)[1]);
    let over = |f: fn(&PathRecord) -> f64| over_paths(e, f).unwrap_or(0.0);
    notes.put(NAME, "median_jerk", over(|p| p.jerk));
    notes.put(NAME, "speed", over(|p| p.speed));
    let jolted = e.steps.iter().map(|s| s.jolt_share);
    notes.put(NAME, "jolt_share", mean(jolted));
    notes.moments(
        NAME,
        "something moves by a jolt",
        2.0,
        e.steps
            .iter()
            .enumerate()
            .map(|(t, s)| (e.time(t), Some(s.jolt.at), s.jolt.value)),
    );
    // What jumps is seen twice: where it leaves and where it comes back, or at the next jump.
    let [_, second_mass] = e.worst_break(|b| b.mass);
    notes.put(NAME, "second_break_mass", second_mass);
    let fault = 0.02 * jerk
        + 0.12 * over(|p| p.jerk)
        + 0.02 * drift
        + 0.14 * second_mass.ln_1p()
        + 0.055 * event.sqrt();
    (-fault - 0.5 * e.cuts()).exp() * e.gate
}
