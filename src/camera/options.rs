//! Options of the solve.

use serde::{Deserialize, Serialize};

use super::Intrinsics;
use crate::key::{Key, Kind, MUCH, TINY};

/// Options of [`super::solve()`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SolveOptions {
    /// Width of the frames in pixels, the size of the resulting intrinsics; 0 for the motion's width.
    pub width: u32,
    /// Height of the frames in pixels; 0 for the motion's height.
    pub height: u32,
    /// Intrinsics where they are known, of any image size.
    pub intrinsics: Option<Intrinsics>,
    /// Horizontal field of view that is assumed where the clip does not tell it, in degrees.
    pub prior_fov: f64,
    /// Points taken from each direction of each flow pair.
    pub points: usize,
    /// Shift of relative inverse depth at the start, as a multiple of the clip's median value.
    pub start_shift: f64,
    /// Share of the flow between neighbours that must pass the forward-backward test.
    pub min_consistent: f64,
    /// Share of the places of held-out tracks (of flow, where there are too few tracks) that must be within 2 px at a width of 640.
    pub min_under_2px: f64,
    /// Median flow over the widest pairs, in pixels at a width of 640, under which the camera counts as static.
    pub min_flow: f64,
}

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("width", Kind::Whole(0, 65_536), "Width of the frames in pixels; 0 for the motion's"),
    Key::new("height", Kind::Whole(0, 65_536), "Height of the frames in pixels; 0 for the motion's"),
    Key::new("intrinsics.width", Kind::Whole(1, 65_536), "Known intrinsics (all six or none): width of their image in pixels"),
    Key::new("intrinsics.height", Kind::Whole(1, 65_536), "Height of their image in pixels"),
    Key::new("intrinsics.fx", Kind::Number(TINY, MUCH), "Focal length along x in pixels"),
    Key::new("intrinsics.fy", Kind::Number(TINY, MUCH), "Focal length along y in pixels"),
    Key::new("intrinsics.cx", Kind::Number(-MUCH, MUCH), "Principal point x in pixels"),
    Key::new("intrinsics.cy", Kind::Number(-MUCH, MUCH), "Principal point y in pixels"),
    Key::new("prior_fov", Kind::Number(5.0, 150.0), "Horizontal field of view that is assumed where the clip does not tell it, in degrees"),
    Key::new("points", Kind::Whole(12, 100_000), "Points taken from each direction of each flow pair"),
    Key::new("start_shift", Kind::Number(-MUCH, MUCH), "Shift of relative inverse depth at the start, as a multiple of the clip's median value"),
    Key::new("min_consistent", Kind::Number(0.0, 1.0), "Share of the flow between neighbours that must pass the forward-backward test"),
    Key::new("min_under_2px", Kind::Number(0.0, 1.0), "Share of the places of held-out tracks that must be within 2 px of where the solve has them, at a width of 640"),
    Key::new("min_flow", Kind::Number(0.0, MUCH), "Median flow, in pixels at a width of 640, under which the camera counts as static"),
];

impl Default for SolveOptions {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            intrinsics: None,
            prior_fov: 55.0,
            points: 120,
            start_shift: 1.5,
            min_consistent: 0.34,
            min_under_2px: 0.65,
            min_flow: 0.75,
        }
    }
}
