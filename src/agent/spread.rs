//! How far rays that judge a world see its surfaces from where it has them, in all of it and about a place.

use super::{Location, Violation};

/// A ray that judges the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judge {
    /// Where its view sees a surface.
    pub place: [f64; 3],
    /// Index of its view.
    pub view: usize,
    /// How far behind that the world has it, in voxels across the surface.
    pub error: f64,
    /// An invisible solid that is told stops it: that says nothing of the rest.
    pub stopped: bool,
}

/// Least share of the rays that tell how exact a world is.
const LEAST_LEFT: f64 = 0.1;
/// How far about a violation what it stands in counts, in radii of the agent past its own half, and the fewest rays, of so many views, that
/// tell.
const NEAR_BY: f64 = 6.0;
const LEAST_RAYS: usize = 200;
const LEAST_VIEWS: usize = 3;

/// Median and half the interquartile range of the errors; of no rays none.
fn quartiles(mut errors: Vec<f64>) -> Option<[f64; 2]> {
    let last = errors.len().checked_sub(1)?;
    errors.sort_by(f64::total_cmp);
    let quarter = |k: usize| errors[last * k / 4];
    Some([quarter(2), (quarter(3) - quarter(1)) / 2.0])
}

/// The errors of rays that are not stopped, and whether they are more than a few.
fn left<'a>(judges: impl Iterator<Item = &'a Judge> + Clone) -> (Vec<f64>, bool) {
    let all = judges.clone().count() as f64;
    let errors: Vec<f64> = judges.filter(|j| !j.stopped).map(|j| j.error).collect();
    let enough = errors.len() as f64 >= LEAST_LEFT * all;
    (errors, enough)
}

/// Median error and spread of all rays, half the interquartile range, so that what is off everywhere alike does not show.
pub fn whole(judges: &[Judge]) -> Option<[f64; 2]> {
    match left(judges.iter()) {
        (errors, true) => quartiles(errors),
        // Of a few that are left nothing is to be said.
        _ => quartiles(judges.iter().map(|j| j.error).collect()),
    }
}

/// The same of the rays about a violation, and by how much more all of it is off than the world, whose median error is `level`: a region of
/// depth that is wrong alike has no spread of its own. `None` where too few rays or views tell.
pub fn near_by(judges: &[Judge], level: f64, violation: &Violation, radius: f64) -> Option<f64> {
    let Location { x, y, z } = violation.location;
    let own = violation.size.iter().copied().fold(0.0, f64::max) / 2.0;
    let reach = own + NEAR_BY * radius;
    let about = |j: &&Judge| {
        let [dx, dy, dz] = [j.place[0] - x, j.place[1] - y, j.place[2] - z];
        dx * dx + dy * dy + dz * dz <= reach * reach
    };
    let near = judges.iter().filter(about);
    let views: std::collections::BTreeSet<usize> = near.clone().map(|j| j.view).collect();
    let (errors, enough) = left(near);
    if !enough || errors.len() < LEAST_RAYS || views.len() < LEAST_VIEWS {
        return None;
    }
    let [median, spread] = quartiles(errors)?;
    Some(spread + (median - level).abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::What;
    use crate::agent::inspect::tests::violation;

    /// Rays on a row along x, whose errors swing by `swing` about `off`.
    fn row(from: f64, count: usize, views: usize, off: f64, swing: f64) -> Vec<Judge> {
        (0..count)
            .map(|k| Judge {
                place: [from + k as f64 / count as f64, 0.0, 0.0],
                view: k % views,
                error: off + swing * (k % 5) as f64 - 2.0 * swing,
                stopped: false,
            })
            .collect()
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-9)
    }

    #[test]
    fn what_lies_about_a_violation_is_told_from_the_rest() {
        let pit = violation(What::Hole, [0.5, 0.0, 0.0], [1.0, 0.0, 1.0], 0.0);
        // A good place in a world that is rough three metres off; a radius of .25 reaches two metres.
        let mut judges = row(0.0, 400, 4, 0.0, 0.2);
        judges.extend(row(4.0, 1600, 4, 0.0, 2.0));
        let [level, spread] = whole(&judges).expect("rays");
        assert_eq!(level, 0.0);
        assert!(spread > 1.0, "{spread}");
        assert!(close(near_by(&judges, level, &pit, 0.25), 0.2));
        // A rough place is as rough as it is, and what is off alike shows.
        let far = violation(What::Hole, [4.5, 0.0, 0.0], [1.0, 0.0, 1.0], 0.0);
        assert!(close(near_by(&judges, level, &far, 0.25), 2.0));
        let shifted = row(0.0, 400, 4, 1.5, 0.2);
        assert!(close(near_by(&shifted, 0.0, &pit, 0.25), 1.7));
        // Too few rays, too few views, and nothing at all.
        assert_eq!(near_by(&row(0.0, 199, 4, 0.0, 0.2), 0.0, &pit, 0.25), None);
        assert_eq!(near_by(&row(0.0, 400, 2, 0.0, 0.2), 0.0, &pit, 0.25), None);
        assert_eq!(whole(&[]), None);
    }

    #[test]
    fn rays_that_a_told_solid_stops_do_not_count_unless_hardly_any_is_left() {
        let pit = violation(What::Hole, [0.5, 0.0, 0.0], [1.0, 0.0, 1.0], 0.0);
        let mut judges = row(0.0, 400, 4, 0.0, 0.2);
        let stopped = row(0.0, 800, 4, -9.0, 3.0);
        judges.extend(stopped.iter().map(|j| Judge {
            stopped: true,
            ..*j
        }));
        assert!(close(whole(&judges).map(|w| w[1]), 0.2));
        assert!(close(near_by(&judges, 0.0, &pit, 0.25), 0.2));
        // Under a tenth: all count, and about a place nothing is said.
        judges.extend(row(0.0, 8000, 4, -9.0, 3.0).iter().map(|j| Judge {
            stopped: true,
            ..*j
        }));
        assert!(whole(&judges).is_some_and(|w| w[1] > 2.0));
        assert_eq!(near_by(&judges, 0.0, &pit, 0.25), None);
    }
}
