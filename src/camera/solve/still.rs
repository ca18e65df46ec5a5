//! Cameras that do not travel: they stand, or turn on the spot.
//!
//! Their flow holds no parallax, so a solve with free positions would fit noise and movers with them. All poses are put in one
//! place; rotations, the focal length where the camera turns enough, and the alignment of depth from frame to frame are solved for.

use super::super::residual::degrees;
use super::super::{LEAST_PARALLAX, LEAST_TURN};
use super::*;

/// Parallax, as a multiple of [`LEAST_PARALLAX`], up to which poses in one place are tried.
const DOUBT: f64 = 8.0;
/// They are taken where residuals are larger by no more than this factor.
const AS_GOOD: f64 = 1.25;
/// Degrees of turn that tell the focal length.
const TELLS: f64 = 5.0;

impl Clip<'_> {
    /// Whether hardly anything moves, even over the widest pairs whose flow holds.
    pub(super) fn stands(&self, first: usize, last: usize, options: &SolveOptions) -> bool {
        let inside = || {
            let pairs = self.motion.pairs.iter();
            pairs.filter(|p| p.a >= first && p.b <= last && !self.blank[p.a] && !self.blank[p.b])
        };
        let mut spans: Vec<usize> = inside().map(|p| p.b - p.a).collect();
        spans.sort_unstable();
        spans.dedup();
        let over = |span: usize| {
            let flows = inside().filter(|p| p.b - p.a == span);
            let flows = flows.filter_map(|p| median_flow(&self.grid, p, self.overlay));
            flows.reduce(f64::max)
        };
        let flow = spans.into_iter().rev().find_map(over);
        flow.is_some_and(|flow| flow < options.min_flow)
    }

    /// The run as one that stands.
    pub(super) fn standing(
        &self,
        first: usize,
        last: usize,
        options: &SolveOptions,
        monitor: &dyn Monitor,
    ) -> Result<Solved, CameraError> {
        let setting = self.setting(first, last);
        let (focal, source) = self.focal(options);
        let mut state = setting.start(self.frames, focal);
        aligned(&setting, &mut state, Freedom::Depth, monitor)?;
        Ok(self.in_one_place(Way::Stands, state, source, first, last))
    }

    /// The run with all poses in one place, where that explains as well what the travel of `solved` moves: hardly anything, or what
    /// poses in one place have where it is too. Far things fit every travel, and none.
    pub(super) fn stilled(
        &self,
        solved: Solved,
        first: usize,
        last: usize,
        options: &SolveOptions,
        monitor: &dyn Monitor,
    ) -> Result<Solved, CameraError> {
        let gate = options.min_under_2px;
        let own = solved.held_out;
        let own = own.or_else(|| self.explained(&solved.linked, first, last));
        let enough = own.is_some_and(|own| own.under_2px >= gate)
            && self.little_explained(&solved, first, last).is_none();
        let parallax = self.parallax(&solved.state, first, last);
        if enough && parallax >= DOUBT * LEAST_PARALLAX {
            return Ok(solved);
        }
        let still = self.turning(first, last, options, monitor)?;
        // The same tracks and frames in the same order.
        let structure = self.structure(first, last, 1.0, false);
        let places = structure.held_out(&solved.state);
        let others = structure.held_out(&still.state);
        let beside: Vec<[Place; 2]> = places
            .into_iter()
            .zip(others)
            .map(|(own, other)| {
                let travel = own.travel;
                [own, Place { travel, ..other }]
            })
            .collect();
        let moved = beside
            .iter()
            .filter(|[own, _]| own.travel >= LEAST_PARALLAX);
        let moves = moved.count() * FEW_TELL >= beside.len() && parallax > 0.0;
        let errors = |which: usize| {
            let places: Vec<Place> = beside.iter().map(|two| two[which]).collect();
            let told = telling(&places, |p| p.travel >= LEAST_PARALLAX)
                .unwrap_or_else(|| places.iter().collect());
            Judged::all(told.iter().map(|p| p.error))
                .map_or((f64::INFINITY, 0.0), |j| (j.median, j.under_2px))
        };
        let ((middle, share), (other, its_share)) = (errors(0), errors(1));
        tracing::debug!(
            parallax,
            moves,
            middle,
            share,
            other,
            its_share,
            "in one place"
        );
        let taken = match (beside.len() < MIN_PLACES, enough) {
            // No tracks judge: the flow does.
            (true, true) => parallax < LEAST_PARALLAX,
            (true, false) => {
                let its = self.explained(&still.linked, first, last);
                its.is_some_and(|its| its.under_2px >= gate)
            }
            (false, true) => !moves || other <= AS_GOOD * middle,
            (false, false) => its_share >= gate,
        };
        Ok(if taken { still } else { solved })
    }

    /// The run as one that turns on the spot, or stands.
    fn turning(
        &self,
        first: usize,
        last: usize,
        options: &SolveOptions,
        monitor: &dyn Monitor,
    ) -> Result<Solved, CameraError> {
        let setting = self.setting(first, last);
        let (focal, mut source) = self.focal(options);
        let mut state = setting.register(self.frames, focal, Freedom::Turn, monitor)?;
        aligned(&setting, &mut state, Freedom::Turn, monitor)?;
        let turn = farthest(&state.views[first..=last]);
        if turn < LEAST_TURN {
            return self.standing(first, last, options, monitor);
        }
        if turn >= TELLS && source == FocalSource::Prior {
            let mut free = state.clone();
            setting.held(&mut free, Freedom::Turn, true, 1.0, 30, monitor)?;
            let ratio = free.focal / self.grid.width as f64;
            let [own, other] = [&state, &free].map(|s| self.judged(s, Way::Turns, first, last));
            let worse = own
                .zip(other)
                .is_some_and(|(own, other)| other.median > LEAD * own.median);
            if super::focal::POSSIBLE.contains(&ratio) && !worse {
                (state, source) = (free, FocalSource::Estimated);
            }
        }
        Ok(self.in_one_place(Way::Turns, state, source, first, last))
    }

    fn in_one_place(
        &self,
        way: Way,
        state: State,
        focal_source: FocalSource,
        first: usize,
        last: usize,
    ) -> Solved {
        let words = match way {
            Way::Turns => {
                "the camera turns on the spot: what is built is a panorama from one place"
            }
            _ => "the camera stands: what is built is one view",
        };
        Solved {
            way,
            linked: state.clone(),
            held_out: self.judged(&state, way, first, last),
            state,
            focal_source,
            drifts: false,
            notes: vec![match self.alignment.scale_sigma > 0.0 {
                true => format!("{words}, whose depth is the network's alone"),
                false => words.to_owned(),
            }],
        }
    }
}

/// Degrees between the two orientations farthest apart.
fn farthest(views: &[View]) -> f64 {
    let pairs = views.iter().flat_map(|a| views.iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| degrees(&a.rotation, &b.rotation))
        .fold(0.0, f64::max)
}

fn aligned(
    setting: &Setting,
    state: &mut State,
    freedom: Freedom,
    monitor: &dyn Monitor,
) -> Result<(), CameraError> {
    for (cauchy, iterations) in [(8.0, 6), (3.0, 8), (1.0, 30)] {
        setting.held(state, freedom, false, cauchy, iterations, monitor)?;
    }
    Ok(())
}
