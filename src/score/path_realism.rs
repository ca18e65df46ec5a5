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
    let jerk = over_paths(e, |p| p.jerk).unwrap_or(NO_PATHS);
    let high_jerk = over_paths(e, |p| p.high_jerk).unwrap_or(NO_PATHS);
    let jumps = over_paths(e, |p| p.jumps).unwrap_or(0.0);
    let camera = camera_jerk(e, notes);
    let jolt = e.steps.iter().map(|s| s.jolt.value).fold(0.0, f64::max);
    notes.put(NAME, "jerk", jerk);
    notes.put(NAME, "high_jerk", high_jerk);
    notes.put(NAME, "camera_jerk", camera);
    notes.put(NAME, "jumps", jumps);
    notes.put(NAME, "jolt", jolt);
    notes.put(
        NAME,
        "jolt_share",
        mean(e.steps.iter().map(|s| s.jolt_share)),
    );
    notes.moments(
        NAME,
        "something moves by a jolt",
        2.0,
        e.steps
            .iter()
            .enumerate()
            .map(|(t, s)| (e.time(t), Some(s.jolt.at), s.jolt.value)),
    );
    (-jerk / 1.5 - camera / 2.0 - jumps / 0.05).exp() * e.gate
}

/// Second difference of the camera's plane over its mean size, in standard pixels at half the long side.
fn camera_jerk(e: &Evidence, notes: &mut Notes) -> f64 {
    let steps: Vec<[f64; 4]> = e.steps.iter().map(|s| s.similarity()).collect();
    let size = |v: [f64; 4]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let jerk = mean(
        steps
            .windows(3)
            .map(|s| size(std::array::from_fn(|i| s[0][i] - 2.0 * s[1][i] + s[2][i]))),
    );
    notes.put(NAME, "camera_jerk_abs", jerk);
    jerk / (mean(steps.iter().map(|s| size(*s))) + 0.5)
}
