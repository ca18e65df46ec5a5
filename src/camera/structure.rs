//! Adjusts poses, depth alignments and the focal length together with the depth of every point, which many frames see.
//!
//! Depth from a network bends by some percent from place to place. Where a point is seen with parallax its depth is told by
//! the frames themselves, and the network's value is a prior of that width. Each point has one unknown, its inverse depth,
//! which is eliminated (Schur complement; Triggs et al., "Bundle Adjustment - A Modern Synthesis", 2000, section 6.1).

use rayon::prelude::*;

use super::CameraError;
use super::bundle::{Alignment, State};
use super::envelope::Envelope;
use super::residual::{COLUMNS, MIN_INVERSE, Observation, View, cauchy, linearise, residual};
use super::tracks::{Fan, Seen, Track};
use crate::monitor::Monitor;

mod examine;

pub(super) use examine::{Found, Place};

/// Unknowns of a frame: rotation, translation, scale, shift.
const PER_FRAME: usize = 8;
/// To which share of its value over the prior's shift a depth camera's inverse depth is right, and a network's.
const SENSOR: f64 = 0.015;
const NETWORK: f64 = 0.1;
/// Least of that shift, of the clip's median.
const FLOOR: f64 = 0.3;
/// Least scale: near 0 a prior in the network's own units would be meaningless.
const LEAST_SCALE: f64 = 0.02;
/// Cauchy scale of the prior, in its sigmas.
const DEPTH_CAUCHY: f64 = 2.0;

/// One adjustment over the frames `first ..= last`.
pub(super) struct Structure<'a> {
    pub fans: &'a [Fan],
    pub first: usize,
    pub last: usize,
    pub alignment: Alignment,
    pub free_focal: bool,
    /// Cauchy scale of the reprojection error, in pixels of the motion size.
    pub cauchy: f64,
    /// Pixels of the motion size per pixel at a width of 640.
    pub unit: f64,
}

/// Inverse depths of the tracks, fan by fan, in their own frames.
pub(super) type Depths = Vec<Vec<f64>>;

/// What one fan adds to the normal equations once its points are eliminated.
struct Block {
    /// Places of the unknowns in the whole.
    places: Vec<usize>,
    h: Vec<f64>,
    g: Vec<f64>,
}

/// What elimination left of a point: its own curvature and gradient, and its row of the whole.
struct Kept {
    curvature: f64,
    gradient: f64,
    row: Vec<f64>,
}

fn observation(track: &Track, seen: &Seen) -> Observation {
    Observation {
        from: track.from,
        to: seen.at,
        depth_from: 0.0,
        depth_to: f64::NAN,
        relief_to: 1.0,
    }
}

fn at(view: &View, rho: f64) -> View {
    View {
        scale: 0.0,
        shift: rho,
        ..*view
    }
}

impl Structure<'_> {
    fn inside(&self, frame: usize) -> bool {
        (self.first..=self.last).contains(&frame)
    }

    fn fans(&self) -> impl ParallelIterator<Item = (usize, &Fan)> + '_ {
        let inside: Vec<(usize, &Fan)> = self
            .fans
            .iter()
            .enumerate()
            .filter(|(_, f)| self.inside(f.frame))
            .collect();
        inside.into_par_iter()
    }

    /// The network's inverse depths, aligned as the state has it.
    pub fn start(&self, state: &State) -> Depths {
        let of = |fan: &Fan| {
            let view = &state.views[fan.frame];
            fan.tracks
                .iter()
                .map(|t| examine::aligned(view, t))
                .collect()
        };
        self.fans.iter().map(of).collect()
    }

    /// What an observation costs that has no meaning.
    fn lost(&self) -> f64 {
        let far = 30.0 * self.cauchy;
        cauchy(far * far, self.cauchy).0 / (self.unit * self.unit)
    }

    /// How far a point's depth is from the network's, in its sigmas, with the derivatives by the depth, the view's scale and its
    /// shift. It is told in the network's own units, so that scaling the scene down or flattening it gains nothing.
    fn depth_error(&self, view: &View, track: &Track, rho: f64) -> (f64, [f64; 3]) {
        let share = match self.alignment.scale_sigma > 0.0 {
            true => NETWORK,
            false => SENSOR,
        };
        let scale = view.scale.max(LEAST_SCALE);
        let by = 1.0 / (scale * share * (track.depth.max(0.0) + self.alignment.ratio.max(FLOOR)));
        let e = (rho - view.scale * track.depth - view.shift) * by;
        let grown = if view.scale > LEAST_SCALE {
            e / scale
        } else {
            0.0
        };
        (e, [by, -track.depth * by - grown, -by])
    }

    fn point_cost(&self, state: &State, frame: usize, track: &Track, rho: f64) -> f64 {
        let own = at(&state.views[frame], rho);
        let mut cost = 0.0;
        for seen in track.seen.iter().filter(|s| self.inside(s.frame)) {
            let other = &state.views[seen.frame];
            cost += seen.weight
                * match residual(&own, other, state.focal, &observation(track, seen)) {
                    Some(r) => {
                        cauchy(r.pixel.length_squared(), self.cauchy).0 / (self.unit * self.unit)
                    }
                    None => self.lost(),
                };
        }
        cost
    }

    fn depth_cost(&self, state: &State, frame: usize, track: &Track, rho: f64) -> f64 {
        let (e, _) = self.depth_error(&state.views[frame], track, rho);
        cauchy(e * e, DEPTH_CAUCHY).0
    }

    fn cost(&self, state: &State, depths: &Depths) -> f64 {
        let parts: Vec<f64> = self
            .fans()
            .map(|(k, fan)| {
                let points = fan.tracks.iter().zip(&depths[k]);
                points
                    .map(|(t, &rho)| {
                        self.point_cost(state, fan.frame, t, rho)
                            + self.depth_cost(state, fan.frame, t, rho)
                    })
                    .sum()
            })
            .collect();
        let prior: f64 = state.views[self.first..=self.last]
            .iter()
            .flat_map(|v| self.alignment.prior(v))
            .map(|(value, _)| 0.5 * value * value)
            .sum();
        parts.iter().sum::<f64>() + prior
    }

    /// Where the unknowns of a frame lie: pose (none in the first frame, which holds the gauge), scale and shift.
    fn places(&self) -> (Vec<[Option<usize>; PER_FRAME]>, Option<usize>, usize) {
        let mut count = 0;
        let mut next = |free: bool| {
            free.then(|| {
                count += 1;
                count - 1
            })
        };
        let places = (0..=self.last)
            .map(|frame| {
                std::array::from_fn(|k| {
                    next(match k {
                        0..6 => self.inside(frame) && frame != self.first,
                        6 => self.inside(frame) && self.alignment.scale_sigma > 0.0,
                        _ => self.inside(frame) && self.alignment.ratio_sigma > 0.0,
                    })
                })
            })
            .collect();
        let focal = next(self.free_focal);
        (places, focal, count)
    }

    fn block(
        &self,
        state: &State,
        fan: &Fan,
        depths: &[f64],
        (places, focal): (&[[Option<usize>; PER_FRAME]], Option<usize>),
    ) -> (Block, Vec<Kept>) {
        // The fan's own list of unknowns.
        let mut frames: Vec<usize> = fan
            .tracks
            .iter()
            .flat_map(|t| t.seen.iter().map(|s| s.frame))
            .filter(|f| self.inside(*f))
            .collect();
        frames.push(fan.frame);
        frames.sort_unstable();
        frames.dedup();
        let mut list: Vec<usize> = Vec::new();
        for &f in &frames {
            let own = if f == fan.frame { PER_FRAME } else { 6 };
            list.extend(places[f][..own].iter().flatten());
        }
        list.extend(focal);
        let n = list.len();
        let local = |place: Option<usize>| place.and_then(|p| list.binary_search(&p).ok());
        let of: Vec<(usize, [Option<usize>; PER_FRAME])> =
            frames.iter().map(|&f| (f, places[f].map(local))).collect();
        let of = |frame: usize| {
            of.binary_search_by_key(&frame, |o| o.0)
                .map_or([None; PER_FRAME], |k| of[k].1)
        };
        let own = of(fan.frame);
        let focal = local(focal);
        let mut block = Block {
            places: list.clone(),
            h: vec![0.0; n * (n + 1) / 2],
            g: vec![0.0; n],
        };
        let mut kept = Vec::with_capacity(fan.tracks.len());
        let mut rows = [[0.0; COLUMNS]; 3];
        for (track, &rho) in fan.tracks.iter().zip(depths) {
            let mut point = Kept {
                curvature: 0.0,
                gradient: 0.0,
                row: vec![0.0; n],
            };
            let view = at(&state.views[fan.frame], rho);
            for seen in track.seen.iter().filter(|s| self.inside(s.frame)) {
                let other = &state.views[seen.frame];
                let o = observation(track, seen);
                let Some(r) = linearise(&view, other, state.focal, &o, &mut rows) else {
                    continue;
                };
                let weight = seen.weight * cauchy(r.pixel.length_squared(), self.cauchy).1
                    / (self.unit * self.unit);
                let there = of(seen.frame);
                let columns = (0..6)
                    .map(|a| (own[a], a))
                    .chain((0..6).map(|a| (there[a], 8 + a)))
                    .chain([(focal, 16)]);
                let columns: Vec<(usize, usize)> =
                    columns.filter_map(|(p, c)| Some((p?, c))).collect();
                for (row, value) in rows[..2].iter().zip([r.pixel.x, r.pixel.y]) {
                    let by_depth = row[7];
                    point.curvature += weight * by_depth * by_depth;
                    point.gradient += weight * by_depth * value;
                    for &(a, ca) in &columns {
                        let scaled = weight * row[ca];
                        block.g[a] += scaled * value;
                        point.row[a] += scaled * by_depth;
                        for &(b, cb) in columns.iter().filter(|c| c.0 <= a) {
                            block.h[a * (a + 1) / 2 + b] += scaled * row[cb];
                        }
                    }
                }
            }
            let (e, [by_depth, by_scale, by_shift]) =
                self.depth_error(&state.views[fan.frame], track, rho);
            let weight = cauchy(e * e, DEPTH_CAUCHY).1;
            let by = [(own[6], by_scale), (own[7], by_shift)];
            point.curvature += weight * by_depth * by_depth;
            point.gradient += weight * by_depth * e;
            for (a, da) in by {
                let Some(a) = a else { continue };
                block.g[a] += weight * da * e;
                point.row[a] += weight * da * by_depth;
                for (b, db) in by {
                    if let Some(b) = b.filter(|b| *b <= a) {
                        block.h[a * (a + 1) / 2 + b] += weight * da * db;
                    }
                }
            }
            // Its depth as the rest would have it.
            let inverse = 1.0 / point.curvature.max(1e-12);
            let touched: Vec<usize> = (0..n).filter(|&a| point.row[a] != 0.0).collect();
            for (k, &a) in touched.iter().enumerate() {
                let scaled = point.row[a] * inverse;
                block.g[a] -= scaled * point.gradient;
                for &b in &touched[..=k] {
                    block.h[a * (a + 1) / 2 + b] -= scaled * point.row[b];
                }
            }
            kept.push(point);
        }
        (block, kept)
    }

    /// Lowers the cost in place; returns it.
    pub fn solve(
        &self,
        state: &mut State,
        depths: &mut Depths,
        iterations: usize,
        monitor: &dyn Monitor,
    ) -> Result<f64, CameraError> {
        let (places, focal, count) = self.places();
        let mut cost = self.cost(state, depths);
        let mut lambda = 1e-4;
        for _ in 0..iterations {
            if monitor.stopped() {
                return Err(CameraError::Interrupted);
            }
            let blocks: Vec<(usize, Block, Vec<Kept>)> = self
                .fans()
                .map(|(k, fan)| {
                    let (block, kept) = self.block(state, fan, &depths[k], (&places, focal));
                    (k, block, kept)
                })
                .collect();
            let mut matrix = Envelope::new(self.rows(&places, &blocks, count));
            let mut gradient = vec![0.0; count];
            for (_, block, _) in &blocks {
                for (a, &row) in block.places.iter().enumerate() {
                    gradient[row] += block.g[a];
                    for (b, &column) in block.places[..=a].iter().enumerate() {
                        matrix.add(row, column, block.h[a * (a + 1) / 2 + b]);
                    }
                }
            }
            for frame in self.first..=self.last {
                for (value, by) in self.alignment.prior(&state.views[frame]) {
                    for (a, da) in [(6, by[0]), (7, by[1])] {
                        let Some(row) = places[frame][a] else {
                            continue;
                        };
                        gradient[row] += value * da;
                        for (b, db) in [(6, by[0]), (7, by[1])] {
                            if let Some(column) = places[frame][b].filter(|c| *c <= row) {
                                matrix.add(row, column, da * db);
                            }
                        }
                    }
                }
            }
            let mut improved = false;
            for _ in 0..6 {
                if monitor.stopped() {
                    return Err(CameraError::Interrupted);
                }
                let mut damped = matrix.clone();
                for row in 0..count {
                    let d = damped.diagonal(row);
                    damped.add(row, row, lambda * d.max(0.0) + 1e-9);
                }
                let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
                if damped.solve(&mut step) {
                    let next = self.stepped(state, &places, focal, &step);
                    let mut moved = depths.clone();
                    for (k, block, kept) in &blocks {
                        for (rho, point) in moved[*k].iter_mut().zip(kept) {
                            let along: f64 = block
                                .places
                                .iter()
                                .zip(&point.row)
                                .map(|(&p, r)| r * step[p])
                                .sum();
                            let change = -(point.gradient + along) / point.curvature.max(1e-12);
                            // No farther than to a third or three times of it at once.
                            *rho = (*rho + change)
                                .clamp(*rho / 3.0, *rho * 3.0)
                                .max(2.0 * MIN_INVERSE);
                        }
                    }
                    let next_cost = self.cost(&next, &moved);
                    if next_cost < cost {
                        let gain = (cost - next_cost) / cost.max(1e-12);
                        (*state, *depths, cost) = (next, moved, next_cost);
                        lambda = (lambda * 0.2).max(1e-9);
                        improved = gain > 1e-6;
                        break;
                    }
                }
                lambda = (lambda * 8.0).min(1e6);
            }
            if !improved {
                break;
            }
        }
        Ok(cost)
    }

    /// The first column of each row of the whole: frames touch those that their tracks reach.
    fn rows(
        &self,
        places: &[[Option<usize>; PER_FRAME]],
        blocks: &[(usize, Block, Vec<Kept>)],
        count: usize,
    ) -> Vec<usize> {
        let mut first: Vec<usize> = (0..count).collect();
        for (_, block, _) in blocks {
            let low = block.places.first().copied().unwrap_or(0);
            for &place in &block.places {
                first[place] = first[place].min(low);
            }
        }
        // Scale and shift of a frame without tracks touch by their prior.
        for [.., scale, shift] in &places[self.first..=self.last] {
            if let (Some(scale), Some(shift)) = (*scale, *shift) {
                first[shift] = first[shift].min(scale);
            }
        }
        first
    }

    fn stepped(
        &self,
        state: &State,
        places: &[[Option<usize>; PER_FRAME]],
        focal: Option<usize>,
        step: &[f64],
    ) -> State {
        let by = |place: Option<usize>| place.map_or(0.0, |p| step[p]);
        let mut next = state.clone();
        for frame in self.first..=self.last {
            let own = &places[frame];
            if own.iter().any(Option::is_some) {
                let (before, moved) =
                    (state.views[frame], state.views[frame].stepped(&own.map(by)));
                // The gauge stays to the last bit.
                next.views[frame] = match own[0] {
                    Some(_) => moved,
                    None => View {
                        scale: moved.scale,
                        shift: moved.shift,
                        ..before
                    },
                };
            }
        }
        // A step of more than a third is not to be believed.
        next.focal *= by(focal).clamp(-0.3, 0.3).exp();
        next
    }
}

#[cfg(test)]
mod tests {
    use glam::{DMat3, DVec2, DVec3};

    use super::*;
    use crate::camera::evaluate::umeyama;
    use crate::monitor::Silent;
    use crate::numeric::Rng;

    const VIEWS: usize = 9;
    const FOCAL: f64 = 560.0;
    const ALIGNMENT: Alignment = Alignment {
        scale: 0.4,
        scale_sigma: 0.3,
        ratio: 1.5,
        ratio_sigma: 0.3,
    };

    /// Cameras on an arc that look at its middle.
    fn arc(k: usize) -> View {
        let a = 0.07 * k as f64;
        let rotation = DMat3::from_euler(glam::EulerRot::XYZ, 0.02 * a, a, 0.01 * k as f64);
        View {
            rotation,
            translation: DVec3::new(0.05 * k as f64, 0.02 * a, 2.5)
                - rotation * DVec3::new(0.0, 0.0, 2.5),
            scale: 0.4,
            shift: 0.6,
        }
    }

    /// Points about the arc's middle, each seen by the views around its own; the network's depth bends by a tenth.
    fn fans(moving: usize) -> Vec<Fan> {
        let mut rng = Rng::new(5);
        (0..VIEWS)
            .map(|frame| {
                let own = arc(frame);
                let tracks = (0..48).map(|n| {
                    let from = DVec2::new(rng.range(-300.0, 300.0), rng.range(-170.0, 170.0));
                    let rho = rng.range(0.25, 0.7);
                    let bend = 1.0 + 0.1 * (from.x / 130.0).sin() * (from.y / 90.0).cos();
                    let point = (from / FOCAL).extend(1.0) / rho;
                    let world = own.rotation.transpose() * (point - own.translation);
                    let seen = (0..VIEWS).filter(|j| *j != frame && j.abs_diff(frame) <= 5);
                    let seen = seen.map(|j| {
                        let view = arc(j);
                        // What walks goes its own way.
                        let away = if n < moving {
                            0.08 * (j as f64 - frame as f64)
                        } else {
                            0.0
                        };
                        let p = view.rotation * (world + DVec3::new(away, 0.0, -away))
                            + view.translation;
                        Seen {
                            frame: j,
                            at: p.truncate() / p.z * FOCAL,
                            weight: 0.5,
                        }
                    });
                    Track {
                        from,
                        depth: (bend * rho - 0.6) / 0.4,
                        seen: seen.collect(),
                    }
                });
                let mut tracks: Vec<Track> = tracks.collect();
                let held_out = tracks.split_off(40);
                Fan {
                    frame,
                    tracks,
                    held_out,
                }
            })
            .collect()
    }

    fn structure(fans: &[Fan], free_focal: bool) -> Structure<'_> {
        Structure {
            fans,
            first: 0,
            last: VIEWS - 1,
            alignment: ALIGNMENT,
            free_focal,
            cauchy: 1.0,
            unit: 1.0,
        }
    }

    /// Poses off by a few hundredths, and a focal length that is a tenth too long.
    fn off() -> State {
        let views = (0..VIEWS).map(|k| {
            let far = k as f64 * 0.004;
            match k {
                0 => arc(0),
                _ => arc(k).stepped(&[far, -far, 0.5 * far, far, far, -far, 0.02, -0.02]),
            }
        });
        State {
            views: views.collect(),
            focal: 1.1 * FOCAL,
        }
    }

    fn centres(views: &[View]) -> Vec<DVec3> {
        views
            .iter()
            .map(|v| -(v.rotation.transpose() * v.translation))
            .collect()
    }

    fn farthest(state: &State) -> f64 {
        let truth: Vec<View> = (0..VIEWS).map(arc).collect();
        let (from, to) = (centres(&state.views), centres(&truth));
        let similarity = umeyama(&from, &to, false);
        let off = from
            .iter()
            .zip(&to)
            .map(|(f, t)| similarity.apply(*f).distance(*t));
        off.fold(0.0, f64::max)
    }

    #[test]
    fn poses_and_focal_length_come_from_the_points_though_depth_is_bent() {
        let fans = fans(0);
        let mut state = off();
        let mut depths = structure(&fans, true).start(&state);
        let before = structure(&fans, true).held_out(&state);
        for free in [false, true] {
            structure(&fans, free)
                .solve(&mut state, &mut depths, 40, &Silent)
                .expect("solved");
        }
        assert!((state.focal / FOCAL - 1.0).abs() < 2e-3, "{}", state.focal);
        // The path is .45 long.
        assert!(farthest(&state) < 1e-3, "{}", farthest(&state));
        let worst = |places: &[Place]| places.iter().map(|p| p.error).fold(0.0, f64::max);
        let after = structure(&fans, true).held_out(&state);
        assert!(
            worst(&after) < 0.2 && worst(&before) > 5.0,
            "{} {}",
            worst(&before),
            worst(&after)
        );
    }

    #[test]
    fn the_scene_keeps_its_size() {
        let fans = fans(0);
        let mut state = State {
            views: (0..VIEWS).map(arc).collect(),
            focal: FOCAL,
        };
        let mut depths = structure(&fans, false).start(&state);
        structure(&fans, false)
            .solve(&mut state, &mut depths, 40, &Silent)
            .expect("solved");
        let scale = state.views.iter().map(|v| v.scale).sum::<f64>() / VIEWS as f64;
        assert!((scale / ALIGNMENT.scale - 1.0).abs() < 0.03, "{scale}");
    }

    #[test]
    fn the_prior_of_depth_agrees_with_finite_differences() {
        let fans = fans(0);
        let (track, whole) = (&fans[3].tracks[5], structure(&fans, true));
        let at = |k: usize, by: f64| {
            let mut view = arc(3);
            let mut rho = 0.5;
            *[&mut rho, &mut view.scale, &mut view.shift][k] += by;
            whole.depth_error(&view, track, rho).0
        };
        let (_, derivatives) = whole.depth_error(&arc(3), track, 0.5);
        for (k, derivative) in derivatives.into_iter().enumerate() {
            let difference = (at(k, 1e-6) - at(k, -1e-6)) / 2e-6;
            assert!(
                (derivative - difference).abs() < 1e-5 * derivative.abs(),
                "{k}"
            );
        }
    }

    #[test]
    fn what_moves_does_not_carry_the_cameras_along() {
        // A fifth of the points.
        let fans = fans(8);
        let mut state = off();
        state.focal = FOCAL;
        let mut depths = structure(&fans, false).start(&state);
        for cauchy in [3.0, 1.0] {
            let with = Structure {
                cauchy,
                ..structure(&fans, false)
            };
            with.solve(&mut state, &mut depths, 30, &Silent)
                .expect("solved");
        }
        assert!(farthest(&state) < 6e-3, "{}", farthest(&state));
    }

    #[test]
    fn a_run_leaves_the_frames_about_it_alone() {
        let fans = fans(0);
        let mut state = off();
        let part = Structure {
            first: 2,
            last: 6,
            ..structure(&fans, false)
        };
        let mut depths = part.start(&state);
        let before = state.clone();
        part.solve(&mut state, &mut depths, 10, &Silent)
            .expect("solved");
        for k in [0, 1, 2, 7, 8] {
            assert_eq!(state.views[k].rotation, before.views[k].rotation, "{k}");
        }
        assert_ne!(state.views[4].rotation, before.views[4].rotation);
    }
}
