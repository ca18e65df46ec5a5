//! Motion smoothness: motion that goes on as it was, frames in their order, and none of them held.

use super::Notes;
use super::evidence::{Evidence, StepRecord, mean};

const NAME: &str = "motion_smoothness";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let speed = e.speed();
    let bend =
        |s: &[StepRecord]| (s[0].speed - 2.0 * s[1].speed + s[2].speed).abs() / (speed + 0.15);
    let jerk = mean(e.steps.windows(3).map(bend));
    let off = e.ride.off;
    let later = |f: fn(&StepRecord) -> f64| mean(e.steps.iter().skip(1).map(f));
    notes.put(NAME, "jerk", jerk);
    notes.put(NAME, "camera_off", off);
    notes.put(NAME, "disorder", e.disorder);
    notes.put(NAME, "swapped", e.swapped);
    notes.put(NAME, "duplicates", e.duplicates);
    notes.put(NAME, "speed", speed);
    notes.put(NAME, "steady_speed", e.ride.speed);
    notes.put(NAME, "flow_change", later(|s| s.flow_change));
    notes.put(NAME, "usual_flow_change", later(|s| s.usual_flow_change));
    notes.put(NAME, "high_flow_change", later(|s| s.high_flow_change));
    let bends = e.steps.windows(3).enumerate();
    notes.moments(
        NAME,
        "the motion changes abruptly",
        4.0 * jerk + 0.2,
        bends.map(|(t, s)| (e.time(t + 1), None, bend(s))),
    );
    notes.moments(
        NAME,
        "the camera leaves its way",
        4.0 * off + 0.2,
        e.ride.each.iter().map(|&(time, off)| (time, None, off)),
    );
    (-0.25 * jerk - 0.05 * off - 8.0 * e.swapped).exp() * e.gate
}
