//! Registers frames one after another, each against those before it.

use glam::{DMat3, DVec3};

use super::CameraError;
use super::bundle::{Alignment, Freedom, Problem, State};
use super::points::Link;
use super::residual::{View, orthonormal};
use crate::monitor::Monitor;

/// What stays the same over a solve.
pub(super) struct Setting {
    pub links: Vec<Link>,
    pub alignment: Alignment,
    /// First frame of the run, where the gauge is held.
    pub first: usize,
    /// Last frame of the run.
    pub last: usize,
    /// Pixels of the motion size per pixel at a width of 640.
    pub unit: f64,
}

impl Setting {
    /// Joint adjustment of frames `first ..= last`; returns the cost.
    pub fn joint(
        &self,
        state: &mut State,
        last: usize,
        free_focal: bool,
        cauchy: f64,
        iterations: usize,
        monitor: &dyn Monitor,
    ) -> Result<f64, CameraError> {
        let freedom = self.freedom(state, last, Freedom::All);
        self.problem(&freedom, free_focal, cauchy)
            .solve(state, iterations, monitor)
    }

    /// The same of all frames of the run, of whose poses only what `freedom` says may change.
    pub fn held(
        &self,
        state: &mut State,
        freedom: Freedom,
        free_focal: bool,
        cauchy: f64,
        iterations: usize,
        monitor: &dyn Monitor,
    ) -> Result<f64, CameraError> {
        let freedom = self.freedom(state, self.last, freedom);
        self.problem(&freedom, free_focal, cauchy)
            .solve(state, iterations, monitor)
    }

    /// The first frame holds the gauge, those after it up to `last` have this freedom.
    fn freedom(&self, state: &State, last: usize, freedom: Freedom) -> Vec<Option<Freedom>> {
        (0..state.views.len())
            .map(|k| match k {
                k if k == self.first => Some(Freedom::Depth),
                k if k > self.first && k <= last => Some(freedom),
                _ => None,
            })
            .collect()
    }

    fn problem<'a>(
        &'a self,
        freedom: &'a [Option<Freedom>],
        free_focal: bool,
        cauchy: f64,
    ) -> Problem<'a> {
        Problem {
            links: &self.links,
            freedom,
            free_focal,
            alignment: self.alignment,
            cauchy: cauchy * self.unit,
            unit: self.unit,
        }
    }

    /// All frames in the gauge, as if nothing moved.
    pub fn start(&self, frames: usize, focal: f64) -> State {
        let start = View {
            rotation: DMat3::IDENTITY,
            translation: DVec3::ZERO,
            scale: self.alignment.scale,
            shift: self.alignment.scale * self.alignment.ratio,
        };
        State {
            views: vec![start; frames],
            focal,
        }
    }

    /// All frames of the run, one after another from the gauge, with a joint adjustment every eighth frame; of each pose what is
    /// `free` is solved for.
    pub fn register(
        &self,
        frames: usize,
        focal: f64,
        free: Freedom,
        monitor: &dyn Monitor,
    ) -> Result<State, CameraError> {
        let mut state = self.start(frames, focal);
        for k in self.first + 1..=self.last {
            monitor.progress((k - self.first) as u64, (self.last - self.first) as u64);
            let freedom: Vec<Option<Freedom>> = (0..frames)
                .map(|f| match f {
                    f if f == k => Some(free),
                    f if f >= self.first && f < k => Some(Freedom::Fixed),
                    _ => None,
                })
                .collect();
            let mut best: Option<(f64, State)> = None;
            for seed in self.seeds(&state, k) {
                let mut trial = state.clone();
                trial.views[k] = seed;
                let mut cost = f64::INFINITY;
                for cauchy in [30.0, 8.0, 3.0, 2.0] {
                    cost = self
                        .problem(&freedom, false, cauchy)
                        .solve(&mut trial, 8, monitor)?;
                }
                if best.as_ref().is_none_or(|(lowest, _)| cost < *lowest) {
                    best = Some((cost, trial));
                }
            }
            if let Some((_, trial)) = best {
                state = trial;
            }
            if (k - self.first).is_multiple_of(8) {
                let freedom = self.freedom(&state, k, free);
                self.problem(&freedom, false, 3.0)
                    .solve(&mut state, 4, monitor)?;
            }
        }
        Ok(state)
    }

    /// Where frame `k` may be: as the frame before, and moved on as that one was.
    fn seeds(&self, state: &State, k: usize) -> Vec<View> {
        let last = state.views[k - 1];
        let mut seeds = vec![last];
        if k >= self.first + 2 {
            let before = state.views[k - 2];
            let turn = last.rotation * before.rotation.transpose();
            let moved = last.translation - turn * before.translation;
            seeds.push(View {
                rotation: orthonormal(turn * last.rotation),
                translation: turn * last.translation + moved,
                ..last
            });
        }
        seeds
    }
}
