//! From frames to scores, as `director score` does it: the one place where evaluation meets the scores that it judges.

use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::MotionOptions;
use crate::score::{self, ScoreError, ScoreOptions, Scores};
use crate::video::Frames;

/// Scores of a clip with default options.
///
/// # Errors
/// As [`score::score`].
pub fn measure(gpu: &Gpu, frames: &Frames, monitor: &dyn Monitor) -> Result<Scores, ScoreError> {
    let (motion, options) = (MotionOptions::default(), ScoreOptions::default());
    score::score(gpu, frames, &motion, &options, monitor)
}

/// How many numbers are judged: the six scores and their combination.
pub const METRICS: usize = 7;

/// Their names, `overall` last.
pub fn metrics() -> [&'static str; METRICS] {
    let named = Scores::default().named();
    std::array::from_fn(|m| named.get(m).map_or("overall", |n| n.0))
}

/// The numbers in the order of [`metrics`].
pub fn values(scores: &Scores) -> [f64; METRICS] {
    let named = scores.named();
    std::array::from_fn(|m| named.get(m).map_or(scores.overall, |n| n.1))
}
