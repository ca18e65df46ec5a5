//! What stands still in the picture while the picture moves: captions, logos, frames about it, the bonnet of the car that films.
//!
//! It is no part of the scene, and a solve that is judged by it fails. Far things stand still too while a camera goes straight
//! towards them, and may be missed for nothing: so this is asked only where a solve with everything failed, or found no travel.

use super::points::{Grid, median_flow};
use crate::motion::{FlowPair, Pairs};

/// Pixels at a width of 640 that most of the picture moves by in a pair that tells.
const MOVES: f64 = 4.0;
/// Pixels at a width of 640 that what stands still moves by, at most.
const STILL: f32 = 0.3;
/// Share of the telling pairs in which a pixel must stand still.
const OFTEN: f64 = 0.9;
/// Fewest telling pairs.
const PAIRS: usize = 6;
/// An overlay of a smaller share of the picture disturbs no solve, one of a larger is the picture.
const SHARE: std::ops::RangeInclusive<f64> = 0.005..=0.6;

/// The pixels of what stands still in the pictures, at the size of the flow, by the widest pairs that still hang together.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    width: usize,
    height: usize,
    still: Vec<bool>,
    /// Of the picture.
    pub share: f64,
}

impl Overlay {
    /// `None` where there is none, or too little moves to tell.
    pub(super) fn of(grid: &Grid, motion: &Pairs) -> Option<Self> {
        let moves =
            |pair: &&FlowPair| median_flow(grid, pair, None).is_some_and(|flow| flow >= MOVES);
        let telling: Vec<&FlowPair> = motion.pairs.iter().filter(moves).collect();
        if telling.len() < PAIRS {
            return None;
        }
        let least = STILL * grid.unit() as f32;
        let stands = |flow: &[f32; 2]| flow[0].hypot(flow[1]) <= least;
        let still: Vec<bool> = (0..grid.width * grid.height)
            .map(|at| {
                let of = telling.iter();
                let count = of
                    .filter(|p| stands(&p.forward[at]) && stands(&p.backward[at]))
                    .count();
                count as f64 >= OFTEN * telling.len() as f64
            })
            .collect();
        let found = Self {
            width: grid.width,
            height: grid.height,
            share: still.iter().filter(|s| **s).count() as f64 / still.len().max(1) as f64,
            still,
        };
        SHARE.contains(&found.share).then_some(found)
    }

    /// Whether a place lies on it or beside it, in shares of the picture.
    pub(super) fn covers(&self, u: f64, v: f64) -> bool {
        let at = |share: f64, n: usize| ((share * n as f64).max(0.0) as usize).min(n - 1);
        let (x, y) = (at(u, self.width), at(v, self.height));
        let span = |k: usize, n: usize| k.saturating_sub(1)..(k + 2).min(n);
        span(y, self.height).any(|y| span(x, self.width).any(|x| self.still[y * self.width + x]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec2;

    const SIZE: [usize; 2] = [64, 36];

    /// Flow of 8 pixels to the left, none in the lower sixth; with the lower sixth of every so many-th pair moving too.
    fn captioned(pairs: usize, moving: usize, flow: f32) -> (Grid, Pairs) {
        let [w, h] = SIZE;
        let field = |sign: f32, all: bool| -> Vec<[f32; 2]> {
            let rows = (0..h).map(|y| if y < 30 || all { sign * flow } else { 0.0 });
            rows.flat_map(|flow| std::iter::repeat_n([flow, 0.0], w))
                .collect()
        };
        let pairs = (0..pairs).map(|k| {
            let all = moving > 0 && k % moving == 0;
            FlowPair {
                a: k,
                b: k + 1,
                forward: field(-1.0, all),
                backward: field(1.0, all),
                valid: vec![1; w * h],
                consistent: 1.0,
            }
        });
        let motion = Pairs {
            width: w as u32,
            height: h as u32,
            times: Vec::new(),
            luma: Vec::new(),
            pairs: pairs.collect(),
        };
        let grid = Grid {
            width: w,
            height: h,
            centre: DVec2::new(32.0, 18.0),
            aspect: 1.0,
        };
        (grid, motion)
    }

    #[test]
    fn a_caption_is_found_and_what_moves_with_the_picture_is_not() {
        let (grid, motion) = captioned(10, 0, 2.0);
        let found = Overlay::of(&grid, &motion).expect("a caption");
        assert!((found.share - 1.0 / 6.0).abs() < 1e-9);
        assert!(found.covers(0.5, 0.9) && found.covers(0.0, 1.0) && !found.covers(0.5, 0.7));
        let none = |(grid, motion): (Grid, Pairs)| Overlay::of(&grid, &motion).is_none();
        assert!(none(captioned(10, 5, 2.0)), "it moves in two pairs of ten");
        assert!(none(captioned(5, 0, 2.0)), "too few pairs");
        assert!(none(captioned(10, 0, 0.3)), "hardly anything moves");
        assert!(none(captioned(10, 1, 2.0)), "all of it moves");
    }
}
