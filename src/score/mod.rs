//! Six scores of a take, each in [0, 1], and their weighted geometric mean.
//!
//! The scores are kinematic and photometric: they need no network and claim no more than they measure. Frames and
//! motion stay on the device. Every frame is glanced at; those that repeat the one before count for nothing else, and of the
//! others one an eighth of a second is looked at closely, whatever the frame rate: kernels measure each step between those,
//! each generation of followed points and some frames, and some 200 kilobytes of records for five seconds are read back. Every temporal score is gated by the pictures' quality and by
//! repeated frames, so that neither blur nor frozen frames raises it. Lengths are in pixels of a picture whose short
//! side is 160, speeds in those an eighth of a second; the worst of two seconds counts, the mean over a clip.
//!
//! A metric is one file with a function from [`Evidence`] to its value, and one line in [`METRICS`].
//!
//! Where a user gives networks ([`Networks`]) there are up to two scores more, [`NETWORK_SCORES`].

mod breaks;
mod evidence;
mod glance;
mod identity_persistence;
pub mod kernels;
mod ledger;
mod motion_smoothness;
mod network;
mod notes;
mod options;
mod path_realism;
mod physics_plausibility;
mod scorer;
mod temporal_coherence;
pub mod twins;
mod visual_quality;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::gpu::{Gpu, GpuError, Kernel};
use crate::monitor::Monitor;
use crate::motion::{MotionError, MotionOptions};
use crate::video::Frames;

pub use evidence::{Evidence, LEAST_FRAMES};
pub use network::{NetworkUsed, Networks, Viewed};
pub use notes::{Moment, Notes};
pub use options::{Combination, KEYS, ScoreOptions};
pub use scorer::Scorer;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = kernels::ALL;

/// Version of the stage; part of the resume key.
pub const VERSION: u32 = 4;

/// One metric.
pub struct Metric {
    /// Its name, as files and options have it.
    pub name: &'static str,
    measure: fn(&Evidence, &mut Notes) -> f64,
}

impl Metric {
    const fn new(name: &'static str, measure: fn(&Evidence, &mut Notes) -> f64) -> Self {
        Self { name, measure }
    }
}

/// The metrics, in the order in which they are shown.
pub static METRICS: &[Metric] = &[
    Metric::new("identity_persistence", identity_persistence::score),
    Metric::new("path_realism", path_realism::score),
    Metric::new("physics_plausibility", physics_plausibility::score),
    Metric::new("visual_quality", visual_quality::score),
    Metric::new("motion_smoothness", motion_smoothness::score),
    Metric::new("temporal_coherence", temporal_coherence::score),
];

/// How much what a network sees of each frame is like what it sees of the first and of the one before.
pub const NETWORK_IDENTITY: &str = "network_identity";
/// What a network says of the quality of frames.
pub const NETWORK_QUALITY: &str = "network_quality";

/// The scores that are there only where a network is given for them, in the order in which they are shown.
pub static NETWORK_SCORES: [&str; 2] = [NETWORK_IDENTITY, NETWORK_QUALITY];

/// The names of all scores that there can be, in the order in which they are shown.
pub fn names() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|m| m.name).chain(NETWORK_SCORES)
}

/// Why a take has no scores.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// Too few frames for the temporal scores.
    #[error(
        "a take of {frames} frame{} is too short to score; give one of at least {LEAST_FRAMES} frames",
        if *frames == 1 { "" } else { "s" }
    )]
    TooShort {
        /// Its frames.
        frames: usize,
    },
    /// The motion could not be estimated.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// A weight that cannot be used.
    #[error("score option '{field}' is {value}; give a number from 0 to 1000000")]
    Weight {
        /// Which option.
        field: String,
        /// Its value.
        value: f64,
    },
    /// Weights that leave nothing.
    #[error("the weights of all metrics are 0; give at least one that is not")]
    NoWeight,
    /// A weight of no metric.
    #[error("score option '{field}' is no metric; the metrics are {names}")]
    Metric {
        /// Which option.
        field: String,
        /// The metrics.
        names: String,
    },
    /// A setting of networks that cannot be used.
    #[error("score option '{field}' {reason}")]
    Setting {
        /// Which option.
        field: String,
        /// What is wrong, with the mend; it follows the option's name.
        reason: String,
    },
    /// A network cannot be loaded, cannot be run, or answers what is no score's.
    #[error("score network {}: {reason}", .path.display())]
    Network {
        /// Its file.
        path: PathBuf,
        /// What is wrong, with the mend.
        reason: String,
    },
    /// The device gave a value that is no number.
    #[error(
        "the scores of the frame at {time:.3} s came out as no number; report it with the take"
    )]
    NotFinite {
        /// Of the frame, in seconds.
        time: f64,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// The scores of one take.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// Value of each metric by its name, in [0, 1].
    #[serde(flatten, deserialize_with = "known")]
    pub metrics: BTreeMap<String, f64>,
    /// The metrics as one, in [0, 1].
    pub overall: f64,
    /// How `overall` was combined.
    pub combination: String,
    /// Components behind each score, by `metric.component`.
    pub components: BTreeMap<String, f64>,
    /// The worst moments of each metric, worst first.
    #[serde(default)]
    pub worst: Vec<Moment>,
    /// The networks behind scores, by the score's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, NetworkUsed>,
}

/// The metrics among the numbers of a record, which has others beside them.
fn known<'de, D: serde::Deserializer<'de>>(record: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let mut numbers: BTreeMap<String, f64> = serde::Deserialize::deserialize(record)?;
    numbers.retain(|name, _| names().any(|known| known == name));
    Ok(numbers)
}

/// What was measured of a take, before the metrics become one.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measures {
    /// Value of each metric by its name, in [0, 1].
    #[serde(flatten, deserialize_with = "known")]
    pub metrics: BTreeMap<String, f64>,
    /// Components behind each score, by `metric.component`.
    pub components: BTreeMap<String, f64>,
    /// The worst moments of each metric, worst first.
    pub worst: Vec<Moment>,
    /// The networks behind scores, by the score's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, NetworkUsed>,
}

impl Measures {
    /// The metrics as one, by weights.
    pub fn combine(&self, options: &ScoreOptions) -> Scores {
        let (overall, combination) = options.combine(&self.metrics);
        Scores {
            metrics: self.metrics.clone(),
            overall,
            combination: combination.to_owned(),
            components: self.components.clone(),
            worst: self.worst.clone(),
            networks: self.networks.clone(),
        }
    }
}

impl From<Scores> for Measures {
    fn from(scores: Scores) -> Self {
        Self {
            metrics: scores.metrics,
            components: scores.components,
            worst: scores.worst,
            networks: scores.networks,
        }
    }
}

impl Scores {
    /// The value of a metric; 0 for one that was not measured.
    pub fn get(&self, name: &str) -> f64 {
        self.metrics.get(name).copied().unwrap_or(0.0)
    }

    /// The metrics by name, in the order of [`METRICS`].
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        METRICS.iter().map(|m| (m.name, self.get(m.name))).collect()
    }
}

/// Scores one take. The same device gives the same bits on every run. Progress is counted in frames.
///
/// A clip without texture or without change scores 0 in the temporal scores: nothing can be said for it.
///
/// # Errors
/// [`ScoreError`]: under [`LEAST_FRAMES`] frames, bad options, an interruption, or a failed GPU.
pub fn score(
    gpu: &Gpu,
    frames: &Frames,
    motion: &MotionOptions,
    options: &ScoreOptions,
    monitor: &dyn Monitor,
) -> Result<Scores, ScoreError> {
    options.check()?;
    let n = frames.len();
    if n < LEAST_FRAMES {
        return Err(ScoreError::TooShort { frames: n });
    }
    let mut scorer = Scorer::new(gpu, (frames.width, frames.height), motion)?;
    for (done, (rgba, &time)) in frames.rgba.iter().zip(&frames.times).enumerate() {
        if monitor.stopped() {
            return Err(MotionError::Interrupted.into());
        }
        scorer.push(rgba, time)?;
        monitor.progress(done as u64 + 1, n as u64);
    }
    Ok(scorer.finish()?.scores(options))
}

/// Long side, in pixels, beyond which frames are made smaller before they are scored.
pub const MAX_SIDE: u32 = 1280;

impl Evidence {
    /// The metrics of what was measured, and their combination.
    pub fn scores(&self, options: &ScoreOptions) -> Scores {
        self.measures().combine(options)
    }

    /// The metrics of what was measured.
    pub fn measures(&self) -> Measures {
        let mut notes = Notes::default();
        notes.put("clip", "duplicates", self.duplicates);
        notes.put("clip", "gate", self.gate);
        notes.put("clip", "seconds_a_step", self.seconds);
        notes.put("clip", "steps", self.steps.len() as f64);
        let over = |f: fn(&evidence::StepRecord) -> f64| evidence::mean(self.steps.iter().map(f));
        notes.put("clip", "contrast", over(|s| s.contrast));
        // How much of the flow is the camera's plane.
        notes.put("clip", "plane_weight", over(|s| s.plane_weight));
        let metrics: BTreeMap<String, f64> = METRICS
            .iter()
            .map(|m| {
                let value = (m.measure)(self, &mut notes);
                let value = if value.is_finite() { value } else { 0.0 };
                (m.name.to_owned(), value.clamp(0.0, 1.0))
            })
            .collect();
        Measures {
            metrics,
            components: notes.components,
            worst: notes.worst,
            networks: BTreeMap::new(),
        }
    }
}

/// Indices of the takes, best overall first; equal takes keep their order.
pub fn rank(scores: &[Scores]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].overall.total_cmp(&scores[a].overall));
    order
}
