//! Camera files: our own JSON, nerfstudio's, trajectories in TUM's format, and points.

use std::fmt::Write as _;
use std::path::Path;

use glam::{DMat3, DQuat, DVec3};
use serde::Serialize;

use super::{Camera, CameraError, Cameras, Intrinsics, Point, Pose};
use crate::files::write_atomic;

/// A list of nerfstudio's form.
#[derive(Serialize)]
struct List {
    camera_model: &'static str,
    /// That of all frames, where they share it.
    #[serde(flatten)]
    lens: Option<Lens>,
    /// How the file's world came from ours, by rows.
    applied_transform: [[f64; 4]; 3],
    frames: Vec<Listed>,
}

/// A frame of it.
#[derive(Serialize)]
struct Listed {
    file_path: String,
    #[serde(flatten)]
    lens: Option<Lens>,
    /// Camera to world by rows.
    transform_matrix: [[f64; 4]; 4],
}

/// A pinhole: without the coefficients some readers take it for no lens of OpenCV's.
#[derive(Serialize)]
struct Lens {
    w: u32,
    h: u32,
    fl_x: f64,
    fl_y: f64,
    cx: f64,
    cy: f64,
    k1: f64,
    k2: f64,
    p1: f64,
    p2: f64,
}

impl Lens {
    fn of(k: &Intrinsics) -> Self {
        Self {
            w: k.width,
            h: k.height,
            fl_x: k.fx,
            fl_y: k.fy,
            cx: k.cx,
            cy: k.cy,
            k1: 0.0,
            k2: 0.0,
            p1: 0.0,
            p2: 0.0,
        }
    }
}

/// From our world, whose +Y is up, to one whose +Z is up: what is read is turned back.
fn lying() -> DMat3 {
    DMat3::from_cols(DVec3::X, DVec3::Z, -DVec3::Y)
}

/// Rows of a matrix with a last column; no zero of them is negative.
fn rows(m: &DMat3, last: DVec3) -> [[f64; 4]; 3] {
    [0, 1, 2].map(|r| [m.x_axis[r], m.y_axis[r], m.z_axis[r], last[r]].map(|v| v + 0.0))
}

/// Our pose as an OpenGL camera (x right, y up, z back) in a world whose +Z is up.
fn matrix(pose: &Pose) -> [[f64; 4]; 4] {
    let r = pose.rotation;
    let turned = lying() * DMat3::from_cols(r.x_axis, -r.y_axis, -r.z_axis);
    let [x, y, z] = rows(&turned, lying() * pose.position);
    [x, y, z, [0.0, 0.0, 0.0, 1.0]]
}

fn fault(path: &Path, reason: impl std::fmt::Display) -> CameraError {
    CameraError::File {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    }
}

impl Cameras {
    /// Reads what [`Cameras::save`] wrote.
    ///
    /// # Errors
    /// [`CameraError::File`] where the file is missing or is not such a file.
    pub fn load(path: &Path) -> Result<Self, CameraError> {
        let text = std::fs::read_to_string(path).map_err(|e| fault(path, e))?;
        serde_json::from_str(&text)
            .map_err(|e| fault(path, format!("not a cameras.json as `director track -o` leaves it (what --json prints holds one under `cameras`): {e}")))
    }

    /// Writes JSON; a reader never sees half of it.
    ///
    /// # Errors
    /// [`CameraError::File`] where the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CameraError> {
        let text = serde_json::to_string_pretty(self).map_err(|e| fault(path, e))?;
        replace(path, &text)
    }

    /// Writes `time x y z qx qy qz qw` a line, camera-to-world, the world and camera axes as in [`super`].
    ///
    /// # Errors
    /// [`CameraError::File`] where the file cannot be written.
    pub fn save_tum(&self, path: &Path) -> Result<(), CameraError> {
        let mut text = String::from("# time x y z qx qy qz qw\n");
        for camera in &self.cameras {
            let p = camera.pose.position;
            let q = DQuat::from_mat3(&camera.pose.rotation);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:.6} {:.9} {:.9} {:.9} {:.9} {:.9} {:.9} {:.9}",
                camera.time, p.x, p.y, p.z, q.x, q.y, q.z, q.w
            );
        }
        replace(path, &text)
    }

    /// Writes what nerfstudio calls `transforms.json`: pinholes of the model `OPENCV` in pixels of the working size, poses camera to world
    /// with OpenGL axes (x right, y up, z back) in a world whose +Z is up: ours turned, (x, y, z) to (x, -z, y), as `applied_transform`
    /// says. Lengths stay in [`Cameras::unit`]. [`super::known()`] reads the same poses and pinholes
    /// back, without the unit. Under that name beside pictures it would be taken for what is known of them. The pictures are called as
    /// `director frames CLIP -o frames` writes them beside it: `frames/frame_000012.png` for frame 12.
    ///
    /// # Errors
    /// [`CameraError::File`] where the file cannot be written.
    pub fn save_nerfstudio(&self, path: &Path) -> Result<(), CameraError> {
        let first = self.cameras.first().map(|c| c.intrinsics);
        let shared = first.filter(|k| self.cameras.iter().all(|c| c.intrinsics == *k));
        let listed = |camera: &Camera| Listed {
            file_path: format!("frames/frame_{:06}.png", camera.frame),
            lens: shared.is_none().then(|| Lens::of(&camera.intrinsics)),
            transform_matrix: matrix(&camera.pose),
        };
        let list = List {
            camera_model: "OPENCV",
            lens: shared.as_ref().map(Lens::of),
            applied_transform: rows(&lying(), DVec3::ZERO),
            frames: self.cameras.iter().map(listed).collect(),
        };
        let text = serde_json::to_string_pretty(&list).map_err(|e| fault(path, e))?;
        replace(path, &text)
    }
}

/// Bytes of a point.
const POINT: usize = 3 * 4 + 3 + 2 + 4;

/// What stands before `count` points.
fn header(count: usize) -> Vec<u8> {
    format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {count}\nproperty float x\nproperty float y\nproperty float z\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\nproperty ushort views\nproperty float error\nend_header\n"
    )
    .into_bytes()
}

/// Writes points as binary little-endian PLY: `x y z` in the cameras' world, `red green blue` (`colours`, one a point), `views` and
/// `error` (see [`Point`]).
///
/// # Errors
/// [`CameraError::File`] where the file cannot be written.
pub fn save_points(points: &[Point], colours: &[[u8; 3]], path: &Path) -> Result<(), CameraError> {
    let mut bytes = header(points.len());
    for (point, colour) in points.iter().zip(colours) {
        for value in point.position.to_array() {
            bytes.extend((value as f32).to_le_bytes());
        }
        bytes.extend(colour);
        bytes.extend(u16::try_from(point.views).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend((point.error as f32).to_le_bytes());
    }
    write_atomic(path, &bytes).map_err(|e| fault(path, e))
}

/// Copies what [`save_points`] wrote, with each point where `place` has it, as in another frame of the world.
///
/// # Errors
/// [`CameraError::File`] where `from` is no such file, or `to` cannot be written.
pub fn move_points(
    from: &Path,
    to: &Path,
    place: impl Fn(DVec3) -> DVec3,
) -> Result<(), CameraError> {
    let mut bytes = std::fs::read(from).map_err(|e| fault(from, e))?;
    let end = b"end_header\n";
    let start = bytes.windows(end.len()).position(|w| w == end);
    let start = start.map_or(bytes.len(), |at| at + end.len());
    let body = bytes.len() - start;
    if body % POINT != 0 || bytes[..start] != header(body / POINT) {
        return Err(fault(
            from,
            "not points as `director track` writes them, or cut",
        ));
    }
    for point in bytes[start..].chunks_exact_mut(POINT) {
        let (xyz, _) = point.as_chunks_mut::<4>();
        let at = [0, 1, 2].map(|axis| f64::from(f32::from_le_bytes(xyz[axis])));
        let moved = place(DVec3::from_array(at)).to_array();
        for (axis, value) in moved.into_iter().enumerate() {
            xyz[axis] = (value as f32).to_le_bytes();
        }
    }
    write_atomic(to, &bytes).map_err(|e| fault(to, e))
}

fn replace(path: &Path, text: &str) -> Result<(), CameraError> {
    write_atomic(path, text.as_bytes()).map_err(|e| fault(path, e))
}
