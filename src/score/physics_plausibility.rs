//! Physics plausibility, kinematic only: what moves against the camera does so steadily, and does not vanish, appear or jump
//! inside the picture. It knows nothing of mass, contact or gravity.

use super::Notes;
use super::evidence::{Evidence, mean};
use super::path_realism::over_paths;

const NAME: &str = "physics_plausibility";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let own_jerk = over_paths(e, |p| p.own_jerk).unwrap_or(1.0);
    let drift = over_paths(e, |p| p.usual_own).unwrap_or(1.0);
    let strain = mean(e.steps.iter().skip(1).map(|s| s.strain_change)) / (e.speed() + 0.5);
    let [event, _] = e.worst(|s| s.event.value);
    let [share, _] = e.worst(|s| s.event_share);
    let [break_, second_break] = e.worst_break(|b| b.value);
    let [break_mass, second_break_mass] = e.worst_break(|b| b.mass);
    notes.put(NAME, "break", break_);
    notes.put(NAME, "second_break", second_break);
    notes.put(NAME, "break_mass", break_mass);
    notes.put(NAME, "second_break_mass", second_break_mass);
    notes.put(NAME, "event", event);
    notes.put(NAME, "event_share", share);
    notes.put(NAME, "own_jerk", own_jerk);
    notes.put(NAME, "drift", drift);
    notes.put(NAME, "strain_change", strain);
    let over = |f: fn(&super::evidence::StepRecord) -> f64| mean(e.steps.iter().map(f));
    notes.put(NAME, "own_motion", over(|s| s.own));
    notes.put(NAME, "own_share", over(|s| s.own_share));
    notes.put(NAME, "objects", over(|s| s.objects));
    notes.put(NAME, "object_share", over(|s| s.object_share));
    notes.put(NAME, "objects_lost", over(|s| s.objects_lost));
    let lost = over_paths(e, |p| p.lost).unwrap_or(1.0);
    notes.put(NAME, "lost_points", lost);
    let high = over_paths(e, |p| p.high_own).unwrap_or(0.0);
    notes.put(NAME, "high_own_acceleration", high);
    notes.moments(
        NAME,
        "something appears, vanishes or jumps",
        0.3,
        e.steps
            .iter()
            .enumerate()
            .map(|(t, s)| (e.time(t), Some(s.event.at), s.event.value)),
    );
    notes.moments(
        NAME,
        "something is suddenly otherwise",
        6.0,
        e.breaks.iter().map(|b| (b.time, Some(b.at), b.value)),
    );
    notes.moments(
        NAME,
        "from here on something moves against the camera by fits",
        4.0 * high + 1.0,
        e.paths
            .iter()
            .map(|p| (e.times[p.start], Some(p.worst.at), p.worst.value)),
    );
    // By their logarithm: how far something stands out is not how large it is.
    let fault = 0.15 * drift
        + 0.18 * break_mass.ln_1p()
        + 0.09 * second_break_mass.ln_1p()
        + 0.06 * event.sqrt();
    (-fault).exp() * e.gate
}
