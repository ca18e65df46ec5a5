//! The agent's body and how much it tries.

use serde::{Deserialize, Serialize};

use super::AgentError;
use crate::camera::{Cameras, LengthUnit};
use crate::key::{Key, Kind, MANY};
use crate::numeric::median;
use crate::world::World;

/// Options of the agents. Lengths are given twice: in metres, and in camera heights for worlds of unknown scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentOptions {
    /// Height of the capsule in metres.
    pub height_metres: f64,
    /// Radius of the capsule in metres.
    pub radius_metres: f64,
    /// Highest step in metres.
    pub climb_metres: f64,
    /// Height of the capsule in camera heights.
    pub height_heights: f64,
    /// Radius of the capsule in camera heights.
    pub radius_heights: f64,
    /// Highest step in camera heights.
    pub climb_heights: f64,
    /// Metres that a camera height is taken for, in gravity only.
    pub metres_per_height: f64,
    /// Steepest walkable slope in degrees.
    pub slope_degrees: f64,
    /// Coefficient of friction of a resting body; a slope over its arc tangent makes it slide.
    pub friction: f64,
    /// Most rays of the cameras that are cast again.
    pub camera_rays: usize,
    /// Start and goal pairs: this many starts, each with as many goals.
    pub starts: usize,
    /// Most bodies that are dropped.
    pub bodies: usize,
    /// Cameras that must see through a solid voxel to call it false.
    pub see_through_views: u32,
    /// Fewest voxels of a false solid or a false opening.
    pub least_voxels: usize,
}

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("height_metres", Kind::Number(1e-3, 1000.0), "Height of the capsule in metres"),
    Key::new("radius_metres", Kind::Number(1e-3, 1000.0), "Radius of the capsule in metres"),
    Key::new("climb_metres", Kind::Number(1e-3, 1000.0), "Highest step in metres"),
    Key::new("height_heights", Kind::Number(1e-3, 1000.0), "Height of the capsule in camera heights"),
    Key::new("radius_heights", Kind::Number(1e-3, 1000.0), "Radius of the capsule in camera heights"),
    Key::new("climb_heights", Kind::Number(1e-3, 1000.0), "Highest step in camera heights"),
    Key::new("metres_per_height", Kind::Number(1e-3, 1000.0), "Metres that a camera height is taken for, in gravity only"),
    Key::new("slope_degrees", Kind::Number(1e-3, 89.0), "Steepest walkable slope in degrees"),
    Key::new("friction", Kind::Number(1e-3, 1000.0), "Coefficient of friction of a resting body"),
    Key::new("camera_rays", Kind::Whole(0, 1_000_000_000), "Most rays of the cameras that are cast again"),
    Key::new("starts", Kind::Whole(1, 10_000), "This many starts, each with as many goals"),
    Key::new("bodies", Kind::Whole(0, 1_000_000), "Most bodies that are dropped"),
    Key::new("see_through_views", Kind::Whole(1, MANY), "Cameras that must see through a solid voxel to call it false"),
    Key::new("least_voxels", Kind::Whole(1, MANY), "Fewest voxels of a false solid or a false opening"),
];

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            height_metres: 1.7,
            radius_metres: 0.3,
            climb_metres: 0.2,
            height_heights: 1.1,
            radius_heights: 0.2,
            climb_heights: 0.13,
            metres_per_height: 1.5,
            slope_degrees: 45.0,
            friction: 0.8,
            camera_rays: 300_000,
            starts: 16,
            bodies: 512,
            see_through_views: 3,
            least_voxels: 24,
        }
    }
}

/// The agent's body in the world's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Height of the capsule.
    pub height: f64,
    /// Radius of the capsule.
    pub radius: f64,
    /// Highest step.
    pub climb: f64,
    /// Downward acceleration.
    pub gravity: f64,
    /// Tangent of the steepest slope.
    pub slope: f64,
}

impl AgentOptions {
    /// The body in the world's unit, at least as large as the voxels can tell; `notes` hears of what was enlarged.
    ///
    /// # Errors
    /// [`AgentError::Option`] for a value that is not positive or not finite.
    pub fn body(
        &self,
        world: &World,
        cameras: &Cameras,
        notes: &mut Vec<String>,
    ) -> Result<Body, AgentError> {
        let fields = [
            ("height_metres", self.height_metres),
            ("radius_metres", self.radius_metres),
            ("climb_metres", self.climb_metres),
            ("height_heights", self.height_heights),
            ("radius_heights", self.radius_heights),
            ("climb_heights", self.climb_heights),
            ("metres_per_height", self.metres_per_height),
            ("slope_degrees", self.slope_degrees),
            ("friction", self.friction),
        ];
        for (field, value) in fields {
            let most = if field == "slope_degrees" { 89.0 } else { 1e6 };
            if !(value > 0.0 && value <= most) {
                return Err(AgentError::Option { field, value, most });
            }
        }
        let voxel = f64::from(world.voxel);
        let heights = |unit: f64| Body {
            height: self.height_heights * unit,
            radius: self.radius_heights * unit,
            climb: self.climb_heights * unit,
            gravity: 9.81 / self.metres_per_height * unit,
            slope: self.slope_degrees.to_radians().tan(),
        };
        let mut body = match world.unit {
            LengthUnit::Metres => Body {
                height: self.height_metres,
                radius: self.radius_metres,
                climb: self.climb_metres,
                gravity: 9.81,
                slope: self.slope_degrees.to_radians().tan(),
            },
            LengthUnit::CameraHeights => heights(1.0),
            LengthUnit::Arbitrary => {
                let mut over: Vec<f64> = cameras
                    .cameras
                    .iter()
                    .map(|c| c.pose.position.y - f64::from(world.floor))
                    .filter(|h| *h > 4.0 * voxel)
                    .collect();
                let unit = median(&mut over).unwrap_or(25.0 * voxel);
                notes.push(format!(
                    "the scale is unknown: a camera height is taken for {unit:.2} of the world's units"
                ));
                heights(unit)
            }
        };
        if body.climb < 1.5 * voxel || body.radius < 1.5 * voxel || body.height < 4.0 * voxel {
            body.climb = body.climb.max(1.5 * voxel);
            body.radius = body.radius.max(1.5 * voxel);
            body.height = body.height.max(4.0 * voxel);
            notes.push(format!(
                "voxels are {voxel:.3} wide: the agent was enlarged to radius {:.3}, step {:.3}",
                body.radius, body.climb
            ));
        }
        Ok(body)
    }
}
