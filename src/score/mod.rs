//! Six scores of a take, each in [0, 1], and their weighted geometric mean.
//!
//! The scores are kinematic and photometric: they need no network and claim no more than they measure. Every
//! temporal score is gated by sharpness and by repeated frames, so that neither blur nor frozen frames raises it.
//! Lengths are in pixels of a picture whose short side is 160. In this first form the measures run on the CPU,
//! on luma and flow that the motion stage read back.

mod evidence;
mod identity_persistence;
mod motion_smoothness;
mod path_realism;
mod physics_plausibility;
mod picture;
mod temporal_coherence;
mod visual_quality;

use std::collections::BTreeMap;

use crate::gpu::{Gpu, GpuError};
use crate::motion::Motion;
use crate::video::Frames;

use evidence::{Evidence, spread};
use picture::Picture;
use visual_quality::Quality;

/// Version of the stage; part of the resume key.
pub const VERSION: u32 = 1;

/// Fewest frames that can be scored: jerk is a third difference.
pub const LEAST_FRAMES: usize = 4;

/// Why a take has no scores.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// Too few frames for the temporal scores.
    #[error("a take of {frames} frames is too short to score; give one of at least {LEAST_FRAMES}")]
    TooShort {
        /// Its frames.
        frames: usize,
    },
    /// Frames and motion are not of the same clip.
    #[error("{frames} frames, but the motion is of {motion}; estimate the motion of these frames")]
    Mismatch {
        /// Frames of the clip.
        frames: usize,
        /// Frames behind the motion.
        motion: usize,
    },
    /// The flow between neighbouring frames is missing.
    #[error("no flow between frames {a} and {b}; let the motion option 'strides' contain 1")]
    NoSteps {
        /// First frame.
        a: usize,
        /// Second frame.
        b: usize,
    },
    /// A weight that cannot be used.
    #[error(
        "score option '{field}' is {value}; give zero or a positive number, and not zero for all"
    )]
    Weight {
        /// Which option.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The caller said stop.
    #[error("interrupted while scoring")]
    Interrupted,
}

/// How the six scores become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// Weighted geometric mean; a score under .01 counts as .01, so that a zero still lets takes be ranked.
    #[default]
    Geometric,
    /// Weighted arithmetic mean, the original design's sum.
    Arithmetic,
}

/// Weights and their combination.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoreOptions {
    /// How the six scores become one.
    pub combination: Combination,
    /// Weight of `identity_persistence`.
    pub identity_persistence: f64,
    /// Weight of `path_realism`.
    pub path_realism: f64,
    /// Weight of `physics_plausibility`.
    pub physics_plausibility: f64,
    /// Weight of `visual_quality`.
    pub visual_quality: f64,
    /// Weight of `motion_smoothness`.
    pub motion_smoothness: f64,
    /// Weight of `temporal_coherence`.
    pub temporal_coherence: f64,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            combination: Combination::Geometric,
            identity_persistence: 1.0,
            path_realism: 1.0,
            physics_plausibility: 1.0,
            visual_quality: 1.0,
            motion_smoothness: 1.0,
            temporal_coherence: 1.0,
        }
    }
}

impl ScoreOptions {
    fn weights(&self) -> [(&'static str, f64); 6] {
        [
            ("identity_persistence", self.identity_persistence),
            ("path_realism", self.path_realism),
            ("physics_plausibility", self.physics_plausibility),
            ("visual_quality", self.visual_quality),
            ("motion_smoothness", self.motion_smoothness),
            ("temporal_coherence", self.temporal_coherence),
        ]
    }
}

/// The scores of one take.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// Appearance of tracked patches over time.
    pub identity_persistence: f64,
    /// Smoothness of the tracks' paths.
    pub path_realism: f64,
    /// Kinematic plausibility of what moves.
    pub physics_plausibility: f64,
    /// Sharpness, noise, blocks, clipping, contrast.
    pub visual_quality: f64,
    /// Even motion without freezes or jerks.
    pub motion_smoothness: f64,
    /// Warping residual, flicker, flow consistency.
    pub temporal_coherence: f64,
    /// Weighted geometric mean of the six.
    pub overall: f64,
    /// How `overall` was combined.
    pub combination: String,
    /// Components behind each score, by `metric.component`.
    pub components: BTreeMap<String, f64>,
}

impl Scores {
    /// The six by name, in the order of the fields.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("identity_persistence", self.identity_persistence),
            ("path_realism", self.path_realism),
            ("physics_plausibility", self.physics_plausibility),
            ("visual_quality", self.visual_quality),
            ("motion_smoothness", self.motion_smoothness),
            ("temporal_coherence", self.temporal_coherence),
        ]
    }
}

/// Components as they are measured.
#[derive(Default)]
struct Components(BTreeMap<String, f64>);

impl Components {
    fn put(&mut self, metric: &str, name: &str, value: f64) {
        let value = if value.is_finite() { value } else { 0.0 };
        self.0.insert(format!("{metric}.{name}"), value);
    }
}

/// Scores one take. `motion` is that of `frames` and holds the flow between neighbouring frames.
///
/// A clip without texture or without change scores 0 in the temporal scores: nothing can be said for it.
///
/// # Errors
/// [`ScoreError`]: under [`LEAST_FRAMES`] frames, motion of another clip or without stride 1, bad weights, or a
/// failed GPU.
pub fn score(
    gpu: &Gpu,
    frames: &Frames,
    motion: &Motion,
    options: &ScoreOptions,
) -> Result<Scores, ScoreError> {
    let n = frames.len();
    if n < LEAST_FRAMES {
        return Err(ScoreError::TooShort { frames: n });
    }
    if motion.luma.len() != n {
        let motion = motion.luma.len();
        return Err(ScoreError::Mismatch { frames: n, motion });
    }
    let weights = options.weights();
    if let Some(&(field, value)) = weights.iter().find(|w| !(w.1 >= 0.0 && w.1.is_finite())) {
        return Err(ScoreError::Weight { field, value });
    }
    if weights.iter().all(|w| w.1 == 0.0) {
        let (field, value) = weights[0];
        return Err(ScoreError::Weight { field, value });
    }

    let evidence = Evidence::new(motion)?;
    let looked = spread(n, 8);
    let mut quality = Vec::new();
    let mut chroma = Vec::with_capacity(n);
    for t in 0..n {
        let rgba = frames.read(gpu, t)?;
        chroma.push(small_chroma(frames, motion, &rgba));
        if looked.contains(&t) {
            let luma: Vec<f32> = rgba.iter().map(|p| ycc(*p)[0]).collect();
            quality.push(Quality::of(&Picture {
                width: frames.width as usize,
                height: frames.height as usize,
                luma: &luma,
            }));
        }
    }
    let mut out = Components::default();
    out.put("clip", "sharpness", evidence.sharpness);
    out.put("clip", "duplicates", evidence.duplicates);
    out.put("clip", "gate", evidence.gate());
    let unit = |v: f64| {
        if v.is_finite() {
            v.clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    let mut scores = Scores {
        identity_persistence: unit(identity_persistence::score(&evidence, &chroma, &mut out)),
        path_realism: unit(path_realism::score(&evidence, &mut out)),
        physics_plausibility: unit(physics_plausibility::score(&evidence, &mut out)),
        visual_quality: unit(visual_quality::score(&quality, &mut out)),
        motion_smoothness: unit(motion_smoothness::score(&evidence, &mut out)),
        temporal_coherence: unit(temporal_coherence::score(&evidence, &mut out)),
        components: out.0,
        ..Scores::default()
    };
    combine(&mut scores, options);
    Ok(scores)
}

fn combine(scores: &mut Scores, options: &ScoreOptions) {
    let both = || scores.named().into_iter().zip(options.weights());
    let total: f64 = both().map(|(_, (_, w))| w).sum();
    let (overall, name) = match options.combination {
        Combination::Geometric => {
            let sum: f64 = both().map(|((_, s), (_, w))| w * s.max(0.01).ln()).sum();
            ((sum / total).exp(), "weighted geometric mean")
        }
        Combination::Arithmetic => {
            let sum: f64 = both().map(|((_, s), (_, w))| w * s).sum();
            (sum / total, "weighted arithmetic mean")
        }
    };
    scores.overall = overall;
    scores.combination = name.to_owned();
}

/// Indices of the takes, best overall first; equal takes keep their order.
pub fn rank(scores: &[Scores]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].overall.total_cmp(&scores[a].overall));
    order
}

/// BT.601 luma, Cb and Cr of a packed pixel, each in grey levels.
fn ycc(pixel: u32) -> [f32; 3] {
    let [r, g, b, _] = pixel.to_le_bytes().map(f32::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 0.564 * (b - y), 0.713 * (r - y)]
}

/// Chroma at the motion size: the mean over each motion pixel's share of the frame.
fn small_chroma(frames: &Frames, motion: &Motion, rgba: &[u32]) -> Vec<[f32; 2]> {
    let span = |i: u32, from: u32, to: u32| {
        let at = |i: u32| (u64::from(i) * u64::from(from) / u64::from(to)) as u32;
        at(i)..at(i + 1).max(at(i) + 1)
    };
    let mut out = Vec::with_capacity((motion.width * motion.height) as usize);
    for y in 0..motion.height {
        for x in 0..motion.width {
            let (mut sum, mut n) = ([0.0f32; 2], 0.0f32);
            for j in span(y, frames.height, motion.height) {
                for i in span(x, frames.width, motion.width) {
                    let [_, cb, cr] = ycc(rgba[(j * frames.width + i) as usize]);
                    sum = [sum[0] + cb, sum[1] + cr];
                    n += 1.0;
                }
            }
            out.push(sum.map(|s| s / n));
        }
    }
    out
}
