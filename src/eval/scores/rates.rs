//! The same clips at several frame rates and lengths: how far their scores lie apart.
//!
//! A mock scene is sampled anew at each rate, the world and all motion in it being the same; of a video every second, third
//! and fourth frame is kept. Shorter ones are the start of longer ones.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use super::clips::{self, Half, Shape, Source, Spec};
use super::measure::{METRICS, measure, metrics, values};
use super::protocol::Inner;
use crate::gpu::Gpu;
use crate::mock::defects::exactly;
use crate::mock::{Clip, Scene, understand};
use crate::monitor::Monitor;
use crate::numeric::median;
use crate::score::LEAST_FRAMES;
use crate::video::Frames;

/// Frames a second of mock clips.
pub const RATES: [f64; 5] = [8.0, 12.0, 16.0, 24.0, 30.0];
/// Seconds of clips; of videos those that they have.
pub const SECONDS: [f64; 3] = [2.0, 4.0, 8.0];
/// Videos are thinned out to no fewer frames a second.
const FEWEST: f64 = 7.0;

/// Within what scores of one clip are to lie.
pub const WITHIN: f64 = 0.03;
/// The same for their combination.
pub const OVERALL_WITHIN: f64 = 0.015;

/// One clip, at one rate and of one length.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Sample {
    /// Name of the clip.
    pub clip: String,
    /// Its half.
    pub half: Half,
    /// Frames a second.
    pub rate: f64,
    /// Its length.
    pub seconds: f64,
    /// The scores, by name, and `overall`.
    #[serde(flatten)]
    pub scores: BTreeMap<&'static str, f64>,
    /// What is behind them.
    pub components: BTreeMap<String, f64>,
}

/// How far one score lies apart: the largest of a clip less its smallest.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Apart {
    /// The score.
    pub metric: &'static str,
    /// Over the rates, clips of one length (the largest over the lengths): the median over the clips, and the worst.
    pub rates: [f64; 2],
    /// Over the lengths at one rate (the largest over the rates), the same.
    pub lengths: [f64; 2],
    /// Over rates and lengths together.
    pub all: [f64; 2],
    /// The clip of the worst of all.
    pub worst: String,
    /// Share of clips of which all lie within [`WITHIN`] (or [`OVERALL_WITHIN`]).
    pub within: f64,
}

/// Scores the clips at all rates and lengths. `on_sample` hears of each. Progress counts scored clips.
///
/// # Errors
/// What is wrong with a video, the device's, those of `on_sample`, and an interruption.
pub fn sample(
    gpu: &Gpu,
    specs: &[Spec],
    shape: &Shape,
    monitor: &dyn Monitor,
    on_sample: &mut dyn FnMut(&Sample) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Sample>> {
    let mut all = Vec::new();
    let total = specs.len() as u64;
    for (done, spec) in specs.iter().enumerate() {
        monitor.progress(done as u64, total);
        for (rate, frames) in sampled(gpu, spec, shape, &Inner(monitor))? {
            for seconds in lengths(frames.len() as f64 / rate, rate) {
                if monitor.stopped() {
                    bail!("interrupted after {done} of {total} clips");
                }
                let count = ((seconds * rate).round() as usize).min(frames.len());
                let cut = frames.select(&(0..count).collect::<Vec<_>>());
                let doing = || format!("{} at {rate} frames a second", spec.name);
                let scores = measure(gpu, &cut, &Inner(monitor)).with_context(doing)?;
                let sample = Sample {
                    clip: spec.name.clone(),
                    half: spec.half,
                    rate,
                    seconds,
                    scores: metrics().into_iter().zip(values(&scores)).collect(),
                    components: scores.components,
                };
                on_sample(&sample)?;
                all.push(sample);
            }
        }
    }
    monitor.progress(total, total);
    Ok(all)
}

/// The lengths that a clip of so many seconds has; its own where it has none of them.
fn lengths(clip: f64, rate: f64) -> Vec<f64> {
    // A video is a frame short of its length, as often as not.
    let mut fitting = SECONDS.to_vec();
    fitting.retain(|&seconds| seconds <= clip + 1.5 / rate);
    if fitting.is_empty() {
        fitting.push(clip);
    }
    fitting
}

/// The longest clip that is asked for, at each rate.
fn sampled(
    gpu: &Gpu,
    spec: &Spec,
    shape: &Shape,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<(f64, Frames)>> {
    let longest = SECONDS[SECONDS.len() - 1];
    match &spec.source {
        Source::Mock { prompt, seed } => RATES
            .iter()
            .map(|&fps| {
                let clip = Clip {
                    frames: (longest * fps) as usize,
                    fps,
                    size: shape.size,
                };
                let scene = Scene::planting(understand(prompt, *seed), clip, exactly(&[]));
                Ok((fps, clips::render(gpu, &scene, monitor)?))
            })
            .collect(),
        Source::Video(_) => {
            let whole = Shape {
                seconds: longest,
                frames: usize::MAX,
                ..*shape
            };
            let frames = clips::load(gpu, spec, &whole, monitor)?;
            let fps = rate(&frames.times);
            let enough =
                |k: usize| fps / k as f64 >= FEWEST && frames.len().div_ceil(k) >= LEAST_FRAMES;
            let thinned = (1..=4).filter(|&k| k == 1 || enough(k));
            let thinned = thinned.map(|k| {
                let kept: Vec<usize> = (0..frames.len()).step_by(k).collect();
                (fps / k as f64, frames.select(&kept))
            });
            Ok(thinned.collect())
        }
    }
}

/// Frames a second, by the median time between them.
fn rate(times: &[f64]) -> f64 {
    let mut gaps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
    let gap = median(&mut gaps).filter(|&gap| gap > 0.0);
    gap.map_or(24.0, |gap| 1.0 / gap)
}

/// The largest less the smallest.
fn range(values: impl Iterator<Item = f64>) -> f64 {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    (high - low).max(0.0)
}

/// How far the samples of each clip lie apart, score by score.
pub fn apart(samples: &[Sample]) -> Vec<Apart> {
    let mut clips: Vec<&str> = samples.iter().map(|s| s.clip.as_str()).collect();
    clips.dedup();
    let of = |metric: &'static str| {
        let of_clip = |clip: &str| {
            let own: Vec<&Sample> = samples.iter().filter(|s| s.clip == clip).collect();
            let range_where = |same: &dyn Fn(&Sample, &Sample) -> bool| {
                let each = own.iter().map(|first| {
                    let like = own.iter().filter(|other| same(first, other));
                    range(like.map(|s| s.scores[metric]))
                });
                each.fold(0.0, f64::max)
            };
            [
                range_where(&|a, b| a.seconds == b.seconds),
                range_where(&|a, b| a.rate == b.rate),
                range_where(&|_, _| true),
            ]
        };
        let ranges: Vec<[f64; 3]> = clips.iter().map(|clip| of_clip(clip)).collect();
        let told = |k: usize| {
            let mut each: Vec<f64> = ranges.iter().map(|r| r[k]).collect();
            let worst = each.iter().copied().fold(0.0, f64::max);
            [median(&mut each).unwrap_or(0.0), worst]
        };
        let limit = if metric == metrics()[METRICS - 1] {
            OVERALL_WITHIN
        } else {
            WITHIN
        };
        let worst = (0..clips.len()).max_by(|&a, &b| ranges[a][2].total_cmp(&ranges[b][2]));
        let within = ranges.iter().filter(|r| r[2] <= limit).count();
        Apart {
            metric,
            rates: told(0),
            lengths: told(1),
            all: told(2),
            worst: worst.map_or_else(String::new, |i| clips[i].to_owned()),
            within: within as f64 / clips.len().max(1) as f64,
        }
    };
    metrics().into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_hand_made_samples() {
        let sample = |clip: &str, rate: f64, seconds: f64, score: f64| Sample {
            clip: clip.to_owned(),
            half: Half::HeldOut,
            rate,
            seconds,
            scores: metrics().into_iter().map(|m| (m, score)).collect(),
            components: BTreeMap::new(),
        };
        let samples = [
            sample("a", 8.0, 2.0, 0.5),
            sample("a", 24.0, 2.0, 0.52),
            sample("a", 8.0, 4.0, 0.51),
            sample("a", 24.0, 4.0, 0.60),
            sample("b", 8.0, 2.0, 0.7),
            sample("b", 24.0, 2.0, 0.74),
            sample("c", 8.0, 2.0, 0.7),
            sample("c", 24.0, 2.0, 0.7),
        ];
        let apart = apart(&samples);
        assert_eq!(apart.len(), METRICS);
        let near = |got: [f64; 2], want: [f64; 2]| {
            got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12)
        };
        for one in &apart {
            // Of "a": .09 at 4 s, .08 at 24 a second, .1 in all; of "b" .04 over the rates, of "c" nothing.
            assert!(near(one.rates, [0.04, 0.09]), "{one:?}");
            assert!(near(one.lengths, [0.0, 0.08]), "{one:?}");
            assert!(near(one.all, [0.04, 0.1]), "{one:?}");
            assert_eq!((one.worst.as_str(), one.within), ("a", 1.0 / 3.0));
        }
    }

    #[test]
    fn short_clips_are_as_long_as_they_are() {
        assert_eq!(lengths(8.0, 24.0), [2.0, 4.0, 8.0]);
        assert_eq!(lengths(3.96, 24.0), [2.0, 4.0]);
        assert_eq!(lengths(0.5, 24.0), [0.5]);
    }

    #[test]
    fn the_rate_is_of_most_gaps() {
        assert!((rate(&[0.0, 0.1, 0.2, 0.5]) - 10.0).abs() < 1e-9);
        assert_eq!(rate(&[0.0]), 24.0);
    }
}
