//! Looks at a state by its tracks: what those that took no part say of it, each frame's share of it, and the points.

use glam::DVec3;
use rayon::prelude::*;

use super::super::bundle::State;
use super::super::residual::{MIN_INVERSE, Residual, View, residual};
use super::super::tracks::Track;
use super::{Structure, at, observation};

/// Pixels at a width of 640 within which an observation fits.
const FITS: f64 = 2.0;
/// Frames beside its own in which a point is to be seen where it should.
const FEWEST: usize = 2;

/// The network's inverse depth of a track, aligned.
pub(super) fn aligned(view: &View, track: &Track) -> f64 {
    (view.scale * track.depth + view.shift).max(2.0 * MIN_INVERSE)
}

/// A place where a frame sees a track.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Place {
    /// Distance in pixels at a width of 640 to where the solve has it; infinite where that has no meaning.
    pub error: f64,
    /// Pixels at a width of 640 by which the camera's travel moves it, by the network's depth.
    pub travel: f64,
    /// Pixels at a width of 640 by which the pictures move it, the camera's turn apart.
    pub moves: f64,
}

/// A point as the solve has it.
pub(in super::super) struct Found {
    pub frame: usize,
    /// Where its own frame sees it, as in [`Track::from`].
    pub from: glam::DVec2,
    /// In the gauge of the solve, camera coordinates of no frame.
    pub position: DVec3,
    /// Frames that see it where it should be.
    pub views: usize,
    /// Root mean square distance in pixels at a width of 640, over these.
    pub error: f64,
}

/// What came of all tracks.
pub(in super::super) struct Examined {
    pub points: Vec<Found>,
    /// Observations of each frame of the clip that fit, and all of them.
    pub frames: Vec<[u32; 2]>,
}

impl Structure<'_> {
    /// The places where held-out tracks are seen, their own depth fitted to the solve.
    pub fn held_out(&self, state: &State) -> Vec<Place> {
        let each: Vec<Vec<Place>> = self
            .fans()
            .map(|(_, fan)| {
                let mut places = Vec::new();
                for track in &fan.held_out {
                    let rho = self.fitted(state, fan.frame, track);
                    let view = &state.views[fan.frame];
                    let own = at(view, rho);
                    let network = at(view, aligned(view, track));
                    for seen in track.seen.iter().filter(|s| self.inside(s.frame)) {
                        let other = &state.views[seen.frame];
                        let o = observation(track, seen);
                        let r = residual(&own, other, state.focal, &o);
                        let mut unmoved = *other;
                        unmoved.translation =
                            other.rotation * view.rotation.transpose() * view.translation;
                        let [moved, turned] =
                            [other, &unmoved].map(|to| residual(&network, to, state.focal, &o));
                        let off =
                            |r: &Option<Residual>| r.as_ref().map(|r| r.pixel.length() / self.unit);
                        let error = off(&r).unwrap_or(f64::INFINITY);
                        // What lies behind a camera that only turned tells of no motion.
                        let moves = off(&turned).unwrap_or(0.0);
                        let travel = match moved.zip(turned) {
                            Some((m, t)) => (m.pixel - t.pixel).length() / self.unit,
                            None => f64::INFINITY,
                        };
                        places.push(Place {
                            error,
                            travel,
                            moves,
                        });
                    }
                }
                places
            })
            .collect();
        each.concat()
    }

    /// The inverse depth by which a track costs the least, near the network's.
    fn fitted(&self, state: &State, frame: usize, track: &Track) -> f64 {
        let view = &state.views[frame];
        let start = aligned(view, track);
        let cost = |rho: f64| {
            self.point_cost(state, frame, track, rho) + self.depth_cost(state, frame, track, rho)
        };
        // A walk over shares of it, then ever finer.
        let (mut best, mut least, mut width) = (start, cost(start), 0.2f64);
        for _ in 0..9 {
            for k in -3..=3 {
                let rho = best * (f64::from(k) * width).exp();
                let c = cost(rho);
                if c < least {
                    (best, least) = (rho, c);
                }
            }
            width *= 0.45;
        }
        best
    }

    /// All tracks, each at the depth that fits it.
    pub fn examined(&self, state: &State) -> Examined {
        let each: Vec<Examined> = self.fans().map(|(_, fan)| self.fan(state, fan)).collect();
        let mut all = Examined {
            points: Vec::new(),
            frames: vec![[0; 2]; state.views.len()],
        };
        for one in each {
            all.points.extend(one.points);
            for (sum, [good, seen]) in all.frames.iter_mut().zip(one.frames) {
                *sum = [sum[0] + good, sum[1] + seen];
            }
        }
        all
    }

    fn fan(&self, state: &State, fan: &super::Fan) -> Examined {
        let mut found = Examined {
            points: Vec::new(),
            frames: vec![[0; 2]; state.views.len()],
        };
        let view = &state.views[fan.frame];
        for track in fan.tracks.iter().chain(&fan.held_out) {
            let rho = self.fitted(state, fan.frame, track);
            let own = at(view, rho);
            let (mut views, mut sum) = (0usize, 0.0);
            for seen in track.seen.iter().filter(|s| self.inside(s.frame)) {
                let other = &state.views[seen.frame];
                let r = residual(&own, other, state.focal, &observation(track, seen));
                let error = r.map_or(f64::INFINITY, |r| r.pixel.length() / self.unit);
                for frame in [fan.frame, seen.frame] {
                    found.frames[frame][0] += u32::from(error < FITS);
                    found.frames[frame][1] += 1;
                }
                if error < FITS {
                    (views, sum) = (views + 1, sum + error * error);
                }
            }
            if views < FEWEST || rho <= 2.0 * MIN_INVERSE {
                continue;
            }
            let ray = (track.from / state.focal).extend(1.0);
            let position = view.rotation.transpose() * (ray / rho - view.translation);
            found.points.push(Found {
                frame: fan.frame,
                from: track.from,
                position,
                views: views + 1,
                error: (sum / views as f64).sqrt(),
            });
        }
        found
    }
}
