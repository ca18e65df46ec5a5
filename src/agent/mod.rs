//! Simulated agents: batched raycasts in the collision world, scenarios, and what they found.

use serde::{Deserialize, Serialize};

use crate::camera::LengthUnit;
use crate::gpu::Kernel;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[];

/// A place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// x
    pub x: f64,
    /// y, up
    pub y: f64,
    /// z
    pub z: f64,
}

/// How bad a violation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Cosmetic.
    Low,
    /// Hinders.
    Medium,
    /// Breaks the world.
    High,
}

/// One fault that an agent found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// `PhysicsViolation`, `CollisionViolation`, `PathViolation`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// In words.
    pub description: String,
    /// How bad.
    pub severity: Severity,
    /// Where, in the world's unit.
    pub location: Location,
    /// When in the clip the place was best seen, in seconds.
    pub timestamp: f64,
    /// The scenario that found it.
    pub scenario: String,
}

/// What the agents found. `revised_prompt`, `explanation` and `success` of the promised JSON are added by
/// [`crate::revise`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// Faults, worst first.
    pub violations: Vec<Violation>,
    /// `collision_rate`, `path_completion`, `physics_score` and every scenario's own figures.
    pub metrics: std::collections::BTreeMap<String, f64>,
    /// Unit of lengths in locations and metrics.
    pub unit: LengthUnit,
    /// What a person should know (unknown scale, no floor, ...).
    pub notes: Vec<String>,
}
