//! Cameras of a clip: intrinsics, poses, and each frame's depth alignment.
//!
//! Frames: right-handed world, +Y up. A camera has x right, y down, z forward (OpenCV); poses are
//! camera-to-world. Pixel centres lie at +0.5. The solver's gauge: the first camera at the origin, x along
//! world +X, up along +Y, looking along -Z; median scene depth 1 unless the scale is known.

use std::path::PathBuf;

use glam::{DMat3, DVec2, DVec3};
use serde::{Deserialize, Serialize};

use crate::depth::DepthKind;

mod bundle;
mod envelope;
pub mod evaluate;
mod files;
mod focal;
mod init;
pub mod known;
pub mod moving;
mod options;
mod overlay;
mod points;
mod residual;
pub mod solve;
mod structure;
mod sway;
mod tracks;

pub use evaluate::{TrajectoryError, evaluate};
pub use files::{move_points, save_points};
pub use known::{Distortion, Known, Undistortion, Wanted, known, known_of};
pub use options::{KEYS, SolveOptions};
pub use solve::{solve, solve_with_points};
pub use sway::sway;

/// Version of this stage's results, part of the resume key.
pub const VERSION: u32 = 12;

/// Parallax in pixels at a width of 640 under which a clip holds no travel of its camera.
pub const LEAST_PARALLAX: f64 = 1.0;

/// What the camera stage could not do.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// Too few frames have flow or depth.
    #[error(
        "{found} frames can be used and {needed} are needed: give a longer clip or sample more frames a second"
    )]
    TooFewFrames {
        /// Frames that can be used.
        found: usize,
        /// Frames that are needed.
        needed: usize,
    },
    /// Hardly a frame shows anything.
    #[error(
        "{shown} of {frames} frames show anything, the others are black or of one colour: look at the clip, and generate it again"
    )]
    Blank {
        /// Frames that show something.
        shown: usize,
        /// All frames.
        frames: usize,
    },
    /// The inputs do not fit each other.
    #[error("{0}")]
    Mismatch(String),
    /// Flow between neighbouring frames contradicts itself.
    #[error(
        "no {needed} frames in a row hang together by flow of which {:.0}% pass the forward-backward test (in the median of all \
         neighbours {:.0}% do): the motion is too large or the clip is cut; sample more frames a second or give a slower camera",
        gate * 100.0, share * 100.0
    )]
    FlowInconsistent {
        /// Median share over neighbouring frames.
        share: f64,
        /// Share that is needed.
        gate: f64,
        /// Frames in a row that are needed.
        needed: usize,
    },
    /// Poses and aligned depth explain hardly anything of what the pictures move.
    #[error(
        "poses and depth explain {:.0}% of the flow that moves by 4 px and more ({:.0}% are needed): what is near moves by itself, or the depth network is wrong here; \
         take another network, give known cameras or depth, or ask for a slower camera",
        share * 100.0, gate * 100.0
    )]
    DepthContradicts {
        /// Share of the flow's points that are explained within 2 px at a width of 640.
        share: f64,
        /// Share that is needed.
        gate: f64,
    },
    /// The solve ended with residuals that are too large.
    #[error(
        "the poses do not explain the flow: {:.0}% of the places where tracks are seen (of those that move, where a tenth does) are within 2 px ({:.0}% are needed), median of all {median:.1} px; the scene is \
         not rigid, or flow or depth are wrong; ask for a slower camera and fewer moving things, give known cameras, or leave out a focal length that is given and may be wrong",
        share * 100.0, gate * 100.0
    )]
    Unsolved {
        /// Share of places within 2 px at a width of 640.
        share: f64,
        /// Share that is needed.
        gate: f64,
        /// Median distance in pixels at a width of 640.
        median: f64,
    },
    /// Neither the focal length nor the depth of what is seen is in the motion.
    #[error(
        "nothing in the clip tells how far off it is: the longer the focal length, the better it fits, and the depth that the camera's \
         travel would give what is seen is not the depth maps'; so drift clouds, water and smoke: ask for a scene with ground and \
         things that stand, or give known cameras"
    )]
    Drifts,
    /// A file of known cameras or depth could not be used.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the mend.
        reason: String,
    },
    /// The stage was told to stop.
    #[error("interrupted")]
    Interrupted,
}

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

    /// Degrees between two orientations.
    pub fn turned_from(&self, other: &Self) -> f64 {
        residual::degrees(&self.rotation, &other.rotation)
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

impl Camera {
    /// Aligned inverse depth of a map's value, which may be negative where the alignment has it beyond infinity; `None` where
    /// the value is unknown.
    pub fn inverse_depth(&self, kind: DepthKind, value: f64) -> Option<f64> {
        let rho = match kind {
            DepthKind::RelativeInverse => self.depth_scale * value + self.depth_shift,
            DepthKind::Metric if value > 0.0 => self.depth_scale / value,
            DepthKind::Metric => return None,
        };
        rho.is_finite().then_some(rho)
    }
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

/// What the camera of a clip does, as far as its pictures tell. Where it does not travel, nothing but the network tells depth: what can be
/// built is what is seen from one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// It goes somewhere.
    #[default]
    Travels,
    /// It turns on the spot: a panorama.
    Turns,
    /// It stands: one view.
    Stands,
}

/// Degrees between the two orientations farthest apart under which a camera that does not travel stands.
pub const LEAST_TURN: f64 = 1.0;

/// The cameras of one clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cameras {
    /// Registered frames in order.
    pub cameras: Vec<Camera>,
    /// Frames that were tried.
    pub frames: usize,
    /// Unit of positions and of aligned depth.
    pub unit: LengthUnit,
    /// Whether the camera travels.
    #[serde(default)]
    pub way: Way,
    /// Whether depth was measured, as by a depth camera, and not estimated.
    #[serde(default)]
    pub measured: bool,
    /// Where the focal length came from.
    pub focal_source: FocalSource,
    /// Median reprojection residual in pixels of the working size, with the depth maps' values; `None` for known cameras.
    pub residual_median: Option<f64>,
    /// Share of these residuals under 2 px at a width of 640 px.
    pub residual_under_2px: Option<f64>,
    /// Share of flow that passed the forward-backward test on neighbouring frames.
    pub flow_consistent: Option<f64>,
    /// Median image motion that comes from the camera's travel, over the widest pairs of frames, in pixels at a width of 640;
    /// `None` for known cameras. Under [`LEAST_PARALLAX`] nothing tells depth but the network.
    #[serde(default)]
    pub parallax: Option<f64>,
    /// Median distance in pixels at a width of 640 between where tracks that took no part in the solve are seen and where it has
    /// them; `None` for known cameras.
    #[serde(default)]
    pub held_out_median: Option<f64>,
    /// Share of these distances under 2 px, of places that the camera's travel moves by 4 px and more where there are enough of them: far
    /// things fit every travel. Of those that the pictures move so far where there are not, or where it explains hardly any of them.
    #[serde(default)]
    pub held_out_under_2px: Option<f64>,
    /// How far each of `cameras` is to be believed, in [0, 1]: the share of its tracks' places within 2 px at a width of 640 of where the
    /// solve has them. Empty for known cameras.
    #[serde(default)]
    pub confidence: Vec<f64>,
    /// What a person should know (flat focal sweep, frames dropped, ...).
    pub notes: Vec<String>,
}

impl Cameras {
    /// What the camera does, as far as depth hangs on it: measured depth hangs on no travel.
    pub fn way_of_depth(&self) -> Way {
        match self.measured {
            true => Way::Travels,
            false => self.way,
        }
    }

    /// What these cameras promise of a world, in [0, 1]: the share of the frames that have one times the share of places of held-out tracks
    /// within 2 px of where the solve has them (of flow, where there are too few tracks), which what moves by itself lowers too. 0 where
    /// the camera does not travel; of known cameras the first share alone.
    pub fn reconstructability(&self) -> f64 {
        let registered = self.cameras.len() as f64 / self.frames.max(1) as f64;
        match (self.way, self.residual_median) {
            (Way::Turns | Way::Stands, _) => 0.0,
            (Way::Travels, None) => registered,
            (Way::Travels, Some(_)) => {
                let share = self.held_out_under_2px.or(self.residual_under_2px);
                registered * share.unwrap_or(0.0)
            }
        }
    }
}

/// [`Cameras::reconstructability`] from which on a clip's cameras are good; see `docs/cameras.md`.
pub const GOOD: f64 = 0.7;

/// A point of the scene that several frames see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// In the cameras' world.
    pub position: DVec3,
    /// The frame that it was taken from.
    pub frame: usize,
    /// Where that frame sees it, in pixels of the working size.
    pub pixel: DVec2,
    /// Frames that see it where it should be.
    pub views: usize,
    /// Root mean square reprojection error over these, in pixels at a width of 640.
    pub error: f64,
}

impl Cameras {
    /// Cameras that are given, one a frame. They travel unless all are in one place.
    pub fn known(cameras: Vec<Camera>, unit: LengthUnit) -> Self {
        let poses = || cameras.iter().map(|c| &c.pose);
        let pairs = || poses().flat_map(|a| poses().map(move |b| (a, b)));
        let far = pairs().fold(0.0, |far: f64, (a, b)| {
            far.max(a.position.distance(b.position))
        });
        // Numbers of 32 bits that are the same place.
        let reach = poses().fold(1.0, |reach: f64, p| reach.max(p.position.length()));
        let turn = || pairs().fold(0.0, |turn: f64, (a, b)| turn.max(a.turned_from(b)));
        let way = match far > 1e-6 * reach {
            true => Way::Travels,
            false if turn() >= LEAST_TURN => Way::Turns,
            false => Way::Stands,
        };
        Self {
            frames: cameras.len(),
            cameras,
            unit,
            way,
            measured: false,
            focal_source: FocalSource::Known,
            residual_median: None,
            residual_under_2px: None,
            flow_consistent: None,
            parallax: None,
            held_out_median: None,
            held_out_under_2px: None,
            confidence: Vec::new(),
            notes: Vec::new(),
        }
    }
}
