//! Identity persistence: the look of tracked patches against keyframes, in structure and in colour. It compares
//! appearance; whether a face is still the same person takes a network.

use rayon::prelude::*;

use super::Components;
use super::evidence::{Evidence, spread};
use super::picture::{mean, percentile};
use crate::motion::{Track, TrackEnd};

/// Half a patch side: patches of 21 pixels.
const HALF: i64 = 10;
/// Steps over which a keyframe's patches are followed.
const STEPS: usize = 16;
/// Standard deviation, in grey levels, under which a patch has no structure to compare.
const FLAT: f64 = 4.0;

/// Chroma (Cb, Cr) of each frame at the motion size.
pub(super) type Chroma = Vec<Vec<[f32; 2]>>;

pub(super) fn score(e: &Evidence<'_>, chroma: &Chroma, out: &mut Components) -> f64 {
    let n = e.motion.luma.len();
    let mut keys: Vec<usize> = [0, n / 4, n / 2, 3 * n / 4]
        .into_iter()
        .filter(|k| k + 1 < n)
        .collect();
    keys.dedup();
    let looks: Vec<f64> = keys
        .par_iter()
        .flat_map_iter(|&key| follow(e, chroma, key))
        .collect();
    let mut sorted: Vec<f32> = looks.iter().map(|l| *l as f32).collect();
    let (average, low) = (mean(looks.iter().copied()), percentile(&mut sorted, 0.1));
    out.put("identity_persistence", "mean", average);
    out.put("identity_persistence", "p10", low);
    (average * low).max(0.0).sqrt() * e.gate()
}

/// Mean likeness of a keyframe's textured patches at up to eight later frames. A patch that was lost inside the
/// picture counts 0; one that left it does not count.
fn follow(e: &Evidence<'_>, chroma: &Chroma, key: usize) -> Vec<f64> {
    let side = e.motion.width.min(e.motion.height) as f32;
    let margin = (HALF as f32).min(side / 4.0);
    let tracks: Vec<Track> = e
        .motion
        .tracks(key, STEPS, (side / 12.0).max(4.0), margin)
        .into_iter()
        .filter(|t| structure(e, key, t.points[0], key, t.points[0]).1 > FLAT)
        .collect();
    let last = (e.motion.luma.len() - 1 - key).min(STEPS);
    let mut looks = Vec::new();
    for step in spread(last, 8).into_iter().map(|s| s + 1) {
        let values = tracks
            .iter()
            .filter_map(|track| match track.points.get(step) {
                Some(p) => {
                    let (alike, _) = structure(e, key, track.points[0], key + step, *p);
                    Some(alike * tint(e, chroma, key, track.points[0], key + step, *p))
                }
                None if track.end == TrackEnd::Lost => Some(0.0),
                None => None,
            });
        let values: Vec<f64> = values.collect();
        if !values.is_empty() {
            looks.push(mean(values));
        }
    }
    looks
}

fn patch<'a>(e: &'a Evidence<'_>, p: [f32; 2]) -> impl Iterator<Item = usize> + use<'a> {
    let (w, h) = (i64::from(e.motion.width), i64::from(e.motion.height));
    let (x, y) = (p[0].round() as i64, p[1].round() as i64);
    (-HALF..=HALF).flat_map(move |j| {
        let row = (y + j).clamp(0, h - 1) * w;
        (-HALF..=HALF).map(move |i| (row + (x + i).clamp(0, w - 1)) as usize)
    })
}

/// SSIM's structure term of two patches, in [0, 1], and the standard deviation of the first.
fn structure(e: &Evidence<'_>, s: usize, p: [f32; 2], t: usize, q: [f32; 2]) -> (f64, f64) {
    let (a, b) = (&e.motion.luma[s], &e.motion.luma[t]);
    let (mut sums, mut n) = ([0.0f64; 5], 0.0);
    for (i, j) in patch(e, p).zip(patch(e, q)) {
        let (x, y) = (f64::from(a[i]), f64::from(b[j]));
        let terms = [x, y, x * x, y * y, x * y];
        sums.iter_mut().zip(terms).for_each(|(s, t)| *s += t);
        n += 1.0;
    }
    let [x, y, xx, yy, xy] = sums.map(|s| s / n);
    let (sx, sy) = ((xx - x * x).max(0.0).sqrt(), (yy - y * y).max(0.0).sqrt());
    // C3 of SSIM: (.03 * 255)^2 / 2.
    let c = 29.26;
    let alike = ((xy - x * y + c) / (sx * sy + c)).clamp(0.0, 1.0);
    (alike, sx)
}

/// Likeness of the mean chroma of two patches, in (0, 1].
fn tint(e: &Evidence<'_>, chroma: &Chroma, s: usize, p: [f32; 2], t: usize, q: [f32; 2]) -> f64 {
    let centre = |frame: usize, p: [f32; 2]| {
        let (mut sum, mut n) = ([0.0f64; 2], 0.0);
        for i in patch(e, p) {
            let c = chroma[frame][i];
            sum = [sum[0] + f64::from(c[0]), sum[1] + f64::from(c[1])];
            n += 1.0;
        }
        sum.map(|v| v / n)
    };
    let (a, b) = (centre(s, p), centre(t, q));
    (-(a[0] - b[0]).hypot(a[1] - b[1]) / 12.0).exp()
}
