//! Cameras that do not travel: they stand, or turn on the spot.
//!
//! Their flow holds no parallax, so a solve with free positions would fit noise and movers with them. All poses are put in one
//! place; rotations, the focal length where the camera turns enough, and the alignment of depth from frame to frame are solved for.

use super::super::{LEAST_PARALLAX, LEAST_TURN};
use super::*;

/// Parallax, as a multiple of [`LEAST_PARALLAX`], up to which poses in one place are tried.
const DOUBT: f64 = 8.0;
/// They are taken where residuals are larger by no more than this factor.
const AS_GOOD: f64 = 1.25;
/// Degrees of turn that tell the focal length.
const TELLS: f64 = 5.0;

impl Clip<'_> {
    /// Whether hardly anything moves, even over the widest pairs.
    pub(super) fn stands(&self, first: usize, last: usize, options: &SolveOptions) -> bool {
        let inside = || {
            let pairs = self.motion.pairs.iter();
            pairs.filter(|p| p.a >= first && p.b <= last)
        };
        let span = inside().map(|p| p.b - p.a).max().unwrap_or(0);
        let flow = inside()
            .filter(|p| p.b - p.a == span)
            .filter_map(|p| median_flow(&self.grid, p))
            .fold(0.0, f64::max);
        flow < options.min_flow
    }

    /// The run as one that stands.
    pub(super) fn standing(
        &self,
        first: usize,
        last: usize,
        options: &SolveOptions,
        monitor: &dyn Monitor,
    ) -> Result<Solved, CameraError> {
        let links: Vec<Link> = self.inside(first, last).cloned().collect();
        let setting = self.setting(&links, first, last);
        let (focal, source) = self.focal(options);
        let mut state = setting.start(self.frames, focal);
        aligned(&setting, &mut state, Freedom::Depth, monitor)?;
        Ok(self.in_one_place(Way::Stands, state, source, first, last))
    }

    /// The run with all poses in one place, where that explains the flow as well: the parallax is small, or what was solved does not
    /// explain it at all.
    pub(super) fn stilled(
        &self,
        solved: Solved,
        first: usize,
        last: usize,
        options: &SolveOptions,
        monitor: &dyn Monitor,
    ) -> Result<Solved, CameraError> {
        if solved.way != Way::Travels {
            return Ok(solved);
        }
        let good = |solved: &Solved| {
            let linked = || self.explained(&solved.linked, first, last);
            solved.held_out.or_else(linked)
        };
        let enough =
            |fit: Option<Judged>| fit.is_some_and(|f| f.under_2px >= options.min_under_2px);
        let parallax = self.parallax(&solved.state, first, last);
        let own = good(&solved);
        if enough(own) && parallax >= DOUBT * LEAST_PARALLAX {
            return Ok(solved);
        }
        let still = self.turning(first, last, options, monitor)?;
        let other = good(&still);
        tracing::debug!(parallax, ?own, ?other, "in one place");
        let taken = match (enough(own), own.zip(other)) {
            (true, Some((own, other))) => {
                parallax < LEAST_PARALLAX || other.median <= AS_GOOD * own.median
            }
            _ => enough(other),
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
        let links: Vec<Link> = self.inside(first, last).cloned().collect();
        let setting = self.setting(&links, first, last);
        let (focal, mut source) = self.focal(options);
        let mut state = setting.register(self.frames, focal, Freedom::Turn, monitor)?;
        aligned(&setting, &mut state, Freedom::Turn, monitor)?;
        let turn = super::focal::rotation(&setting, &state).to_degrees();
        if turn < LEAST_TURN {
            return self.standing(first, last, options, monitor);
        }
        if turn >= TELLS && source == FocalSource::Prior {
            let mut free = state.clone();
            setting.held(&mut free, Freedom::Turn, true, 1.0, 30, monitor)?;
            let ratio = free.focal / self.grid.width as f64;
            if super::focal::POSSIBLE.contains(&ratio) {
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
            held_out: self.judged(&state, first, last),
            state,
            focal_source,
            notes: vec![format!("{words}, whose depth is the network's alone")],
        }
    }
}

fn aligned(
    setting: &Setting<'_>,
    state: &mut State,
    freedom: Freedom,
    monitor: &dyn Monitor,
) -> Result<(), CameraError> {
    for (cauchy, iterations) in [(8.0, 6), (3.0, 8), (1.0, 30)] {
        setting.held(state, freedom, false, cauchy, iterations, monitor)?;
    }
    Ok(())
}
