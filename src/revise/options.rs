//! When a world is good enough.

use serde::{Deserialize, Serialize};

use crate::agent::Severity;
use crate::key::{Key, Kind, MUCH};

/// When a world is good enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcceptOptions {
    /// Violations of this severity or worse are not accepted.
    pub reject_severity: Severity,
    /// Least `path_completion`.
    pub min_path_completion: f64,
    /// Least `physics_score`.
    pub min_physics_score: f64,
    /// Largest `collision_rate`.
    pub max_collision_rate: f64,
    /// Least share of the frames whose camera is known; under it, and under what follows, nothing can be told.
    pub min_registered: f64,
    /// Least PSNR of held-out frames in dB.
    pub min_held_out_psnr: f64,
    /// Least floor that can be walked on, in square metres or camera heights.
    pub min_walkable_area: f64,
    /// Least share of the pairs of start and goal between which all that matters was seen.
    pub min_known_ways: f64,
}

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("reject_severity", Kind::OneOf(&["low", "medium", "high"]), "Violations of this severity or worse are not accepted"),
    Key::new("min_path_completion", Kind::Number(0.0, 1.0), "Least path_completion"),
    Key::new("min_physics_score", Kind::Number(0.0, 1.0), "Least physics_score"),
    Key::new("max_collision_rate", Kind::Number(0.0, 1.0), "Largest collision_rate"),
    Key::new("min_registered", Kind::Number(0.0, 1.0), "Least share of the frames whose camera is known; under it, and under what follows, nothing can be told"),
    Key::new("min_held_out_psnr", Kind::Number(0.0, 100.0), "Least PSNR of held-out frames in dB"),
    Key::new("min_walkable_area", Kind::Number(0.0, MUCH), "Least floor that can be walked on, in square metres or camera heights"),
    Key::new("min_known_ways", Kind::Number(0.0, 1.0), "Least share of the pairs of start and goal between which all that matters was seen"),
];

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            reject_severity: Severity::Medium,
            min_path_completion: 0.8,
            min_physics_score: 0.8,
            max_collision_rate: 0.2,
            min_registered: 0.6,
            min_held_out_psnr: 15.0,
            min_walkable_area: 0.5,
            min_known_ways: 0.5,
        }
    }
}
