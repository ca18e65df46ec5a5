//! What an oracle makes of the corruptions of one thing: it knows which disc is corrupted, how its content goes, and looks at
//! nothing else. No score that has to find the disc and follow it can be expected to tell more.
//!
//! Its tracks are those that the corruption sticks to; what they leave (size, turn, a shift) is fitted on the clean clip, where
//! nothing is in the way. It compares the look of the disc as laid over by that: grey levels, and structure.

use anyhow::{Context, bail};

use super::clips::{self, Spec};
use super::protocol::{Inner, Options};
use super::stats::{auc, mean, spearman, win};
use crate::eval::corrupt::{self, Anchors, Corruption, Kind};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::SPAN;
use crate::score::LEAST_FRAMES;
use crate::video::Frames;

/// The corruptions of one thing.
pub const KINDS: [Kind; 2] = [Kind::Vanish, Kind::Morph];
/// What the oracle compares.
pub const BY: [&str; 2] = ["grey levels", "structure"];
/// Samples across the disc.
const ACROSS: i32 = 24;
/// Steps on each side that what happens at one is held against.
const BESIDE: usize = 2;

/// How well the oracle tells one corruption by one comparison.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Ceiling {
    /// What was done.
    #[serde(serialize_with = "name")]
    pub corruption: Kind,
    /// What was compared.
    pub by: &'static str,
    /// As of a score's cell.
    pub rho: f64,
    /// As of a score's cell.
    pub win: f64,
    /// As of a score's cell.
    pub auc: f64,
}

fn name<S: serde::Serializer>(kind: &Kind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.name())
}

/// How the content of the disc lies in a frame against where it lay: shift in pixels, logarithm of size, turn in radians.
type Pose = [f64; 4];

/// One frame as luma and chroma, in levels.
struct Picture {
    size: [usize; 2],
    pixels: Vec<[f32; 3]>,
}

impl Picture {
    fn of(gpu: &Gpu, frames: &Frames, t: usize) -> anyhow::Result<Self> {
        let rgba = gpu.read(&frames.rgba[t])?;
        let pixels = rgba
            .iter()
            .map(|p| {
                let [r, g, b] = [0, 8, 16].map(|s| (p >> s & 255) as f32);
                let y = 0.299 * r + 0.587 * g + 0.114 * b;
                [y, 0.564 * (b - y), 0.713 * (r - y)]
            })
            .collect();
        let size = [frames.width as usize, frames.height as usize];
        Ok(Self { size, pixels })
    }

    /// The samples of a disc; `None` outside of the picture.
    fn samples(&self, centre: [f64; 2], radius: f64, pose: Pose) -> Vec<Option<[f32; 3]>> {
        let (size, turn) = (pose[2].exp(), pose[3]);
        let mut all = Vec::new();
        for j in 0..ACROSS {
            for i in 0..ACROSS {
                let unit = [i, j].map(|k| 2.0 * (f64::from(k) + 0.5) / f64::from(ACROSS) - 1.0);
                if unit[0].hypot(unit[1]) > 0.9 {
                    continue;
                }
                let [x, y] = unit.map(|u| u * radius * size);
                let at = [
                    centre[0] + pose[0] + x * turn.cos() - y * turn.sin(),
                    centre[1] + pose[1] + x * turn.sin() + y * turn.cos(),
                ];
                all.push(self.at(at));
            }
        }
        all
    }

    fn at(&self, at: [f64; 2]) -> Option<[f32; 3]> {
        let [w, h] = self.size;
        let inside = |v: f64, n: usize| v >= 0.0 && v <= (n - 1) as f64;
        if !inside(at[0], w) || !inside(at[1], h) {
            return None;
        }
        let [x, y] = at.map(|v| v as usize);
        let (fx, fy) = (at[0].fract() as f32, at[1].fract() as f32);
        let pixel = |x: usize, y: usize| self.pixels[y.min(h - 1) * w + x.min(w - 1)];
        let mix =
            |a: [f32; 3], b: [f32; 3], t: f32| std::array::from_fn(|k| a[k] * (1.0 - t) + b[k] * t);
        let row = |y: usize| mix(pixel(x, y), pixel(x + 1, y), fx);
        Some(mix(row(y), row(y + 1), fy))
    }
}

/// How unlike two looks at the disc are, by each of [`BY`]; `None` where too little of it is seen in both.
fn unlike(a: &[Option<[f32; 3]>], b: &[Option<[f32; 3]>]) -> Option<[f64; 2]> {
    let both: Vec<([f32; 3], [f32; 3])> = a
        .iter()
        .zip(b)
        .filter_map(|(a, b)| Some(((*a)?, (*b)?)))
        .collect();
    if 3 * both.len() < a.len() {
        return None;
    }
    let n = both.len() as f64;
    let levels = |(a, b): &([f32; 3], [f32; 3])| -> f64 {
        (0..3).map(|k| f64::from((a[k] - b[k]).abs())).sum()
    };
    let grey = both.iter().map(levels).sum::<f64>() / n;
    let luma = |k: usize| -> Vec<f64> {
        let of = |(a, b): &([f32; 3], [f32; 3])| f64::from(if k == 0 { a[0] } else { b[0] });
        both.iter().map(of).collect()
    };
    let (a, b) = (luma(0), luma(1));
    let (ma, mb) = (mean(&a), mean(&b));
    let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - ma) * (b - mb))
            .sum::<f64>()
            / n
    };
    let (ab, aa, bb) = (
        product(&a, ma, &b, mb),
        product(&a, ma, &a, ma),
        product(&b, mb, &b, mb),
    );
    // As SSIM's structure: what has no texture is like nothing that has, and like what has none either.
    Some([grey, 1.0 - (ab + 4.0) / ((aa + 4.0) * (bb + 4.0)).sqrt()])
}

/// The disc of one corruption in the frames that are looked at.
struct Disc {
    centres: Vec<[f64; 2]>,
    radius: f64,
    /// Of each look the pose against the first, and against the one before.
    poses: [Vec<Pose>; 2],
}

impl Disc {
    fn of(clean: &[Picture], centres: Vec<[f64; 2]>, radius: f64) -> Self {
        let pose = |from: usize, to: usize, start: Pose| {
            let want = clean[from].samples(centres[from], radius, [0.0; 4]);
            let off = |pose: Pose| {
                let got = clean[to].samples(centres[to], radius, pose);
                unlike(&want, &got).map_or(f64::INFINITY, |u| u[0])
            };
            fitted(start, radius, off)
        };
        let mut first: Vec<Pose> = vec![[0.0; 4]];
        let mut before: Vec<Pose> = vec![[0.0; 4]];
        for t in 1..clean.len() {
            before.push(pose(t - 1, t, [0.0; 4]));
            // What has turned or grown since the first goes on from where it was.
            let start = first[t - 1];
            first.push(pose(0, t, start));
        }
        Self {
            centres,
            radius,
            poses: [first, before],
        }
    }

    /// How unlike it looks in time, by each of [`BY`].
    fn told(&self, kind: Kind, looks: &[Picture]) -> [f64; 2] {
        let seen = |t: usize, pose: Pose| looks[t].samples(self.centres[t], self.radius, pose);
        let against = |from: usize, t: usize, pose: Pose| {
            unlike(&seen(from, [0.0; 4]), &seen(t, pose)).unwrap_or_default()
        };
        match kind {
            // What changes slowly shows most against the first look, the more the later.
            Kind::Morph => {
                let (mut sum, mut total) = ([0.0; 2], 0.0);
                for t in 1..looks.len() {
                    let found = against(0, t, self.poses[0][t]);
                    (0..2).for_each(|k| sum[k] += t as f64 * found[k]);
                    total += t as f64;
                }
                sum.map(|s| s / f64::max(total, 1.0))
            }
            // What is suddenly otherwise shows at one step, and not at those beside it.
            _ => {
                let steps: Vec<[f64; 2]> = (1..looks.len())
                    .map(|t| against(t - 1, t, self.poses[1][t]))
                    .collect();
                std::array::from_fn(|k| {
                    let sudden = |t: usize| {
                        let beside = t.saturating_sub(BESIDE)..(t + BESIDE + 1).min(steps.len());
                        let others = beside.filter(|&other| other != t);
                        steps[t][k] - others.map(|other| steps[other][k]).fold(0.0, f64::max)
                    };
                    (0..steps.len()).map(sudden).fold(0.0, f64::max)
                })
            }
        }
    }
}

/// The pose at which `off` is least, by ever smaller steps from `start`.
fn fitted(start: Pose, radius: f64, off: impl Fn(Pose) -> f64) -> Pose {
    let mut best = (off(start), start);
    for round in 0..5 {
        let less = 0.5f64.powi(round);
        let step = [0.08 * radius, 0.08 * radius, 0.06, 0.06].map(|s| s * less);
        for _ in 0..4 {
            let before = best.0;
            for k in 0..4 {
                for way in [-1.0, 1.0] {
                    let mut pose = best.1;
                    pose[k] += way * step[k];
                    let value = off(pose);
                    if value < best.0 {
                        best = (value, pose);
                    }
                }
            }
            if best.0 >= before {
                break;
            }
        }
    }
    best.1
}

/// Frames nearest to each [`SPAN`].
fn looks(times: &[f64]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for (t, time) in times.iter().enumerate() {
        let due = kept.last().map_or(times[0], |&last| times[last] + SPAN);
        let next = times.get(t + 1).copied().unwrap_or(f64::INFINITY);
        if (time - due).abs() <= (next - due).abs() && *time >= due - 0.5 * SPAN {
            kept.push(t);
        }
    }
    kept
}

/// Runs the oracle on `specs`. Progress counts clips.
///
/// # Errors
/// Where no clip can be judged; what is wrong with a video, the device's, and an interruption.
pub fn ceiling(
    gpu: &Gpu,
    specs: &[Spec],
    options: &Options,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<Ceiling>> {
    let place = options.levels.iter().position(|&l| l == options.judged());
    let judged = place.context("no level to judge at")?;
    let severity: Vec<f64> = std::iter::once(0)
        .chain(options.levels.iter().copied())
        .map(f64::from)
        .collect();
    // Of each corruption and comparison: clean and corrupted clips, seed by seed.
    let mut clean = vec![Vec::new(); KINDS.len() * BY.len()];
    let mut worse: Vec<Vec<Vec<f64>>> = vec![Vec::new(); KINDS.len() * BY.len()];
    let mut rhos = vec![Vec::new(); KINDS.len() * BY.len()];
    let mut wins = vec![Vec::new(); KINDS.len() * BY.len()];
    for (done, spec) in specs.iter().enumerate() {
        monitor.progress(done as u64, specs.len() as u64);
        let inner = Inner(monitor);
        let frames = clips::load(gpu, spec, &options.shape, &inner)?;
        let anchors = Anchors::find(gpu, &frames, &inner)?;
        let at = looks(&frames.times);
        if at.len() < LEAST_FRAMES {
            bail!(
                "{} has {} looks an eighth of a second apart, too few to tell; give clips of at least {LEAST_FRAMES} (--seconds)",
                spec.name,
                at.len()
            );
        }
        let pictures = |frames: &Frames| -> anyhow::Result<Vec<Picture>> {
            at.iter().map(|&t| Picture::of(gpu, frames, t)).collect()
        };
        let unharmed = pictures(&frames)?;
        for (k, &kind) in KINDS.iter().enumerate() {
            // Of each seed and level what the clean clip has in the disc, and the corrupted one.
            let mut found: Vec<Vec<[[f64; 2]; 2]>> = Vec::new();
            for seed in 0..options.seeds {
                let mut ladder = Vec::new();
                for &level in &options.levels {
                    if monitor.stopped() {
                        bail!("interrupted after {done} of {} clips", specs.len());
                    }
                    let what = Corruption { kind, level, seed };
                    let (path, radius) = corrupt::object::place(&frames, &anchors, &what);
                    let centres = at.iter().map(|&t| path[t]).collect();
                    let disc = Disc::of(&unharmed, centres, radius);
                    let corrupted = corrupt::corrupt(gpu, &frames, &anchors, &what)?;
                    let looked = pictures(&corrupted)?;
                    ladder.push([disc.told(kind, &unharmed), disc.told(kind, &looked)]);
                }
                found.push(ladder);
            }
            for by in 0..BY.len() {
                let to = k * BY.len() + by;
                // Each disc against itself, for they differ in size.
                let rise = |ladder: &Vec<[[f64; 2]; 2]>| {
                    let by_level = ladder.iter().map(|[before, after]| before[by] - after[by]);
                    let scores: Vec<f64> = std::iter::once(0.0).chain(by_level).collect();
                    spearman(&severity, &scores)
                };
                rhos[to].push(mean(&found.iter().map(rise).collect::<Vec<_>>()));
                let told = |which: usize| -> Vec<f64> {
                    let told = found.iter().map(|ladder| -ladder[judged][which][by]);
                    told.collect()
                };
                let pairs: Vec<(f64, f64)> = told(0).into_iter().zip(told(1)).collect();
                wins[to].push(mean(
                    &pairs.iter().map(|p| win(p.0, p.1)).collect::<Vec<_>>(),
                ));
                // A disc a seed, as many clean ones as corrupted.
                for (before, after) in pairs {
                    clean[to].push(before);
                    worse[to].push(vec![after]);
                }
            }
        }
    }
    monitor.progress(specs.len() as u64, specs.len() as u64);
    let told = (0..clean.len()).map(|to| Ceiling {
        corruption: KINDS[to / BY.len()],
        by: BY[to % BY.len()],
        rho: mean(&rhos[to]),
        win: mean(&wins[to]),
        auc: auc(&clean[to], &worse[to]),
    });
    Ok(told.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes that are laid over themselves when turned and grown back.
    fn stripes(pose: Pose) -> Picture {
        let size = [96, 64];
        let value = |i: usize| {
            let [x, y] = [
                (i % 96) as f64 - 48.0 - pose[0],
                (i / 96) as f64 - 32.0 - pose[1],
            ];
            let (s, c) = pose[3].sin_cos();
            let [u, v] = [x * c + y * s, y * c - x * s].map(|k| k / pose[2].exp());
            let y = 128.0 + 50.0 * (0.4 * u).sin() + 30.0 * (0.31 * v).cos();
            [y as f32, 0.0, 0.0]
        };
        let pixels = (0..size[0] * size[1]).map(value).collect();
        Picture { size, pixels }
    }

    #[test]
    fn the_disc_is_laid_over_as_it_went() {
        let went: Pose = [2.0, -1.5, 0.08, 0.1];
        let clean = [stripes([0.0; 4]), stripes(went)];
        let disc = Disc::of(&clean, vec![[48.0, 32.0]; 2], 20.0);
        for k in 0..4 {
            let found = disc.poses[0][1][k];
            let near = if k < 2 { 0.2 } else { 0.01 };
            assert!((found - went[k]).abs() < near, "{:?}", disc.poses[0][1]);
        }
        let [grey, structure] = disc.told(Kind::Morph, &clean);
        assert!(grey < 1.0 && structure < 0.01, "{grey} {structure}");
        let other = [stripes([0.0; 4]), stripes([9.0, 4.0, 0.3, 0.9])];
        let [grey, structure] = disc.told(Kind::Morph, &other);
        assert!(grey > 20.0 && structure > 0.3, "{grey} {structure}");
    }

    #[test]
    fn what_is_sudden_is_told_and_what_goes_on_is_not() {
        let still = stripes([0.0; 4]);
        let clean: Vec<Picture> = (0..7).map(|_| stripes([0.0; 4])).collect();
        let disc = Disc::of(&clean, vec![[48.0, 32.0]; 7], 20.0);
        assert_eq!(disc.told(Kind::Vanish, &clean), [0.0; 2]);
        let gone: Vec<Picture> = (0..7)
            .map(|t| match t < 3 {
                true => stripes([0.0; 4]),
                false => Picture {
                    size: still.size,
                    pixels: vec![[128.0, 0.0, 0.0]; still.pixels.len()],
                },
            })
            .collect();
        let [grey, structure] = disc.told(Kind::Vanish, &gone);
        assert!(grey > 20.0 && structure > 0.9, "{grey} {structure}");
    }

    #[test]
    fn looks_are_a_span_apart() {
        let times: Vec<f64> = (0..49).map(|t| f64::from(t) / 24.0).collect();
        assert_eq!(looks(&times), (0..17).map(|k| 3 * k).collect::<Vec<_>>());
        let slow: Vec<f64> = (0..5).map(|t| f64::from(t) / 4.0).collect();
        assert_eq!(looks(&slow).len(), 5);
    }
}
