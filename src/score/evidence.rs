//! What several scores look at, measured once: sharpness, repeated frames, the camera's similarity, tracks.

use rayon::prelude::*;

use super::ScoreError;
use super::picture::{Picture, mean, percentile};
use crate::motion::{FlowPair, Motion, Track};

/// Scores were tuned where the short side is this many pixels; lengths are told in such pixels.
const SHORT_SIDE: f32 = 160.0;
/// Mean difference, in grey levels, under which two frames are the same picture.
const SAME: f64 = 0.15;

/// The picture's motion between two frames as a similarity about the centre, in motion pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Similarity {
    /// Zoom minus one.
    pub zoom: f64,
    /// Turn in radians, small.
    pub turn: f64,
    /// Shift of the centre.
    pub shift: [f64; 2],
}

impl Similarity {
    /// Displacement of a point given from the centre.
    pub fn at(&self, x: f64, y: f64) -> [f64; 2] {
        [
            self.zoom * x - self.turn * y + self.shift[0],
            self.turn * x + self.zoom * y + self.shift[1],
        ]
    }

    /// Robust least squares on the valid flow of every fourth pixel (Cauchy weights, 1 px).
    fn fit(motion: &Motion, pair: &FlowPair) -> Self {
        let (w, h) = (motion.width as usize, motion.height as usize);
        let (cx, cy) = ((w - 1) as f64 / 2.0, (h - 1) as f64 / 2.0);
        let points: Vec<[f64; 4]> = (0..h)
            .step_by(4)
            .flat_map(|y| (0..w).step_by(4).map(move |x| (x, y)))
            .filter(|(x, y)| pair.valid[y * w + x] == 1)
            .map(|(x, y)| {
                let u = pair.forward[y * w + x];
                let (u, v) = (f64::from(u[0]), f64::from(u[1]));
                [x as f64 - cx, y as f64 - cy, u, v]
            })
            .collect();
        let mut fit = Self::default();
        for round in 0..8 {
            let mut s = [0.0f64; 8];
            for &[x, y, u, v] in &points {
                let [pu, pv] = fit.at(x, y);
                let r2 = (u - pu).powi(2) + (v - pv).powi(2);
                let weight = if round == 0 { 1.0 } else { 1.0 / (1.0 + r2) };
                let terms = [1.0, x, y, u, v, x * x + y * y, x * u + y * v, x * v - y * u];
                s.iter_mut().zip(terms).for_each(|(s, t)| *s += weight * t);
            }
            let [n, x, y, u, v, xx, a, b] = s;
            if n < 1e-9 {
                return Self::default();
            }
            let spread = xx - (x * x + y * y) / n;
            let (zoom, turn) = if spread > 1e-6 {
                (
                    (a - (x * u + y * v) / n) / spread,
                    (b - (x * v - y * u) / n) / spread,
                )
            } else {
                (0.0, 0.0)
            };
            fit = Self {
                zoom,
                turn,
                shift: [(u - zoom * x + turn * y) / n, (v - turn * x - zoom * y) / n],
            };
        }
        fit
    }
}

/// What the temporal scores share.
pub(super) struct Evidence<'a> {
    pub motion: &'a Motion,
    /// Pairs of neighbouring frames, in order.
    pub steps: Vec<&'a FlowPair>,
    /// Standard pixels (short side 160) in a motion pixel.
    pub scale: f64,
    /// Mean sharpness at the motion size.
    pub sharpness: f64,
    /// Share of steps that repeat a frame, in [0, 1].
    pub duplicates: f64,
    /// Mean length of the flow of each step, in standard pixels.
    pub speed: Vec<f64>,
    /// The camera's share of each step.
    pub camera: Vec<Similarity>,
    /// Tracks from several frames, up to eight steps long.
    pub tracks: Vec<Track>,
}

impl<'a> Evidence<'a> {
    pub fn new(motion: &'a Motion) -> Result<Self, ScoreError> {
        let n = motion.luma.len();
        let steps: Vec<&FlowPair> = (1..n)
            .map(|t| {
                motion
                    .pair(t - 1, t)
                    .ok_or(ScoreError::NoSteps { a: t - 1, b: t })
            })
            .collect::<Result<_, _>>()?;
        let (w, h) = (motion.width as usize, motion.height as usize);
        let scale = f64::from(SHORT_SIDE / w.min(h) as f32);
        let looked: Vec<usize> = spread(n, 8);
        let sharpness: Vec<f64> = looked
            .par_iter()
            .map(|&t| {
                let picture = Picture {
                    width: w,
                    height: h,
                    luma: &motion.luma[t],
                };
                picture.sharpness(picture.noise())
            })
            .collect();
        let changes: Vec<f64> = motion
            .luma
            .par_windows(2)
            .map(|f| {
                mean(
                    f[0].iter()
                        .zip(&f[1])
                        .map(|(a, b)| f64::from((a - b).abs())),
                )
            })
            .collect();
        let mut sorted: Vec<f32> = changes.iter().map(|c| *c as f32).collect();
        let same = SAME.max(0.12 * percentile(&mut sorted, 0.75));
        let repeated = changes.iter().filter(|c| **c < same).count();
        let speed = steps
            .par_iter()
            .map(|p| scale * mean(p.forward.iter().map(|u| f64::from(u[0].hypot(u[1])))))
            .collect();
        let camera = steps
            .par_iter()
            .map(|p| Similarity::fit(motion, p))
            .collect();
        let spacing = (w.min(h) as f32 / 16.0).max(2.0);
        let starts: Vec<usize> = (0..n - 1).step_by(4).collect();
        let tracks = starts
            .par_iter()
            .flat_map_iter(|&t| motion.tracks(t, 8, spacing, 1.0))
            .collect();
        Ok(Self {
            motion,
            steps,
            scale,
            sharpness: mean(sharpness),
            duplicates: repeated as f64 / changes.len().max(1) as f64,
            speed,
            camera,
            tracks,
        })
    }

    /// What every temporal score is multiplied by, so that neither blur nor repeated frames can raise it.
    pub fn gate(&self) -> f64 {
        (1.0 - self.duplicates) * (self.sharpness / 0.6).min(1.0).sqrt()
    }
}

/// At most `count` indices spread evenly over `0..n`, first and last among them.
pub(super) fn spread(n: usize, count: usize) -> Vec<usize> {
    if n <= count {
        return (0..n).collect();
    }
    (0..count).map(|i| i * (n - 1) / (count - 1)).collect()
}
