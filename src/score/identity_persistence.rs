//! Identity persistence: the look of followed patches against the frame where they were first seen, in structure,
//! contrast and colour. It compares appearance; whether a face is still the same person takes a network.

use std::collections::BTreeSet;

use super::Notes;
use super::evidence::{Evidence, LookRecord, mean};

const NAME: &str = "identity_persistence";
/// Mass of a break, in percent of the picture, up to which it tells less of what things look like than of how they move.
const USUAL_MASS: f64 = 4.0;

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    // Older looks tell more of what changes slowly. All of one age count as one: a longer clip has more old ones.
    let ages = e.looks.iter().map(|l| l.age).collect::<BTreeSet<_>>();
    let over = |points: fn(&LookRecord) -> f64, f: fn(&LookRecord) -> f64| {
        let (mut sum, mut total) = (0.0, 0.0);
        for &age in &ages {
            let same = || e.looks.iter().filter(|l| l.age == age);
            let followed: f64 = same().map(points).sum();
            if followed > 0.0 {
                let mean = same().map(|l| points(l) * f(l)).sum::<f64>() / followed;
                sum += age as f64 * mean;
                total += age as f64;
            }
        }
        (total > 0.0).then(|| sum / total)
    };
    let all = |f: fn(&LookRecord) -> f64| over(|l| l.followed, f);
    let steady = |f: fn(&LookRecord) -> f64| over(|l| l.steady, f).unwrap_or(0.0);
    let likeness = all(|l| l.mean);
    let colour = all(|l| l.tint).unwrap_or(0.0);
    let high = all(|l| l.high_tint).unwrap_or(0.0);
    let worst = all(|l| l.worst_tint.value).unwrap_or(0.0);
    let lost = mean(e.looks.iter().map(|l| l.worst_lost));
    let [event, _] = e.worst(|s| s.event.value);
    let [mass, _] = e.worst_break(|b| b.mass);
    notes.put(NAME, "likeness", likeness.unwrap_or(0.0));
    notes.put(NAME, "colour", colour);
    notes.put(NAME, "high_colour", high);
    notes.put(NAME, "worst_colour", worst);
    notes.put(NAME, "worst_lost", lost);
    notes.put(NAME, "event", event);
    notes.put(NAME, "break_mass", mass);
    notes.put(NAME, "lost", mean(e.looks.iter().map(|l| l.lost)));
    notes.put(NAME, "structure", all(|l| l.structure).unwrap_or(0.0));
    notes.put(NAME, "steady_likeness", steady(|l| l.steady_mean));
    notes.put(NAME, "steady_median", steady(|l| l.median));
    notes.put(NAME, "steady_p10", steady(|l| l.low));
    notes.put(NAME, "steady_p5", steady(|l| l.lowest));
    notes.put(NAME, "steady_colour", steady(|l| l.steady_tint));
    notes.put(NAME, "worst_likeness", steady(|l| l.worst.value));
    let looks = || {
        e.looks.iter().map(|l| {
            let time = e.times[(l.start + l.age).min(e.times.len() - 1)];
            (l, time)
        })
    };
    notes.moments(
        NAME,
        "a patch no longer looks as it did",
        0.4,
        looks().map(|(l, time)| (time, Some(l.worst.at), l.median - l.worst.value)),
    );
    notes.moments(
        NAME,
        "a patch changes its colour",
        3.0 * colour + 6.0,
        looks().map(|(l, time)| (time, Some(l.worst_tint.at), l.worst_tint.value)),
    );
    // Nothing that could be followed: nothing speaks for the clip.
    if likeness.is_none() {
        return 0.0;
    }
    let fault = 0.25 * (1.0 - likeness.unwrap_or(0.0))
        + 0.002 * high
        + 0.24 * (mass * mass / (mass + USUAL_MASS)).ln_1p();
    (-fault).exp() * e.gate
}
