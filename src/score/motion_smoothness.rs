//! Motion smoothness: flow that goes on as it was, without jerks and without frozen frames.

use super::Notes;
use super::evidence::{Evidence, mean};

const NAME: &str = "motion_smoothness";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let speed = e.speed();
    let later = &e.steps[1..];
    let change = mean(later.iter().map(|s| s.flow_change)) / (speed + 0.5);
    let usual = mean(later.iter().map(|s| s.usual_flow_change)) / (speed + 0.5);
    let jerk = mean(
        e.steps
            .windows(3)
            .map(|s| (s[0].speed - 2.0 * s[1].speed + s[2].speed).abs()),
    ) / (speed + 0.15);
    notes.put(NAME, "change", change);
    notes.put(NAME, "usual_change", usual);
    notes.put(NAME, "jerk", jerk);
    notes.put(NAME, "speed", speed);
    notes.put(NAME, "steady", e.steady_speed());
    notes.put(
        NAME,
        "change_abs",
        mean(later.iter().map(|s| s.flow_change)),
    );
    notes.put(
        NAME,
        "high_change_abs",
        mean(later.iter().map(|s| s.high_flow_change)),
    );
    notes.put(
        NAME,
        "strain_abs",
        mean(later.iter().map(|s| s.strain_change)),
    );
    notes.put(NAME, "contrast", mean(later.iter().map(|s| s.contrast)));
    notes.moments(
        NAME,
        "the motion changes abruptly",
        1.0,
        e.steps
            .iter()
            .enumerate()
            .skip(1)
            .map(|(t, s)| (e.time(t), None, s.flow_change / (speed + 0.5))),
    );
    (-change / 0.8 - jerk - e.duplicates / 0.25).exp() * e.gate
}
