//! What stands still in the picture while the picture moves: captions, logos, frames about it, the bonnet of the car that films.
//!
//! It is no part of the scene, and a solve that is judged by it fails. Far things stand still too while a camera goes straight
//! towards them, and may be missed for nothing: so a solve is made without it only where one with everything failed, found no
//! travel, or has what stands still move. Black bars have nothing that flow could follow, and are known by their pixels, always.

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
/// An overlay of a smaller share of what the bars leave of the picture disturbs no solve, one of a larger is the picture.
const SHARE: std::ops::RangeInclusive<f64> = 0.005..=0.6;
/// Bars of a smaller share are none; of an upright clip in a wide frame they are 68%.
const BARS: std::ops::RangeInclusive<f64> = 0.005..=0.9;

/// Grey levels that a black bar has at most, and by which it changes over the clip at most.
const BLACK: f32 = 24.0;
const STEADY: f32 = 4.0;
/// Share of a row or a column that is black where it is of a bar.
const BAR: f64 = 0.98;
/// Standard deviation of the grey levels of a frame that is not black throughout, at least.
const SHOWS: f32 = 2.0;

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
    /// Black bars above, below or beside the picture. `None` where there are none.
    pub(super) fn bars(motion: &Pairs) -> Option<Self> {
        let (width, height) = (motion.width as usize, motion.height as usize);
        let black = black(motion)?;
        let row = |y: usize| {
            let count = black[y * width..(y + 1) * width].iter().filter(|b| **b);
            count.count() as f64 >= BAR * width as f64
        };
        let above = (0..height).take_while(|y| row(*y)).count();
        let below = (0..height).rev().take_while(|y| row(*y)).count();
        // Beside what the bars above and below leave.
        let rows = above..height - below.min(height - above);
        let column = |x: usize| {
            let count = rows.clone().filter(|y| black[y * width + x]);
            count.count() as f64 >= BAR * rows.len() as f64
        };
        let left = (0..width).take_while(|x| column(*x)).count();
        let right = (0..width).rev().take_while(|x| column(*x)).count();
        let columns = left..width - right.min(width - left);
        let still = (0..width * height)
            .map(|at| !rows.contains(&(at / width)) || !columns.contains(&(at % width)))
            .collect();
        let bars = Self::made(width, height, still);
        BARS.contains(&bars.share).then_some(bars)
    }

    fn made(width: usize, height: usize, still: Vec<bool>) -> Self {
        let share = still.iter().filter(|s| **s).count() as f64 / still.len().max(1) as f64;
        Self {
            width,
            height,
            still,
            share,
        }
    }

    /// What stands still, with the bars, where it is neither nothing nor all of what they leave; else the bars.
    fn found(motion: &Pairs, still: Vec<bool>, bars: Option<&Self>) -> Option<Self> {
        let (width, height) = (motion.width as usize, motion.height as usize);
        let all = Self::made(width, height, grown(still, motion, bars));
        let known = bars.map_or(0.0, |bars| bars.share);
        match SHARE.contains(&((all.share - known) / (1.0 - known))) {
            true => Some(all),
            false => bars.cloned(),
        }
    }

    /// All that stands still, with the `bars`; what is black beside it belongs to it. `None` where there is none, or too little moves to
    /// tell.
    pub(super) fn of(grid: &Grid, motion: &Pairs, bars: Option<&Self>) -> Option<Self> {
        let moves =
            |pair: &&FlowPair| median_flow(grid, pair, bars).is_some_and(|flow| flow >= MOVES);
        let telling: Vec<&FlowPair> = motion.pairs.iter().filter(moves).collect();
        if telling.len() < PAIRS {
            return None;
        }
        let still: Vec<bool> = (0..grid.width * grid.height)
            .map(|at| {
                let count = telling.iter().filter(|p| stands(p, at, grid.width)).count();
                count as f64 >= OFTEN * telling.len() as f64
            })
            .collect();
        Self::found(motion, still, bars)
    }

    /// Where what should move stands still: `told` has of each pixel how often it should, and how often it did not.
    pub(super) fn standing(motion: &Pairs, told: &[[u32; 2]]) -> Option<Self> {
        let still = told.iter().map(|&[should, stood]| {
            should as usize >= PAIRS && f64::from(stood) >= OFTEN * f64::from(should)
        });
        let bars = Self::bars(motion);
        Self::found(motion, still.collect(), bars.as_ref())
    }

    /// Whether the pixel at this place of the flow belongs to it.
    pub(super) fn has(&self, at: usize) -> bool {
        self.still[at]
    }

    /// Whether a place lies on it or beside it, in shares of the picture.
    pub(super) fn covers(&self, u: f64, v: f64) -> bool {
        let at = |share: f64, n: usize| ((share * n as f64).max(0.0) as usize).min(n - 1);
        let (x, y) = (at(u, self.width), at(v, self.height));
        let span = |k: usize, n: usize| k.saturating_sub(1)..(k + 2).min(n);
        span(y, self.height).any(|y| span(x, self.width).any(|x| self.still[y * self.width + x]))
    }
}

/// Whether nothing moves at a pixel of a pair.
pub(super) fn stands(pair: &FlowPair, at: usize, width: usize) -> bool {
    let least = STILL * width as f32 / 640.0;
    let still = |flow: [f32; 2]| flow[0].hypot(flow[1]) <= least;
    still(pair.forward[at]) && still(pair.backward[at])
}

/// Which pixels are black in all frames; `None` where no frame has its grey levels, or hardly any is black.
fn black(motion: &Pairs) -> Option<Vec<bool>> {
    let n = motion.width as usize * motion.height as usize;
    let mut span = vec![[f32::INFINITY, f32::NEG_INFINITY]; n];
    let mut frames = 0;
    for luma in motion.luma.iter().filter(|luma| luma.len() == n) {
        // Of a frame that is black throughout nothing is told.
        let mean = luma.iter().sum::<f32>() / n.max(1) as f32;
        let off = luma.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n.max(1) as f32;
        if off.sqrt() < SHOWS {
            continue;
        }
        frames += 1;
        for (span, &v) in span.iter_mut().zip(luma) {
            *span = [span[0].min(v), span[1].max(v)];
        }
    }
    let is = |[low, high]: &[f32; 2]| *high <= BLACK && high - low <= STEADY;
    let black: Vec<bool> = span.iter().map(is).collect();
    (frames > 0 && black.contains(&true)).then_some(black)
}

/// What stands still, with the bars and with what is black and hangs together with it.
fn grown(mut still: Vec<bool>, motion: &Pairs, bars: Option<&Overlay>) -> Vec<bool> {
    if let Some(bars) = bars {
        still.iter_mut().zip(&bars.still).for_each(|(s, b)| *s |= b);
    }
    let Some(black) = black(motion) else {
        return still;
    };
    let w = motion.width as usize;
    let mut edge: Vec<usize> = (0..still.len()).filter(|&p| still[p]).collect();
    while let Some(p) = edge.pop() {
        let beside = [
            (p % w > 0).then(|| p - 1),
            (p % w + 1 < w).then(|| p + 1),
            p.checked_sub(w),
            (p + w < still.len()).then(|| p + w),
        ];
        for q in beside.into_iter().flatten() {
            if black[q] && !still[q] {
                still[q] = true;
                edge.push(q);
            }
        }
    }
    still
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
        let found = Overlay::of(&grid, &motion, None).expect("a caption");
        assert!((found.share - 1.0 / 6.0).abs() < 1e-9);
        assert!(found.covers(0.5, 0.9) && found.covers(0.0, 1.0) && !found.covers(0.5, 0.7));
        let none = |(grid, motion): (Grid, Pairs)| Overlay::of(&grid, &motion, None).is_none();
        assert!(none(captioned(10, 5, 2.0)), "it moves in two pairs of ten");
        assert!(none(captioned(5, 0, 2.0)), "too few pairs");
        assert!(none(captioned(10, 0, 0.3)), "hardly anything moves");
        assert!(none(captioned(10, 1, 2.0)), "all of it moves");
    }

    #[test]
    fn black_bars_are_known_by_their_pixels_and_a_caption_takes_its_black_with_it() {
        let [w, h] = SIZE;
        let (grid, mut motion) = captioned(10, 0, 2.0);
        // Black above (4 rows) and at the right (6 columns); a frame that is black throughout tells nothing.
        let frame = |t: usize| -> Vec<f32> {
            let at = |i: usize| match (i % w, i / w) {
                (58.., _) | (_, ..4) => 16.0 + (t % 2) as f32,
                (x, y) => 60.0 + ((x * 7 + y * 3 + 5 * t) % 100) as f32,
            };
            (0..w * h).map(at).collect()
        };
        motion.luma = (0..5).map(frame).collect();
        motion.luma.push(vec![0.0; w * h]);
        let bars = Overlay::bars(&motion).expect("bars");
        let wanted = (4 * w + 6 * (h - 4)) as f64 / (w * h) as f64;
        assert!((bars.share - wanted).abs() < 1e-9, "{}", bars.share);
        assert!(bars.has(0) && !bars.has(4 * w) && bars.has(4 * w + 58));
        // The caption's six rows, and the bars.
        let found = Overlay::of(&grid, &motion, Some(&bars)).expect("both");
        let wanted = wanted + (6 * 58) as f64 / (w * h) as f64;
        assert!((found.share - wanted).abs() < 1e-9, "{}", found.share);
        // What should move and does not, and the black beside it.
        motion.luma.truncate(5);
        let mut told = vec![[10, 0]; w * h];
        for at in (10..14).flat_map(|y| y * w + 50..y * w + 58) {
            told[at] = [10, 10];
        }
        // Too seldom asked.
        told[20 * w..20 * w + 40].fill([5, 5]);
        let found = Overlay::standing(&motion, &told).expect("a logo and the bars");
        assert!(found.has(10 * w + 50) && found.has(0) && !found.has(20 * w));
        assert!((found.share - bars.share - 32.0 / (w * h) as f64).abs() < 1e-9);
        told[10 * w..14 * w].fill([10, 0]);
        told[30 * w] = [10, 10];
        let alone = Overlay::standing(&motion, &told).expect("the bars");
        assert!(!alone.has(30 * w) && (alone.share - bars.share).abs() < 1e-9);
        // An upright clip in a wide frame.
        for luma in &mut motion.luma {
            for (at, v) in luma.iter_mut().enumerate() {
                *v = if (22..42).contains(&(at % w)) {
                    *v
                } else {
                    16.0
                };
            }
        }
        let bars = Overlay::bars(&motion).expect("bars beside it");
        assert!((0.68..0.75).contains(&bars.share), "{}", bars.share);
        motion.luma.clear();
        assert!(Overlay::bars(&motion).is_none(), "no grey levels");
    }
}
