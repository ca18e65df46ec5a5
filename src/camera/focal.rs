//! Finds the focal length from the cost of a sweep, or says that the clip does not tell it.

use super::CameraError;
use super::bundle::State;
use super::init::Setting;
use super::residual::degrees;
use super::structure::{Depths, Structure};
use crate::monitor::Monitor;

/// Focal lengths that are tried, over the image's width.
const SWEEP: [f64; 7] = [0.6, 0.71, 0.85, 1.0, 1.19, 1.42, 1.7];
/// Focal lengths over the image's width that are believed.
pub(super) const POSSIBLE: std::ops::RangeInclusive<f64> = SWEEP[0]..=SWEEP[SWEEP.len() - 1];
/// The cost at both ends of the sweep must be higher than at its minimum by this share.
const CLEAR: f64 = 0.05;
/// From its start to its end the cost falls by this share where nothing tells depth: by 2.6 and 4.5% on drifting clouds.
const FALLS: f64 = 0.02;
/// A focal length that is given is held against those shorter and longer by this factor.
const OTHER: f64 = 1.2;
/// Usual focal lengths over the image's width, which are tried too where the given one is far from them.
const USUAL: [f64; 2] = [SWEEP[2], SWEEP[4]];
/// Cauchy scale of the last adjustment, in pixels at a width of 640. On tuning takes the path's
/// error is 1.3 to 1.6 times as large at 1 px.
const SURE: f64 = 0.4;
/// Rotation that the sweep needs, in degrees.
const ROTATION: f64 = 3.0;

/// What the sweep showed.
pub(super) struct Sweep {
    /// The state at the prior focal length, its points adjusted.
    pub held: State,
    /// That at the focal length which the clip tells, where its minimum is clear.
    pub told: Option<State>,
    /// Whether the longer the focal length the better it fits: nothing tells depth.
    pub flat: bool,
    /// What a person should know.
    pub note: String,
}

/// What a person should know where a focal length is told and not used.
pub(super) const WITHOUT: &str = "the clip tells a focal length by which tracks that were held out fit worse; the prior was kept, so depth along the view may be stretched";

/// The points adjusted with the frames, at a focal length that is held; the cost, and what came of it.
pub(super) fn adjusted<'s>(
    points: &dyn Fn(f64, bool) -> Structure<'s>,
    mut state: State,
    monitor: &dyn Monitor,
) -> Result<(f64, State, Depths), CameraError> {
    let mut depths = points(1.0, false).start(&state);
    let mut cost = f64::INFINITY;
    for (cauchy, iterations) in [(3.0, 5), (SURE, 12)] {
        cost = points(cauchy, false).solve(&mut state, &mut depths, iterations, monitor)?;
    }
    Ok((cost, state, depths))
}

/// Sweeps the focal length from a state solved at the prior, and refines it where the clip tells it. `points` makes the
/// adjustment with a Cauchy scale, and the focal length free or not.
pub(super) fn sweep<'s>(
    setting: &Setting,
    points: &dyn Fn(f64, bool) -> Structure<'s>,
    prior: &State,
    width: f64,
    monitor: &dyn Monitor,
) -> Result<Sweep, CameraError> {
    let start = prior.focal / width;
    let mut tried: Vec<Option<(f64, State, Depths)>> = vec![None; SWEEP.len()];
    let split = SWEEP.partition_point(|&f| f < start);
    // Away from the prior on both sides, each from its neighbour's solution.
    let walks: [Vec<usize>; 2] = [(split..SWEEP.len()).collect(), (0..split).rev().collect()];
    for walk in walks {
        let mut state = prior.clone();
        for k in walk {
            state.focal = SWEEP[k] * width;
            setting.joint(&mut state, setting.last, false, 2.0, 8, monitor)?;
            tried[k] = Some(adjusted(points, state.clone(), monitor)?);
        }
    }
    let costs: Vec<f64> = tried
        .iter()
        .map(|t| t.as_ref().map_or(f64::INFINITY, |t| t.0))
        .collect();
    tracing::debug!(?costs, "focal sweep");
    let (_, held, _) = adjusted(points, prior.clone(), monitor)?;
    let best = (0..costs.len())
        .min_by(|&a, &b| costs[a].total_cmp(&costs[b]))
        .unwrap_or(0);
    let rise = |k: usize| costs[k] / costs[best] - 1.0;
    let turned = rotation(setting, prior);
    let interior = best > 0 && best + 1 < SWEEP.len();
    let lowest_rise = match interior {
        true => rise(0).min(rise(SWEEP.len() - 1)),
        false => 0.0,
    };
    let shape = format!(
        "the cost of f/width {:.2} to {:.2} rises by {:.1}% and {:.1}% towards the ends of its minimum at {:.2}, and the camera turns by {turned:.1} degrees",
        SWEEP[0],
        SWEEP[SWEEP.len() - 1],
        rise(0) * 100.0,
        rise(SWEEP.len() - 1) * 100.0,
        SWEEP[best]
    );
    if interior
        && lowest_rise >= CLEAR
        && turned >= ROTATION
        && let Some((_, mut refined, mut depths)) = tried[best].clone()
    {
        points(SURE, true).solve(&mut refined, &mut depths, 30, monitor)?;
        let ratio = refined.focal / width;
        if (SWEEP[best - 1]..=SWEEP[best + 1]).contains(&ratio) {
            return Ok(Sweep {
                held,
                told: Some(refined),
                flat: false,
                note: format!("focal length estimated: {shape}"),
            });
        }
    }
    Ok(Sweep {
        held,
        told: None,
        flat: falls(&costs),
        note: format!(
            "the clip does not tell the focal length ({shape}); the prior was kept, so depth along the view may be stretched"
        ),
    })
}

/// What a person should know of a focal length that was given, solved for in `given` at this cost, where a shorter or a longer
/// one fits clearly better and the camera turns enough to tell.
pub(super) fn doubted<'s>(
    setting: &Setting,
    points: &dyn Fn(f64, bool) -> Structure<'s>,
    given: &State,
    (cost, width): (f64, f64),
    monitor: &dyn Monitor,
) -> Result<Option<String>, CameraError> {
    if rotation(setting, given) < ROTATION {
        return Ok(None);
    }
    // Near ones, from the solve that is there; and usual ones, which one that is far off does not lead to.
    let mut tried: Vec<f64> = vec![given.focal / OTHER, given.focal * OTHER];
    let usual = USUAL.map(|ratio| ratio * width);
    tried.extend(usual.iter().filter(|f| {
        let off = (*f / given.focal).ln().abs();
        off > 2.0 * OTHER.ln()
    }));
    let mut better: Option<(f64, f64)> = None;
    for focal in tried {
        let mut state = given.clone();
        state.focal = focal;
        setting.joint(&mut state, setting.last, false, 2.0, 8, monitor)?;
        let (other, ..) = adjusted(points, state, monitor)?;
        if other * (1.0 + CLEAR) < cost && better.is_none_or(|(least, _)| other < least) {
            better = Some((other, focal));
        }
    }
    Ok(better.map(|(other, focal)| {
        let off = 100.0 * (focal / given.focal - 1.0);
        format!(
            "a focal length {:.0}% {} than the one that was given fits the clip better (the cost is {:.0}% less): are the intrinsics those of these pictures?",
            off.abs(),
            if off < 0.0 { "shorter" } else { "longer" },
            100.0 * (1.0 - other / cost)
        )
    }))
}

/// Whether costs fall all along a sweep, and by more than noise.
fn falls(costs: &[f64]) -> bool {
    let down = costs.windows(2).all(|two| two[1] < two[0]);
    let ends = costs.first().zip(costs.last());
    down && ends.is_some_and(|(first, last)| *first >= (1.0 + FALLS) * last)
}

/// Degrees between the first camera and the one that is turned farthest from it.
pub(super) fn rotation(setting: &Setting, state: &State) -> f64 {
    let first = state.views[setting.first].rotation;
    state.views[setting.first..=setting.last]
        .iter()
        .map(|v| degrees(&first, &v.rotation))
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::falls;

    #[test]
    fn a_cost_falls_where_each_focal_length_fits_better_than_the_shorter() {
        assert!(falls(&[1.045, 1.03, 1.02, 1.01, 1.005, 1.001, 1.0]));
        assert!(
            !falls(&[1.019, 1.015, 1.01, 1.008, 1.005, 1.001, 1.0]),
            "noise"
        );
        assert!(
            !falls(&[1.045, 1.03, 1.031, 1.01, 1.005, 1.001, 1.0]),
            "a bump"
        );
        assert!(
            !falls(&[1.1, 1.05, 1.0, 1.01, 1.02, 1.03, 1.04]),
            "a minimum"
        );
        assert!(!falls(&[f64::INFINITY; 7]) && !falls(&[]));
    }
}
