//! How likely a violation of each kind is true, and from where on it is told.
//!
//! Fitted by `director eval agent --half tuning --mode b,c --fit`, never on held-out seeds; see `docs/agents.md`. Where no
//! tuning seed has one under the least that is right, what is under it is taken for a doubt.

use super::{Violation, What};

/// A violation of at least this confidence is told; one below it is a doubt.
pub const TOLD: f64 = 0.5;

/// A doubt of at least this confidence is shown to people; one below it only stands in the report.
pub const SHOWN: f64 = 0.2;

/// Cells from which on a thing that went or moved is no smaller than any other.
const THING: f64 = 12.0;
/// Share of the views that show a pane from which on it is there all the time: what only some show is light that plays on
/// things.
const LASTING: f64 = 0.5;

/// What stands out without any noise: floor that is missing from a world that was not made from views.
const PLAIN: f64 = 1e6;

/// Disagreement of views and world, at a place or altogether, up to which sigmas that lean on the views' depth count. They are of the noise from pixel to pixel; a rough network is
/// wrong over whole regions, and only other views tell of that: held-out ones, and all where few are held out. Seen by all views: up to .20 with true depth (tuning seeds; by held-out ones as well), .25 with a network that knows
/// such places (tuning seeds; .29 on others), .65 to 2.1 with one that does not (the demo).
pub const TRUSTED: f64 = 0.45;

/// Sigmas of what pictures match under a floor, cell by cell, from which on they match it better than the floor. A hole of which no
/// quarter of the cells that tell does is a doubt. On tuning seeds pits have 3.5 to 14, floor whose depth is wrong .8.
pub const MATCHED: f64 = 3.0;
/// Share of the views from which on what their pictures alone tell of is worth a look: where few look, it is mostly what hides the floor from some
/// of them that matches nothing.
pub const MOST_TELL: f64 = 0.5;

/// Sigmas that lean on the views' depth, which say nothing in a world that its views see elsewhere.
fn trusted(violation: &Violation, sigmas: f64) -> f64 {
    match violation.evidence.disagreement {
        Some(disagreement) if disagreement > TRUSTED => 0.0,
        _ => sigmas,
    }
}

/// By how much a violation stands out, on its kind's own scale: sigmas of the data's noise, less of a pane that few views
/// show or a thing of few cells; of solids that are seen through, and of holes that pictures alone tell of, the share of views
/// that do.
pub fn stands_out(violation: &Violation) -> f64 {
    let evidence = &violation.evidence;
    let (sigmas, share) = (evidence.sigmas.unwrap_or(0.0), evidence.share);
    match violation.what {
        What::Veil => trusted(violation, sigmas) * (share.unwrap_or(1.0) / LASTING).min(1.0),
        What::Vanished | What::Moved => {
            trusted(violation, sigmas) * (evidence.cells as f64 / THING).min(1.0)
        }
        What::Hole => match (evidence.sigmas, evidence.pictures) {
            (_, Some(pictures)) if pictures < MATCHED => 0.0,
            (Some(sigmas), _) => trusted(violation, sigmas),
            (None, Some(_)) => trusted(violation, share.unwrap_or(0.0)),
            (None, None) => PLAIN,
        },
        What::OpenBoundary => evidence.sigmas.map_or(PLAIN, |s| trusted(violation, s)),
        What::InvisibleSolid | What::FloatingSolid => share.unwrap_or(0.0),
        _ => sigmas,
    }
}

/// Steps of the confidence in holes that the pictures alone tell of, by the share of the views: a guess, under what is told. Shallow recesses,
/// floors that mirror, and what looks different each time match something under the plane as well as a pit does.
const BY_PICTURES: &[(f64, f64)] = &[(0.0, 0.05), (MOST_TELL, 0.45)];

/// Steps of the confidence: from where on, and how likely.
fn steps(what: What) -> &'static [(f64, f64)] {
    match what {
        What::Hole => &[(0.0, 0.25), (20.0, 0.9)],
        What::OpenBoundary => &[(0.0, 0.4), (60.0, 0.83)],
        // Drawn worlds have no plain walls, so that tuning seeds would say too much: a guess, under what is told.
        What::BlankEnd => &[(0.0, 0.45)],
        What::Veil => &[(0.0, 0.3), (9.0, 0.75)],
        What::Vanished | What::Moved => &[(0.0, 0.25), (3.0, 0.93)],
        What::InvisibleSolid | What::FloatingSolid => &[(0.0, 0.01), (0.8, 0.88)],
        // Never said on tuning seeds: what it would mean is plain.
        What::BlockedCamera | What::Tunnel => &[(0.0, 0.9)],
        // Hardly ever true on tuning seeds.
        What::UnevenFloor | What::RestlessBody | What::MissingSolid | What::CutOffFloor => {
            &[(0.0, 0.01)]
        }
    }
}

/// How likely a violation is a fault, in [0, 1], as far as the table above goes.
pub fn confidence(violation: &Violation) -> f64 {
    let by = stands_out(violation);
    if violation.by_pictures() {
        return reached(BY_PICTURES, by);
    }
    reached(steps(violation.what), by)
}

fn reached(steps: &[(f64, f64)], by: f64) -> f64 {
    let reached = steps.iter().take_while(|s| by >= s.0);
    reached.last().map_or(0.0, |s| s.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Evidence;

    const ALL: [What; 14] = [
        What::Hole,
        What::UnevenFloor,
        What::RestlessBody,
        What::FloatingSolid,
        What::InvisibleSolid,
        What::MissingSolid,
        What::Tunnel,
        What::CutOffFloor,
        What::BlockedCamera,
        What::Veil,
        What::OpenBoundary,
        What::BlankEnd,
        What::Vanished,
        What::Moved,
    ];

    #[test]
    fn steps_begin_at_nothing_and_rise() {
        for what in ALL {
            for steps in [steps(what), BY_PICTURES] {
                assert_eq!(steps[0].0, 0.0, "{what:?}");
                assert!(steps.iter().all(|s| s.1 > 0.0 && s.1 < 1.0), "{what:?}");
                for two in steps.windows(2) {
                    assert!(two[0].0 < two[1].0 && two[0].1 < two[1].1, "{what:?}");
                }
            }
        }
    }

    #[test]
    fn holes_that_the_pictures_match_as_floor_are_doubts() {
        let told = |sigmas: Option<f64>, pictures: Option<f64>, share: Option<f64>| {
            let violation = Violation {
                evidence: Evidence {
                    sigmas,
                    pictures,
                    share,
                    ..Evidence::default()
                },
                ..crate::agent::inspect::tests::violation(What::Hole, [0.0; 3], [1.0; 3], 0.0)
            };
            confidence(&violation) >= TOLD
        };
        assert!(told(Some(24.0), None, None) && told(Some(24.0), Some(4.0), None));
        assert!(!told(Some(24.0), Some(2.4), None));
        // By pictures alone nothing is told, and a doubt shown where most views tell; a world without views has neither.
        assert!(!told(None, Some(40.0), Some(1.0)));
        assert!(reached(BY_PICTURES, 0.5) >= SHOWN && reached(BY_PICTURES, 0.49) < SHOWN);
        assert!(!told(Some(8.0), Some(4.0), Some(1.0)) && !told(Some(8.0), None, None));
        assert!(told(None, None, None));
    }

    #[test]
    fn sigmas_of_depth_that_other_views_see_elsewhere_do_not_count() {
        for (what, sure, doubt) in [
            (What::Hole, 0.9, 0.25),
            (What::OpenBoundary, 0.4, 0.4),
            (What::Veil, 0.75, 0.3),
            (What::Vanished, 0.93, 0.25),
            (What::Moved, 0.93, 0.25),
        ] {
            assert!(what.leans_on_depth(), "{what:?}");
            let told = |disagreement| {
                let violation = Violation {
                    evidence: Evidence {
                        sigmas: Some(24.0),
                        cells: 20,
                        disagreement,
                        ..Evidence::default()
                    },
                    ..crate::agent::inspect::tests::violation(what, [0.0; 3], [1.0; 3], 0.0)
                };
                (stands_out(&violation), confidence(&violation))
            };
            assert_eq!(told(None), (24.0, sure), "{what:?}");
            assert_eq!(told(Some(0.3)), (24.0, sure), "{what:?}");
            assert_eq!(told(Some(0.65)), (0.0, doubt), "{what:?}");
        }
    }
}
