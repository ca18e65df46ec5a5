//! Physics plausibility, kinematic only: what moves against the camera does so steadily, does not deform by fits, and
//! does not vanish inside the picture. It knows nothing of mass, contact or gravity.

use super::Notes;
use super::evidence::{Evidence, mean};
use super::path_realism::over_paths;

const NAME: &str = "physics_plausibility";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let own_jerk = over_paths(e, |p| p.own_jerk).unwrap_or(1.0);
    let drift = over_paths(e, |p| p.usual_own).unwrap_or(1.0);
    let strain = mean(e.steps.iter().skip(1).map(|s| s.strain_change)) / (e.ride.speed + 0.5);
    let [event, _] = e.worst(|s| s.event.value);
    let [share, _] = e.worst(|s| s.event_share);
    let [pop, second] = e.worst_pop(|p| p.value);
    let [mass, second_mass] = e.worst_pop(|p| p.mass);
    notes.put(NAME, "pop", pop);
    notes.put(NAME, "second_pop", second);
    notes.put(NAME, "pop_mass", mass);
    notes.put(NAME, "second_pop_mass", second_mass);
    notes.put(NAME, "pop_share", e.worst_pop(|p| p.share)[0]);
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
        "from here on something moves against the camera by fits",
        4.0 * high + 1.0,
        e.paths
            .iter()
            .map(|p| (e.times[p.start], Some(p.worst.at), p.worst.value)),
    );
    let fault = 0.126 * pop.sqrt()
        + 0.18 * event.sqrt()
        + 0.105 * event
        + 0.145 * share.sqrt()
        + 0.093 * drift;
    (-fault).exp() * e.gate
}
