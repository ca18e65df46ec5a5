//! What is suddenly otherwise: cells of a frame that the flow to the frame after it cannot explain, where that to the frame
//! before it can, and the other way round in the frame after it.
//!
//! Along the flow a picture stays alike for as long as it goes on as it did; where something vanishes, appears, jumps or is
//! replaced it does not, and both frames tell so: the last before the moment finds itself in those before it and not in
//! those after, the first after it the other way round. What is covered or uncovered by motion tells so in one of
//! them only, and does it at every step.

use crate::motion::SPAN;
use crate::motion::objects::Grid;

/// Steps to each side whose differences count as what always happens there.
const BESIDE: usize = 2;
/// Grey levels, a [`SPAN`], under which a cell counts for nothing.
const LEAST: f32 = 2.0;
/// Grey levels beyond which it counts for no more in the sum over cells: how far what vanishes stands out is not how large
/// it is.
const MOST: f32 = 8.0;

/// What is suddenly otherwise at one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Break {
    /// Of the step's second frame, in seconds.
    pub time: f64,
    /// The worst place, in shares of the picture.
    pub at: [f64; 2],
    /// Grey levels a [`SPAN`] of the worst 3x3 cells, their mean.
    pub value: f64,
    /// The same over all cells, those under [`LEAST`] left out and each cut at [`MOST`], as percent of what all at [`MOST`] would be.
    pub mass: f64,
}

/// How unlike frames are along the flow, of all steps.
pub(super) struct Unlike {
    grid: Grid,
    /// Of each step the cells of its first frame, then those of its second; -1 where it is unknown.
    values: Vec<f32>,
}

impl Unlike {
    pub fn new(grid: Grid) -> Self {
        let values = Vec::new();
        Self { grid, values }
    }

    /// Numbers of a step.
    pub fn each(&self) -> usize {
        2 * self.grid.count()
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.values.len() / self.each()
    }

    /// Adds steps.
    pub fn extend(&mut self, values: &[f32]) {
        self.values.extend_from_slice(values);
    }

    /// What breaks at each step but the first and the last, by the times of the frames.
    pub fn breaks(&self, times: &[f64]) -> Vec<Break> {
        let sudden: Vec<Vec<f32>> = (1..self.steps().saturating_sub(1))
            .map(|step| self.sudden(step, times))
            .collect();
        let wide: Vec<Vec<f32>> = sudden.iter().map(|s| self.widest(s)).collect();
        (0..sudden.len())
            .map(|k| {
                let beside = k.saturating_sub(BESIDE)..(k + BESIDE + 1).min(wide.len());
                let beside: Vec<usize> = beside.filter(|&other| other != k).collect();
                let mut left: Vec<f32> = sudden[k]
                    .iter()
                    .enumerate()
                    .map(|(c, v)| {
                        let always = beside.iter().map(|&other| wide[other][c]);
                        v - always.fold(0.0, f32::max)
                    })
                    .collect();
                let mut known: Vec<f32> = left.iter().copied().filter(|v| !v.is_nan()).collect();
                // All of the picture at once is light, or a cut.
                let middle = known.len() / 2;
                let all = match known.is_empty() {
                    true => 0.0,
                    false => known
                        .select_nth_unstable_by(middle, f32::total_cmp)
                        .1
                        .max(0.0),
                };
                left.iter_mut().for_each(|v| *v = (*v - all).max(0.0));
                self.told(times[k + 2], &left)
            })
            .collect()
    }

    /// What differences of a step are multiplied by: frames that lie further apart are less alike.
    fn per(step: usize, times: &[f64]) -> f32 {
        let seconds = (times[step + 1] - times[step]).max(1e-9);
        (SPAN / seconds).sqrt().clamp(0.3, 3.0) as f32
    }

    /// Of each cell, by how much both frames of a step are less alike than each is to the one on its other side; NaN where that is unknown.
    fn sudden(&self, step: usize, times: &[f64]) -> Vec<f32> {
        let count = self.grid.count();
        let of = |step: usize, second: bool| {
            let at = step * self.each() + usize::from(second) * count;
            let per = Self::per(step, times);
            let values = &self.values[at..at + count];
            values
                .iter()
                .map(move |&v| if v < 0.0 { f32::NAN } else { per * v })
        };
        let first = of(step, false).zip(of(step - 1, true)).map(|(a, b)| a - b);
        let second = of(step, true).zip(of(step + 1, false)).map(|(a, b)| a - b);
        first
            .zip(second)
            .map(|(a, b)| {
                if a.is_nan() || b.is_nan() {
                    f32::NAN
                } else {
                    a.min(b)
                }
            })
            .collect()
    }

    /// The cells about one, itself among them.
    fn around(&self, c: usize) -> impl Iterator<Item = usize> {
        let (across, down) = (self.grid.across as usize, self.grid.down as usize);
        let (x, y) = (c % across, c / across);
        let rows = y.saturating_sub(1)..(y + 2).min(down);
        let columns = x.saturating_sub(1)..(x + 2).min(across);
        rows.flat_map(move |j| columns.clone().map(move |i| j * across + i))
    }

    /// The largest value about each cell, at least 0.
    fn widest(&self, values: &[f32]) -> Vec<f32> {
        (0..values.len())
            .map(|c| self.around(c).map(|o| values[o]).fold(0.0, f32::max))
            .collect()
    }

    fn told(&self, time: f64, left: &[f32]) -> Break {
        let mean = |c: usize| {
            let (mut sum, mut n) = (0.0, 0.0);
            for other in self.around(c) {
                sum += left[other];
                n += 1.0;
            }
            sum / n
        };
        let mut worst = (0.0f32, [0.5; 2]);
        for c in 0..left.len() {
            let value = mean(c);
            if value > worst.0 {
                let (across, down) = (self.grid.across, self.grid.down);
                let (x, y) = (c as u32 % across, c as u32 / across);
                let share = |at: u32, of: u32| (f64::from(at) + 0.5) / f64::from(of);
                worst = (value, [share(x, across), share(y, down)]);
            }
        }
        let counted = left.iter().filter(|v| **v > LEAST).map(|v| v.min(MOST));
        let mass = counted.sum::<f32>() / (MOST * left.len().max(1) as f32);
        Break {
            time,
            at: worst.1,
            value: f64::from(worst.0),
            mass: 100.0 * f64::from(mass),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACROSS: u32 = 8;
    const DOWN: u32 = 5;

    /// Steps of an eighth of a second, `of(step, second frame, x, y)` each.
    fn breaks(steps: usize, of: impl Fn(usize, bool, usize, usize) -> f32) -> Vec<Break> {
        let mut unlike = Unlike::new(Grid {
            cell: 9,
            across: ACROSS,
            down: DOWN,
        });
        for step in 0..steps {
            for second in [false, true] {
                let cells = (0..(ACROSS * DOWN) as usize)
                    .map(|c| of(step, second, c % ACROSS as usize, c / ACROSS as usize));
                unlike.extend(&cells.collect::<Vec<f32>>());
            }
        }
        let times: Vec<f64> = (0..=steps).map(|t| SPAN * t as f64).collect();
        unlike.breaks(&times)
    }

    fn patch(x: usize, y: usize) -> bool {
        (3..6).contains(&x) && (1..4).contains(&y)
    }

    #[test]
    fn what_is_gone_at_once_is_told_where_and_when_it_was() {
        let found = breaks(9, |step, _, x, y| match step == 4 && patch(x, y) {
            true => 23.0,
            false => 3.0,
        });
        assert_eq!(found.len(), 7);
        for (k, b) in found.iter().enumerate() {
            if k + 1 != 4 {
                assert_eq!((b.value, b.mass), (0.0, 0.0), "{b:?}");
            }
        }
        let b = found[3];
        assert_eq!((b.time, b.at), (5.0 * SPAN, [4.5 / 8.0, 0.5]));
        assert!((b.value - 20.0).abs() < 1e-6, "{b:?}");
        // Nine of forty cells, each for as much as counts.
        assert!((b.mass - 22.5).abs() < 1e-4, "{b:?}");
    }

    #[test]
    fn nothing_is_told_of_what_is_always_so_or_everywhere_or_in_one_frame_only() {
        let always = breaks(9, |_, _, x, y| if patch(x, y) { 23.0 } else { 3.0 });
        let everywhere = breaks(9, |step, _, _, _| if step == 4 { 23.0 } else { 3.0 });
        // Uncovered: the second frame shows what the first did not.
        let uncovered = breaks(9, |step, second, x, y| {
            match step == 4 && second && patch(x, y) {
                true => 23.0,
                false => 3.0,
            }
        });
        let unknown = breaks(9, |step, second, x, y| match (step == 4, patch(x, y)) {
            (true, true) if second => -1.0,
            (true, true) => 23.0,
            _ => 3.0,
        });
        // What walks is uncovered and covered beside where it was a step before.
        let walks = breaks(9, |step, _, x, _| if x == step { 23.0 } else { 3.0 });
        for (name, found) in [
            ("always", always),
            ("everywhere", everywhere),
            ("uncovered", uncovered),
            ("unknown", unknown),
            ("walks", walks),
        ] {
            let worst = found.iter().map(|b| b.value).fold(0.0, f64::max);
            assert_eq!(worst, 0.0, "{name}: {found:?}");
        }
    }

    #[test]
    fn too_few_steps_tell_nothing() {
        for steps in 0..3 {
            assert!(breaks(steps, |_, _, _, _| 9.0).len() <= steps.saturating_sub(2));
        }
    }
}
