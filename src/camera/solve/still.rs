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
        let [middle, share] = self.explained(&solved.linked, first, last);
        let parallax = self.parallax(&solved.state, first, last);
        let explained = share >= options.min_under_2px;
        if explained && parallax >= DOUBT * LEAST_PARALLAX {
            return Ok(solved);
        }
        let still = self.turning(first, last, options, monitor)?;
        let [other, its_share] = self.explained(&still.linked, first, last);
        tracing::debug!(parallax, middle, share, other, its_share, "in one place");
        let taken = match explained {
            true => parallax < LEAST_PARALLAX || other <= AS_GOOD * middle,
            false => its_share >= options.min_under_2px,
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

    /// Median residual in pixels at a width of 640, and the share under 2 px.
    fn explained(&self, state: &State, first: usize, last: usize) -> [f64; 2] {
        let mut errors: Vec<f64> = self.errors(state, first, last).map(|(_, e)| e).collect();
        let good = errors.iter().filter(|e| **e < 2.0).count() as f64;
        let share = good / errors.len().max(1) as f64;
        [median(&mut errors).unwrap_or(f64::INFINITY), share]
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
