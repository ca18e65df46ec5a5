//! Six scores of a take, each in [0, 1], and their weighted geometric mean.

use std::collections::BTreeMap;

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
