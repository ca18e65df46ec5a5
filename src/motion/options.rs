//! How to estimate motion.

use super::{MotionError, fitted};
use crate::key::{Key, Kind, MUCH, TINY};

/// How to estimate motion.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MotionOptions {
    /// Long side, in pixels, of the size at which the motion from frame to frame is made, which scores read.
    pub step_side: u32,
    /// Long side, in pixels, of the size at which the cameras' pairs are made; smaller frames keep their size.
    pub max_side: u32,
    /// Distances in frames between the two of a pair.
    pub strides: Vec<usize>,
    /// Pyramid levels end where the short side would fall under this.
    pub coarsest: u32,
    /// Most Gauss-Newton steps of a patch at each level.
    pub search_iterations: u32,
    /// Linearisations of the refinement at each level, one at the finest; 0 leaves it out.
    pub refine_rounds: u32,
    /// Sweeps in each of them.
    pub refine_sweeps: u32,
    /// Weight of the smoothness of the flow.
    pub smoothness: f32,
    /// Weight of brightness constancy.
    pub brightness: f32,
    /// Weight of gradient constancy.
    pub gradient: f32,
    /// Gradient, in grey levels a pixel, below which a constraint says little.
    pub zeta: f32,
    /// Residual, in pixels, below which the penalties are quadratic.
    pub epsilon: f32,
    /// How much the picture's own edges weaken the smoothness, per grey level a pixel.
    pub edge: f32,
}

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("step_side", Kind::Whole(16, 1024), "Longer side, in pixels, of the motion from frame to frame, which scores read"),
    Key::new("max_side", Kind::Whole(16, 4096), "Longer side, in pixels, of the cameras' flows; smaller frames keep their size"),
    Key::new("strides", Kind::Wholes(1, 10_000), "Distances in frames between the two of a pair"),
    Key::new("coarsest", Kind::Whole(1, 4096), "Pyramid levels end where the shorter side would fall under this"),
    Key::new("search_iterations", Kind::Whole(0, 1000), "Most Gauss-Newton steps of a patch at each level"),
    Key::new("refine_rounds", Kind::Whole(0, 1000), "Linearisations of the refinement at each level; 0 leaves it out"),
    Key::new("refine_sweeps", Kind::Whole(0, 1000), "Sweeps in each of them"),
    Key::new("smoothness", Kind::Single(TINY, MUCH), "Weight of the smoothness of the flow"),
    Key::new("brightness", Kind::Single(0.0, MUCH), "Weight of brightness constancy"),
    Key::new("gradient", Kind::Single(0.0, MUCH), "Weight of gradient constancy"),
    Key::new("zeta", Kind::Single(TINY, MUCH), "Gradient, in grey levels a pixel, below which a constraint says little"),
    Key::new("epsilon", Kind::Single(TINY, MUCH), "Residual, in pixels, below which the penalties are quadratic"),
    Key::new("edge", Kind::Single(0.0, MUCH), "How much the picture's own edges weaken the smoothness, per grey level a pixel"),
];

impl Default for MotionOptions {
    fn default() -> Self {
        Self {
            step_side: 256,
            max_side: 384,
            strides: vec![1, 2, 4, 8],
            coarsest: 10,
            search_iterations: 4,
            refine_rounds: 3,
            refine_sweeps: 5,
            smoothness: 42.0,
            brightness: 20.0,
            gradient: 10.0,
            zeta: 3.0,
            epsilon: 0.05,
            edge: 0.05,
        }
    }
}

impl MotionOptions {
    pub(crate) fn check(&self) -> Result<(), MotionError> {
        let refuse = |field, value: String, mend| Err(MotionError::Option { field, value, mend });
        if !(16..=1024).contains(&self.step_side) {
            return refuse(
                "step_side",
                self.step_side.to_string(),
                "give 16 to 1024 pixels",
            );
        }
        if !(16..=4096).contains(&self.max_side) {
            return refuse(
                "max_side",
                self.max_side.to_string(),
                "give 16 to 4096 pixels",
            );
        }
        if self.strides.contains(&0) {
            return refuse(
                "strides",
                format!("{:?}", self.strides),
                "give strides of 1 and more",
            );
        }
        let weights = [
            ("smoothness", self.smoothness),
            ("zeta", self.zeta),
            ("epsilon", self.epsilon),
        ];
        for (field, value) in weights {
            if !(value > 0.0 && value.is_finite()) {
                return refuse(field, value.to_string(), "give a positive number");
            }
        }
        let weights = [
            ("brightness", self.brightness),
            ("gradient", self.gradient),
            ("edge", self.edge),
        ];
        for (field, value) in weights {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(field, value.to_string(), "give zero or a positive number");
            }
        }
        Ok(())
    }

    /// The size of the cameras' pairs for frames of this size: long side at most `max_side`, never enlarged.
    pub fn size(&self, width: u32, height: u32) -> (u32, u32) {
        fitted(width, height, self.max_side)
    }
}
