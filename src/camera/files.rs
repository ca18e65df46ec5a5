//! Camera files: our own JSON, and trajectories in TUM's format.

use std::fmt::Write as _;
use std::path::Path;

use glam::DQuat;

use super::{CameraError, Cameras, Point};
use crate::files::write_atomic;

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
}

/// Writes points as binary little-endian PLY: `x y z` in the cameras' world, `red green blue` (`colours`, one a point), `views` and
/// `error` (see [`Point`]).
///
/// # Errors
/// [`CameraError::File`] where the file cannot be written.
pub fn save_points(points: &[Point], colours: &[[u8; 3]], path: &Path) -> Result<(), CameraError> {
    let mut bytes = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\nproperty ushort views\nproperty float error\nend_header\n",
        points.len()
    )
    .into_bytes();
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

fn replace(path: &Path, text: &str) -> Result<(), CameraError> {
    write_atomic(path, text.as_bytes()).map_err(|e| fault(path, e))
}
