//! Points of a clip's content that a corruption can stick to.

use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::{self, MotionError, MotionOptions};
use crate::numeric::Rng;
use crate::video::Frames;

/// Spacing of the grid of points in pixels of the motion size.
const SPACING: f32 = 8.0;
/// Half the side of the square whose contrast counts, in pixels of the motion size.
const REACH: usize = 6;

/// A point of the first frame, followed to the last.
#[derive(Clone, Debug, PartialEq)]
struct Anchor {
    /// Place in each frame in pixels of the clip.
    points: Vec<[f64; 2]>,
    /// Frames in which it was truly seen; after them it moves as the others do.
    seen: usize,
    /// Standard deviation of the luma about it in the first frame, in levels.
    contrast: f32,
}

/// Luma of the first frame at the motion size.
struct Picture {
    size: [usize; 2],
    luma: Vec<f32>,
}

/// The points of one clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors {
    size: [f64; 2],
    frames: usize,
    all: Vec<Anchor>,
}

impl Anchors {
    /// Follows a grid of points of the first frame through the clip.
    ///
    /// # Errors
    /// As [`motion::estimate`].
    pub fn find(gpu: &Gpu, frames: &Frames, monitor: &dyn Monitor) -> Result<Self, MotionError> {
        let motion = motion::estimate(gpu, frames, &MotionOptions::default(), monitor)?;
        let count = frames.len();
        let tracks = motion.tracks(gpu, 0, count.saturating_sub(1), SPACING, 4.0)?;
        let paths = tracks.tracks.into_iter().map(|t| t.points).collect();
        let size = [frames.width, frames.height].map(f64::from);
        let luma = motion.steps.first().map(|step| gpu.read(&step.a));
        let picture = Picture {
            size: [motion.width as usize, motion.height as usize],
            luma: luma.transpose()?.unwrap_or_default(),
        };
        Ok(Self::new(size, count, &picture, paths))
    }

    /// From paths in pixels of the motion size, one point a frame from the first on.
    fn new(size: [f64; 2], frames: usize, first: &Picture, paths: Vec<Vec<[f32; 2]>>) -> Self {
        let scale = [
            size[0] / first.size[0].max(1) as f64,
            size[1] / first.size[1].max(1) as f64,
        ];
        let mut all: Vec<Anchor> = paths
            .into_iter()
            .filter(|path| !path.is_empty())
            .map(|path| Anchor {
                contrast: contrast(first, path[0]),
                seen: path.len(),
                points: path
                    .iter()
                    .map(|p| [0, 1].map(|c| (f64::from(p[c]) + 0.5) * scale[c] - 0.5))
                    .collect(),
            })
            .collect();
        for t in 1..frames {
            let living = || all.iter().filter(|a| a.seen > t);
            let n = living().count().max(1) as f64;
            let mean = [0, 1].map(|c| {
                living()
                    .map(|a| a.points[t][c] - a.points[t - 1][c])
                    .sum::<f64>()
                    / n
            });
            for anchor in all.iter_mut().filter(|a| a.seen <= t) {
                let last = anchor.points[t - 1];
                anchor.points.push([last[0] + mean[0], last[1] + mean[1]]);
            }
        }
        Self { size, frames, all }
    }

    /// Least distance of a place to the border in pixels; negative outside.
    pub(super) fn margin(&self, [x, y]: [f64; 2]) -> f64 {
        let [w, h] = self.size;
        x.min(y).min(w - 1.0 - x).min(h - 1.0 - y)
    }

    /// The path of one point, a place a frame: of those seen for long one of the third with the most contrast, `radius`
    /// away from the border where there is one. The middle of the picture where nothing could be followed.
    pub(super) fn pick(&self, radius: f64, rng: &mut Rng) -> Vec<[f64; 2]> {
        let draw = rng.unit();
        let longest = self.all.iter().map(|a| a.seen).max().unwrap_or(0);
        let mut long: Vec<&Anchor> = self
            .all
            .iter()
            .filter(|a| 10 * a.seen >= 6 * longest)
            .collect();
        long.sort_by(|a, b| b.contrast.total_cmp(&a.contrast));
        let least = |a: &Anchor| {
            let margins = a.points.iter().map(|&p| self.margin(p));
            margins.fold(f64::INFINITY, f64::min)
        };
        let third = long.len().div_ceil(3);
        let inside = |of: &[&Anchor]| -> Vec<Anchor> {
            let kept = of.iter().filter(|a| least(a) >= radius);
            kept.map(|&a| a.clone()).collect()
        };
        let mut choice = inside(&long[..third]);
        if choice.is_empty() {
            choice = inside(&long);
        }
        if choice.is_empty() {
            let best = long.iter().max_by(|a, b| least(a).total_cmp(&least(b)));
            choice.extend(best.map(|&a| a.clone()));
        }
        let at = ((draw * choice.len() as f64) as usize).min(choice.len().saturating_sub(1));
        choice.get(at).map_or_else(
            || vec![self.size.map(|s| 0.5 * (s - 1.0)); self.frames],
            |a| a.points.clone(),
        )
    }
}

/// Standard deviation of the first frame's luma in a square about a place.
fn contrast(first: &Picture, [x, y]: [f32; 2]) -> f32 {
    let (Picture { luma, .. }, [w, h]) = (first, first.size);
    if luma.is_empty() {
        return 0.0;
    }
    let span = |v: f32, n: usize| {
        let v = v.max(0.0) as usize;
        v.saturating_sub(REACH)..(v + REACH + 1).min(n)
    };
    let (mut n, mut sum, mut squares) = (0.0f64, 0.0f64, 0.0f64);
    for j in span(y, h) {
        for i in span(x, w) {
            let v = f64::from(luma[j * w + i]);
            n += 1.0;
            sum += v;
            squares += v * v;
        }
    }
    let n = n.max(1.0);
    (squares / n - (sum / n).powi(2)).max(0.0).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(width: usize, height: usize, luma: Vec<f32>) -> Picture {
        let size = [width, height];
        Picture { size, luma }
    }

    #[test]
    fn a_path_that_ends_goes_on_with_the_mean_of_the_others() {
        let motion = still(32, 32, vec![0.0; 1024]);
        let paths = vec![
            vec![[8.0, 8.0], [10.0, 8.0], [12.0, 8.0], [14.0, 8.0]],
            vec![[16.0, 16.0], [16.0, 17.0]],
            vec![[20.0, 8.0], [22.0, 10.0], [24.0, 12.0], [26.0, 14.0]],
        ];
        let anchors = Anchors::new([64.0, 64.0], 4, &motion, paths);
        // Twice the motion size: at pixel 16 of it lies 32.5 of the clip.
        let want = [[32.5, 32.5], [32.5, 34.5], [36.5, 36.5], [40.5, 38.5]];
        assert_eq!(anchors.all[1].points, want);
        assert_eq!(anchors.all[1].seen, 2);
    }

    #[test]
    fn the_pick_is_contrasty_inside_and_the_same_for_a_seed() {
        // Contrast on the right half only.
        let luma = (0..64 * 64)
            .map(|i| {
                if i % 64 > 32 && i % 2 == 0 {
                    200.0
                } else {
                    20.0
                }
            })
            .collect();
        let motion = still(64, 64, luma);
        let paths = (0..8)
            .flat_map(|j| {
                (0..8).map(move |i| vec![[4.0 + 8.0 * i as f32, 4.0 + 8.0 * j as f32]; 4])
            })
            .collect();
        let anchors = Anchors::new([64.0, 64.0], 4, &motion, paths);
        for seed in 0..20 {
            let path = anchors.pick(10.0, &mut Rng::stream(seed, "x"));
            assert_eq!(path, anchors.pick(10.0, &mut Rng::stream(seed, "x")));
            assert_eq!(path.len(), 4);
            assert!(
                path[0][0] > 30.0 && anchors.margin(path[0]) >= 10.0,
                "{path:?}"
            );
        }
    }

    #[test]
    fn where_nothing_was_followed_it_is_the_middle() {
        let motion = still(8, 8, vec![0.0; 64]);
        let anchors = Anchors::new([9.0, 5.0], 3, &motion, Vec::new());
        let path = anchors.pick(2.0, &mut Rng::stream(1, "x"));
        assert_eq!(path, [[4.0, 2.0]; 3]);
    }
}
