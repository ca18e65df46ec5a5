//! Robust joint adjustment of poses, depth alignments and one focal length (Levenberg-Marquardt with
//! iteratively reweighted least squares).

use rayon::prelude::*;

use super::CameraError;
use super::envelope::Envelope;
use super::points::Link;
use super::residual::{COLUMNS, View, cauchy, linearise, residual};
use crate::monitor::Monitor;

/// Unknowns of one frame: rotation, translation, scale, shift.
const PER_FRAME: usize = 8;
/// Inverse depths agree to this share of the network's values.
const DEPTH_SIGMA: f64 = 0.05;
/// Cauchy scale of that share.
const DEPTH_CAUCHY: f64 = 0.1;

/// What may move in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freedom {
    /// Nothing.
    Fixed,
    /// Scale and shift: the frame that holds the gauge.
    Depth,
    /// All but the place.
    Turn,
    /// Everything.
    All,
}

/// What a frame's depth alignment may do: inverse depth is `scale * (value + ratio)`, both of them free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alignment {
    /// Prior mean of the scale.
    pub scale: f64,
    /// Prior standard deviation of the scale; 0 fixes it.
    pub scale_sigma: f64,
    /// Prior mean of shift over scale.
    pub ratio: f64,
    /// Prior standard deviation of that ratio; 0 fixes the shift.
    pub ratio_sigma: f64,
}

impl Alignment {
    /// Prior residuals of a view with their derivatives by scale and by shift.
    pub(super) fn prior(&self, view: &View) -> [(f64, [f64; 2]); 2] {
        let mut terms = [(0.0, [0.0; 2]); 2];
        if self.scale_sigma > 0.0 {
            terms[0] = (
                (view.scale - self.scale) / self.scale_sigma,
                [1.0 / self.scale_sigma, 0.0],
            );
        }
        if self.ratio_sigma > 0.0 {
            // A scale near 0 would make the ratio meaningless.
            let a = view.scale.max(0.02);
            let ratio = view.shift / a;
            terms[1] = (
                (ratio - self.ratio) / self.ratio_sigma,
                [-ratio / a / self.ratio_sigma, 1.0 / a / self.ratio_sigma],
            );
        }
        terms
    }
}

/// The state that is solved for; `views` has an entry for every frame of the clip.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub views: Vec<View>,
    /// Focal length along x in pixels of the motion size.
    pub focal: f64,
}

/// One adjustment.
pub(super) struct Problem<'a> {
    pub links: &'a [Link],
    /// Freedom of each frame; links with a frame that is `None` are left out.
    pub freedom: &'a [Option<Freedom>],
    pub free_focal: bool,
    pub alignment: Alignment,
    /// Cauchy scale of the reprojection error, in pixels of the motion size.
    pub cauchy: f64,
    /// Pixels of the motion size per pixel at a width of 640.
    pub unit: f64,
}

/// Normal equations of one link.
struct Block {
    h: Box<[[f64; COLUMNS]; COLUMNS]>,
    g: [f64; COLUMNS],
    cost: f64,
}

impl Problem<'_> {
    fn active(&self) -> Vec<&Link> {
        let free = |f: Option<Freedom>| f.is_some_and(|f| f != Freedom::Fixed);
        self.links
            .iter()
            .filter(|l| {
                let (i, j) = (self.freedom[l.i], self.freedom[l.j]);
                !l.points.is_empty()
                    && i.is_some()
                    && j.is_some()
                    && (free(i) || free(j) || self.free_focal)
            })
            .collect()
    }

    /// A point without meaning in the current state costs what a far outlier does, so that it cannot be
    /// gained by pushing points behind the camera.
    fn lost(&self) -> f64 {
        let far = 30.0 * self.cauchy;
        cauchy(far * far, self.cauchy).0 / (self.unit * self.unit)
    }

    fn prior(&self, state: &State) -> f64 {
        self.moving(state)
            .flat_map(|(_, view)| self.alignment.prior(view))
            .map(|(value, _)| 0.5 * value * value)
            .sum()
    }

    fn moving<'s>(&'s self, state: &'s State) -> impl Iterator<Item = (usize, &'s View)> {
        state
            .views
            .iter()
            .enumerate()
            .filter(|(k, _)| self.freedom[*k].is_some_and(|f| f != Freedom::Fixed))
    }

    /// The robust cost of a state.
    pub fn cost(&self, state: &State) -> f64 {
        let active = self.active();
        let parts: Vec<f64> = active
            .par_iter()
            .map(|l| self.link_cost(l, state))
            .collect();
        parts.iter().sum::<f64>() + self.prior(state)
    }

    fn link_cost(&self, link: &Link, state: &State) -> f64 {
        let (i, j) = (&state.views[link.i], &state.views[link.j]);
        let mut cost = 0.0;
        for o in &link.points {
            cost += match residual(i, j, state.focal, o) {
                None => self.lost(),
                Some(r) => {
                    let pixel =
                        cauchy(r.pixel.length_squared(), self.cauchy).0 / (self.unit * self.unit);
                    let depth = r
                        .depth
                        .map_or(0.0, |d| cauchy(d * d, DEPTH_CAUCHY).0 / DEPTH_SIGMA.powi(2));
                    pixel + depth
                }
            };
        }
        cost
    }

    fn block(&self, link: &Link, state: &State) -> Block {
        let (i, j) = (&state.views[link.i], &state.views[link.j]);
        let mut block = Block {
            h: Box::new([[0.0; COLUMNS]; COLUMNS]),
            g: [0.0; COLUMNS],
            cost: 0.0,
        };
        let mut rows = [[0.0; COLUMNS]; 3];
        for o in &link.points {
            let Some(r) = linearise(i, j, state.focal, o, &mut rows) else {
                block.cost += self.lost();
                continue;
            };
            let (pixel_cost, pixel_weight) = cauchy(r.pixel.length_squared(), self.cauchy);
            let pixel_weight = pixel_weight / (self.unit * self.unit);
            block.cost += pixel_cost / (self.unit * self.unit);
            let mut depth_weight = 0.0;
            if let Some(d) = r.depth {
                let (cost, weight) = cauchy(d * d, DEPTH_CAUCHY);
                block.cost += cost / DEPTH_SIGMA.powi(2);
                depth_weight = weight / DEPTH_SIGMA.powi(2);
            }
            let values = [r.pixel.x, r.pixel.y, r.depth.unwrap_or(0.0)];
            for (row, (value, weight)) in
                rows.iter().zip(
                    values
                        .into_iter()
                        .zip([pixel_weight, pixel_weight, depth_weight]),
                )
            {
                if weight == 0.0 {
                    continue;
                }
                for a in 0..COLUMNS {
                    let scaled = weight * row[a];
                    block.g[a] += scaled * value;
                    for (h, b) in block.h[a][..=a].iter_mut().zip(row) {
                        *h += scaled * b;
                    }
                }
            }
        }
        block
    }

    /// Lowers the cost in place; returns it.
    pub fn solve(
        &self,
        state: &mut State,
        iterations: usize,
        monitor: &dyn Monitor,
    ) -> Result<f64, CameraError> {
        let active = self.active();
        let layout = Layout::new(self, &active, state.views.len());
        let mut lambda = 1e-4;
        let mut cost = self.cost(state);
        for _ in 0..iterations {
            if monitor.stopped() {
                return Err(CameraError::Interrupted);
            }
            let blocks: Vec<Block> = active.par_iter().map(|l| self.block(l, state)).collect();
            let (matrix, gradient) = layout.assemble(self, &active, &blocks, state);
            let mut improved = false;
            for _ in 0..6 {
                let mut damped = matrix.clone();
                for row in 0..damped.len() {
                    let d = damped.diagonal(row);
                    damped.add(row, row, lambda * d + 1e-9);
                }
                let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
                if damped.solve(&mut step) {
                    let next = layout.step(state, &step);
                    let next_cost = self.cost(&next);
                    if next_cost < cost {
                        let gain = (cost - next_cost) / cost.max(1e-12);
                        *state = next;
                        cost = next_cost;
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
}

/// Where each unknown lies in the matrix.
struct Layout {
    /// For each frame, the place of each of its unknowns; `None` where it is held.
    places: Vec<[Option<usize>; PER_FRAME]>,
    focal: Option<usize>,
    first: Vec<usize>,
}

impl Layout {
    fn new(problem: &Problem, active: &[&Link], frames: usize) -> Self {
        let mut places = vec![[None; PER_FRAME]; frames];
        let mut first = Vec::new();
        let mut begin = vec![None; frames];
        for frame in 0..frames {
            let Some(freedom) = problem.freedom[frame] else {
                continue;
            };
            let from = first.len();
            // The lowest unknown of any frame before this one that shares a link with it.
            let low = active
                .iter()
                .filter_map(|l| match (l.i == frame, l.j == frame) {
                    (true, _) => Some(l.j),
                    (_, true) => Some(l.i),
                    _ => None,
                })
                .filter(|&other| other < frame)
                .filter_map(|other| begin[other])
                .min()
                .unwrap_or(from);
            for (k, place) in places[frame].iter_mut().enumerate() {
                let free = match (freedom, k) {
                    (Freedom::Fixed, _) | (Freedom::Depth, 0..6) | (Freedom::Turn, 3..6) => false,
                    (_, 6) => problem.alignment.scale_sigma > 0.0,
                    (_, 7) => problem.alignment.ratio_sigma > 0.0,
                    _ => true,
                };
                if free {
                    *place = Some(first.len());
                    first.push(low);
                }
            }
            begin[frame] = (first.len() > from).then_some(from);
        }
        let focal = problem.free_focal.then(|| {
            first.push(0);
            first.len() - 1
        });
        Self {
            places,
            focal,
            first,
        }
    }

    fn assemble(
        &self,
        problem: &Problem,
        active: &[&Link],
        blocks: &[Block],
        state: &State,
    ) -> (Envelope, Vec<f64>) {
        let mut matrix = Envelope::new(self.first.clone());
        let mut gradient = vec![0.0; self.first.len()];
        for (link, block) in active.iter().zip(blocks) {
            let mut index = [None; COLUMNS];
            index[..8].copy_from_slice(&self.places[link.i]);
            index[8..16].copy_from_slice(&self.places[link.j]);
            index[16] = self.focal;
            for a in 0..COLUMNS {
                let Some(row) = index[a] else { continue };
                gradient[row] += block.g[a];
                for (column, h) in index[..=a].iter().zip(&block.h[a]) {
                    if let Some(column) = column {
                        matrix.add(row, *column, *h);
                    }
                }
            }
        }
        for (frame, view) in problem.moving(state) {
            for (value, row) in problem.alignment.prior(view) {
                for (a, da) in [(6, row[0]), (7, row[1])] {
                    let Some(place) = self.places[frame][a] else {
                        continue;
                    };
                    gradient[place] += value * da;
                    for (b, db) in [(6, row[0]), (7, row[1])] {
                        // Once for each pair of unknowns: `add` takes both orders.
                        if let Some(other) = self.places[frame][b].filter(|o| *o <= place) {
                            matrix.add(place, other, da * db);
                        }
                    }
                }
            }
        }
        (matrix, gradient)
    }

    fn step(&self, state: &State, step: &[f64]) -> State {
        let at = |place: Option<usize>| place.map_or(0.0, |p| step[p]);
        State {
            views: state
                .views
                .iter()
                .zip(&self.places)
                .map(|(view, places)| match places.iter().all(Option::is_none) {
                    true => *view,
                    false => view.stepped(&places.map(at)),
                })
                .collect(),
            // A step of more than a third is not to be believed.
            focal: state.focal * at(self.focal).clamp(-0.3, 0.3).exp(),
        }
    }
}
