//! Cameras of a clip: intrinsics, poses, and each frame's depth alignment.
//!
//! Frames: right-handed world, +Y up. A camera has x right, y down, z forward (OpenCV); poses are
//! camera-to-world. Pixel centres lie at +0.5. The solver's gauge: the first camera at the origin, x along
//! world +X, up along +Y, looking along -Z; median scene depth 1 unless the scale is known.

use glam::{DMat3, DVec2, DVec3};
use serde::{Deserialize, Serialize};

/// Pinhole intrinsics in pixels of an image of `width` x `height`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intrinsics {
    /// Image width in pixels.
    pub width: u32,
    /// Image height in pixels.
    pub height: u32,
    /// Focal length along x in pixels.
    pub fx: f64,
    /// Focal length along y in pixels.
    pub fy: f64,
    /// Principal point x in pixels; the centre of the image is `width / 2`.
    pub cx: f64,
    /// Principal point y in pixels.
    pub cy: f64,
}

impl Intrinsics {
    /// Square pixels, centred, from a horizontal field of view in radians.
    pub fn from_fov_x(width: u32, height: u32, fov_x: f64) -> Self {
        let f = f64::from(width) / 2.0 / (fov_x / 2.0).tan();
        Self {
            width,
            height,
            fx: f,
            fy: f,
            cx: f64::from(width) / 2.0,
            cy: f64::from(height) / 2.0,
        }
    }

    /// The same camera for an image of another size.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let (sx, sy) = (
            f64::from(width) / f64::from(self.width),
            f64::from(height) / f64::from(self.height),
        );
        Self {
            width,
            height,
            fx: self.fx * sx,
            fy: self.fy * sy,
            cx: self.cx * sx,
            cy: self.cy * sy,
        }
    }

    /// Camera-space point at pixel `(u, v)` and depth `z` along the camera's z axis.
    pub fn unproject(&self, u: f64, v: f64, z: f64) -> DVec3 {
        DVec3::new((u - self.cx) / self.fx * z, (v - self.cy) / self.fy * z, z)
    }

    /// Pixel of a camera-space point; `None` at or behind the camera plane.
    pub fn project(&self, p: DVec3) -> Option<DVec2> {
        (p.z > 1e-9)
            .then(|| DVec2::new(self.fx * p.x / p.z + self.cx, self.fy * p.y / p.z + self.cy))
    }
}

/// Camera-to-world pose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Columns are the camera's x (right), y (down) and z (forward) axes in the world.
    pub rotation: DMat3,
    /// The camera's centre in the world.
    pub position: DVec3,
}

impl Pose {
    /// The solver's gauge: at the origin, up along +Y, looking along -Z.
    pub fn gauge() -> Self {
        Self {
            rotation: DMat3::from_cols(DVec3::X, -DVec3::Y, -DVec3::Z),
            position: DVec3::ZERO,
        }
    }

    /// World point of a camera-space point.
    pub fn to_world(&self, p: DVec3) -> DVec3 {
        self.rotation * p + self.position
    }

    /// Camera-space point of a world point.
    pub fn to_camera(&self, p: DVec3) -> DVec3 {
        self.rotation.transpose() * (p - self.position)
    }
}

/// One registered frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Index in [`crate::video::Frames`].
    pub frame: usize,
    /// Seconds.
    pub time: f64,
    /// Intrinsics at the frames' working size.
    pub intrinsics: Intrinsics,
    /// Pose.
    pub pose: Pose,
    /// Aligned inverse depth of this frame is `depth_scale * value + depth_shift` for a relative inverse map;
    /// for a metric map, depth is `value / depth_scale` and the shift is 0.
    pub depth_scale: f64,
    /// See `depth_scale`.
    pub depth_shift: f64,
}

/// Unit of the world's lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// The scale is known.
    Metres,
    /// The scale is unknown and arbitrary (median depth 1).
    Arbitrary,
    /// The scale is unknown; 1 is the height of the camera above the floor.
    CameraHeights,
}

/// Where the focal length came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FocalSource {
    /// Given with the input.
    Known,
    /// The sweep's cost has a clear minimum.
    Estimated,
    /// The sweep is flat: the prior of 55 degrees was kept.
    Prior,
}

/// The cameras of one clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cameras {
    /// Registered frames in order.
    pub cameras: Vec<Camera>,
    /// Frames that were tried.
    pub frames: usize,
    /// Unit of positions and of aligned depth.
    pub unit: LengthUnit,
    /// Where the focal length came from.
    pub focal_source: FocalSource,
    /// Median reprojection residual in pixels of the working size; NaN is written as null for known cameras.
    pub residual_median: Option<f64>,
    /// Share of residuals under 2 px.
    pub residual_under_2px: Option<f64>,
    /// Share of flow that passed the forward-backward test on neighbouring frames.
    pub flow_consistent: Option<f64>,
    /// What a person should know (flat focal sweep, frames dropped, ...).
    pub notes: Vec<String>,
}
