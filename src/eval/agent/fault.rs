//! What is planted, where, how large, and which violations may name it.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::case::FaultKind;
use crate::agent::What;
use crate::mock::defects::Planted;

/// Radius of the agent in metres: faults that are wider than it are larger than the agent.
pub const RADIUS: f64 = 0.3;
/// How far from the planted bounds a violation may lie that names the fault, in metres, beside the agent's radius.
pub const NEAR: f64 = 0.6;

/// A box along the world's axes: least and greatest corner, metres.
pub type Bounds = [[f64; 3]; 2];

/// A fault in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// 0 to 1.
    pub severity: f64,
    /// Its measure by the mock world's rules; of a floater its radius in metres.
    pub measure: f64,
    /// How wide it is in metres: the pit's side, the opening's and the pane's width, the object's longest side, the
    /// ball's diameter.
    pub size: f64,
    /// Where it is; of a move where the object stood and where it stands.
    pub places: Vec<Bounds>,
    /// Objects that it befalls.
    pub objects: Vec<u32>,
    /// First frame that shows it, and one past the last.
    pub frames: [usize; 2],
    /// Most pixels of one frame that show it; see [`super::seen`].
    pub pixels: usize,
    /// Enough of it is seen that it could be told.
    pub visible: bool,
}

impl Fault {
    /// A planted defect; `None` for one that does not lie in the world or has no place. Not yet looked for in the frames.
    pub fn of(planted: &Planted) -> Option<Self> {
        let kind = FaultKind::of(planted.kind)?;
        let bounds = planted.bounds?;
        let side = |axis: usize| bounds[1][axis] - bounds[0][axis];
        let mut places = vec![bounds];
        if let Some([from, to]) = planted.from_to {
            let by = DVec3::from_array(to) - DVec3::from_array(from);
            places.push(bounds.map(|p| (DVec3::from_array(p) + by).to_array()));
        }
        let size = match kind {
            FaultKind::Hole | FaultKind::OpenBoundary => planted.measure,
            FaultKind::InvisibleWall => side(0).hypot(side(2)),
            _ => side(0).max(side(1)).max(side(2)),
        };
        Some(Self {
            kind,
            severity: planted.severity,
            measure: planted.measure,
            size,
            places,
            objects: planted.objects.clone(),
            frames: planted.frames,
            pixels: 0,
            visible: false,
        })
    }

    /// A ball that hangs in the rebuilt world.
    pub fn floater(
        severity: f64,
        centre: DVec3,
        radius: f64,
        frames: usize,
        pixels: usize,
    ) -> Self {
        let bounds = [centre - radius, centre + radius].map(|v| v.to_array());
        Self {
            kind: FaultKind::Floater,
            severity,
            measure: radius,
            size: 2.0 * radius,
            places: vec![bounds],
            objects: Vec::new(),
            frames: [0, frames],
            pixels,
            visible: true,
        }
    }

    /// It is wider than the agent; of a move, the way as well is over the agent's radius.
    pub fn larger_than_agent(&self) -> bool {
        let moved = self.kind != FaultKind::Move || self.measure >= RADIUS;
        self.size >= 2.0 * RADIUS && moved
    }

    /// Distance of a point from the nearest of its places in metres; 0 within.
    pub fn distance(&self, p: DVec3) -> f64 {
        let from = |[low, high]: &Bounds| {
            p.distance(p.clamp(DVec3::from_array(*low), DVec3::from_array(*high)))
        };
        self.places.iter().map(from).fold(f64::INFINITY, f64::min)
    }

    /// A violation of this `what` may name it.
    pub fn named_by(&self, what: What) -> bool {
        names(what).contains(&self.kind)
    }
}

/// The faults that a violation may name, the likeliest first; none for what is planted nowhere.
pub fn names(what: What) -> &'static [FaultKind] {
    match what {
        What::Hole => &[FaultKind::Hole],
        What::OpenBoundary | What::BlankEnd => &[FaultKind::OpenBoundary],
        What::Veil => &[FaultKind::InvisibleWall],
        What::InvisibleSolid => &[FaultKind::InvisibleWall, FaultKind::Floater],
        What::FloatingSolid => &[FaultKind::Floater],
        // That it went is half right of what moved, and that it moved of what went.
        What::Vanished => &[FaultKind::Vanish, FaultKind::Move],
        What::Moved => &[FaultKind::Move, FaultKind::Vanish],
        What::UnevenFloor
        | What::RestlessBody
        | What::MissingSolid
        | What::Tunnel
        | What::CutOffFloor
        | What::BlockedCamera => &[],
    }
}
