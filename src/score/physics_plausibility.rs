//! Physics plausibility, kinematic only: what moves against the camera does so steadily, does not deform by fits, and
//! does not vanish inside the picture. It knows nothing of mass, contact or gravity.

use super::Notes;
use super::evidence::{Evidence, mean};
use super::path_realism::over_paths;

const NAME: &str = "physics_plausibility";

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let own_jerk = over_paths(e, |p| p.own_jerk).unwrap_or(1.0);
    let lost = over_paths(e, |p| 1.0 - (1.0 - p.lost).powi(8)).unwrap_or(1.0);
    let speed = e.speed();
    let strain = mean(e.steps[1..].iter().map(|s| s.strain_change)) / (speed + 0.5);
    let mut events: Vec<f64> = e.steps.iter().map(|s| s.event.value).collect();
    events.sort_by(|a, b| b.total_cmp(a));
    let event = events[0];
    let usual = super::evidence::percentile(&events, 0.5);
    notes.put(NAME, "own_jerk", own_jerk);
    notes.put(NAME, "lost", lost);
    notes.put(NAME, "strain_change", strain);
    notes.put(NAME, "event", event);
    notes.put(NAME, "second_event", events[1]);
    notes.put(NAME, "usual_event", usual);
    notes.put(
        NAME,
        "event_share",
        e.steps.iter().map(|s| s.event_share).fold(0.0, f64::max),
    );
    let mut masses: Vec<f64> = e.steps.iter().map(|s| s.event_mass).collect();
    masses.sort_by(|a, b| b.total_cmp(a));
    notes.put(NAME, "mass", masses[0]);
    notes.put(NAME, "second_mass", masses[1]);
    notes.put(
        NAME,
        "usual_mass",
        super::evidence::percentile(&masses, 0.5),
    );
    notes.put(NAME, "own", mean(e.steps.iter().map(|s| s.own)));
    notes.put(NAME, "own_share", mean(e.steps.iter().map(|s| s.own_share)));
    notes.put(
        NAME,
        "plane_weight",
        mean(e.steps.iter().map(|s| s.plane_weight)),
    );
    notes.put(
        NAME,
        "high_own",
        over_paths(e, |p| p.high_own).unwrap_or(0.0),
    );
    notes.put(
        NAME,
        "usual_own",
        over_paths(e, |p| p.usual_own).unwrap_or(0.0),
    );
    notes.put(
        NAME,
        "worst_own",
        e.paths.iter().map(|p| p.worst.value).fold(0.0, f64::max),
    );
    notes.put(NAME, "objects", mean(e.steps.iter().map(|s| s.objects)));
    notes.put(
        NAME,
        "object_share",
        mean(e.steps.iter().map(|s| s.object_share)),
    );
    notes.put(
        NAME,
        "objects_lost",
        mean(e.steps.iter().map(|s| s.objects_lost)),
    );
    notes.put(
        NAME,
        "object_change",
        mean(e.steps.iter().map(|s| s.object_change)),
    );
    notes.moments(
        NAME,
        "something appears, vanishes or jumps",
        0.3,
        e.steps
            .iter()
            .enumerate()
            .map(|(t, s)| (e.time(t), Some(s.event.at), s.event.value)),
    );
    (-own_jerk / 0.6 - strain / 0.3 - lost - (event - usual).max(0.0)).exp() * e.gate
}
