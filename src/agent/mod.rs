//! Simulated agents: batched raycasts in the collision world, scenarios, and what they found.
//!
//! [`inspect()`] walks through the [`SCENARIOS`], one file each. Only observed defects count; what was never seen is reported apart, as shares and counts.

use serde::{Deserialize, Serialize};

use crate::camera::LengthUnit;
use crate::gpu::{GpuError, Kernel};

mod blank;
pub mod boundary_integrity;
pub mod calibration;
pub mod cluster;
pub mod collision_detection;
mod floor;
pub mod ground;
mod inspect;
pub mod met;
pub mod object_persistence;
mod options;
pub mod path_traversal;
pub mod physics_stability;
pub mod raycast;
pub mod seen_through;
pub mod settle;
mod sight;
pub mod spread;
pub mod sweep;
pub mod terrain;
pub mod traverse;
pub mod twins;
pub mod veil;
pub mod walk;

pub use floor::{Floor, Ground};
pub use inspect::{Field, Findings, Inspected, SCENARIOS, inspect};
pub use options::{AgentOptions, Body, KEYS};

/// Version of this stage; part of the resume key.
pub const VERSION: u32 = 14;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[
    &raycast::RAYCAST,
    &raycast::BLOCKED,
    &met::MET,
    &met::GATHER,
    &seen_through::SEEN_THROUGH,
    &settle::SETTLE,
    &sweep::SWEEP,
    &walk::WALK,
    &walk::TALLY,
];

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

/// What is wrong, for programs; a violation's description says the same in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Floor that is missing where it was looked at.
    Hole,
    /// Floor that is too steep or stepped too high.
    UnevenFloor,
    /// Bodies that do not come to rest.
    RestlessBody,
    /// A solid that hangs in the air.
    FloatingSolid,
    /// A solid that cameras see through.
    InvisibleSolid,
    /// A surface that cameras see, with nothing solid behind it.
    MissingSolid,
    /// Solid that a ray between free places passes.
    Tunnel,
    /// Floor that is cut off from the rest.
    CutOffFloor,
    /// Solid across the camera's own path.
    BlockedCamera,
    /// Something hardly visible that stands in the way: what is behind it shows through.
    Veil,
    /// The world ends where an agent can walk out of it.
    OpenBoundary,
    /// The floor ends before what shows nothing: a wall without texture, or the open.
    BlankEnd,
    /// A thing that is there in one part of the clip and gone in another.
    Vanished,
    /// A thing that stands elsewhere in another part of the clip.
    Moved,
}

impl What {
    /// The violation's type in the promised JSON.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Hole
            | Self::UnevenFloor
            | Self::RestlessBody
            | Self::FloatingSolid
            | Self::InvisibleSolid
            | Self::Veil
            | Self::Tunnel => "PhysicsViolation",
            Self::MissingSolid => "CollisionViolation",
            Self::CutOffFloor | Self::BlockedCamera => "PathViolation",
            Self::OpenBoundary | Self::BlankEnd => "BoundaryViolation",
            Self::Vanished | Self::Moved => "ObjectPersistence",
        }
    }
}

impl What {
    /// Whether its sigmas count only as far as the views' depth is right: what compares views through it.
    pub fn leans_on_depth(self) -> bool {
        matches!(
            self,
            Self::Hole | Self::OpenBoundary | Self::Veil | Self::Vanished | Self::Moved
        )
    }

    /// Of one place, a violation of this kind says what one of `other` would.
    pub fn subsumes(self, other: Self) -> bool {
        let floor = |w| {
            matches!(
                w,
                Self::Hole | Self::UnevenFloor | Self::RestlessBody | Self::OpenBoundary
            )
        };
        let end = |w| matches!(w, Self::OpenBoundary | Self::BlankEnd);
        let solid = |w| matches!(w, Self::Veil | Self::InvisibleSolid | Self::FloatingSolid);
        let thing = |w| matches!(w, Self::Vanished | Self::Moved);
        self == other
            || (floor(self) && floor(other))
            || (end(self) && end(other))
            || (solid(self) && solid(other))
            || (thing(self) && (thing(other) || solid(other) || other == Self::MissingSolid))
    }
}

/// One fault that an agent found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// `PhysicsViolation`, `CollisionViolation`, `PathViolation`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is.
    pub what: What,
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
    /// How far it reaches along x, y and z, in the world's unit; 0 where it is a point.
    #[serde(default)]
    pub size: [f64; 3],
    /// How likely it is a fault, in [0, 1], by steps that were fitted on tuning seeds (`agent::calibration`).
    #[serde(default = "certain")]
    pub confidence: f64,
    /// What it was told from.
    #[serde(default)]
    pub evidence: Evidence,
}

fn certain() -> f64 {
    1.0
}

/// What a violation was told from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Frames of the clip that show it, in order; the first is the one that shows it best.
    pub frames: Vec<usize>,
    /// Pixel of the first frame, at the view's size, and that size: x, y, width, height.
    pub pixel: Option<[u32; 4]>,
    /// Voxels or columns that it takes.
    pub cells: usize,
    /// By how many sigmas of the data's own noise it stands out; absent where noise plays no part.
    pub sigmas: Option<f64>,
    /// Share of the views that can tell which say so; of holes that pictures tell of, the share of all views (of 32 where there are more) whose
    /// pictures tell. Absent where all is one.
    #[serde(default)]
    pub share: Option<f64>,
    /// Of what leans on the views' depth: half the interquartile range of how far held-out views see surfaces from where the world has them, in voxels
    /// across the surface; without what an invisible solid stops that is told. Of the whole world or of what lies about it, whichever is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<f64>,
    /// Of floor that is missing: by how many sigmas more than elsewhere on the floor the pictures match something under it better than the floor, a quarter of
    /// the cells that tell at least. Absent where half of them do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<f64>,
}

impl Violation {
    /// Whether a hole is told by the pictures alone, whose depth has floor there.
    pub fn by_pictures(&self) -> bool {
        let evidence = &self.evidence;
        self.what == What::Hole && evidence.sigmas.is_none() && evidence.pictures.is_some()
    }
}

/// What the agents found. `revised_prompt`, `explanation` and `success` of the promised JSON are added by
/// [`crate::revise`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// Faults, worst first.
    pub violations: Vec<Violation>,
    /// What looked like a fault and more likely is none, likeliest first: it takes no part in a verdict.
    #[serde(default)]
    pub doubts: Vec<Violation>,
    /// `collision_rate`, `path_completion`, `physics_score` and every scenario's own figures.
    pub metrics: std::collections::BTreeMap<String, f64>,
    /// Unit of lengths in locations and metrics.
    pub unit: LengthUnit,
    /// What a person should know (unknown scale, no floor, ...).
    pub notes: Vec<String>,
}

impl AgentReport {
    /// What people are shown, numbered from 1: the violations, then those doubts that are likely enough, told apart.
    pub fn shown(&self) -> impl DoubleEndedIterator<Item = (usize, &Violation, bool)> {
        let doubts = self
            .doubts
            .iter()
            .take_while(|v| v.confidence >= calibration::SHOWN);
        let all: Vec<_> = self
            .violations
            .iter()
            .map(|v| (v, false))
            .chain(doubts.map(|v| (v, true)))
            .collect();
        all.into_iter()
            .enumerate()
            .map(|(i, (v, doubt))| (i + 1, v, doubt))
    }
}

/// Why agents could not test a world.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// An option is out of range.
    #[error("agent option '{field}' is {value}; it must be over 0 and at most {most}")]
    Option {
        /// Field of [`AgentOptions`].
        field: &'static str,
        /// Its value.
        value: f64,
        /// Largest allowed value.
        most: f64,
    },
    /// The world's arrays do not fit its size.
    #[error("the world claims {want} voxels and holds {got}; build it again")]
    World {
        /// Voxels by its size.
        want: usize,
        /// Voxels there are.
        got: usize,
    },
    /// A view's arrays do not fit its size.
    #[error(
        "depth view of frame {frame}: {want} pixels, but {depth} values of depth and {alpha} of alpha; render it again"
    )]
    View {
        /// Frame of the view.
        frame: usize,
        /// Pixels.
        want: usize,
        /// Depth values.
        depth: usize,
        /// Alpha values.
        alpha: usize,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The monitor asked to stop.
    #[error("interrupted while agents test the world")]
    Interrupted,
}
