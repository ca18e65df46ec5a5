//! Worlds from triangle meshes: files (OBJ, GLB) and what other code makes.

use std::path::Path;

use super::WorldError;

mod floor;
mod gltf;
mod obj;
mod parted;
mod polygon;
mod rooms;
mod shells;
mod voxelise;

pub use voxelise::{Inside, MeshOptions};

/// Corners of a triangle.
pub type Triangle = [[f32; 3]; 3];

/// A mesh whose middle lies farther from the origin along an axis is moved there: 32-bit numbers are too coarse beyond.
const FAR: f64 = 4096.0;

/// The triangles of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// In the file's own coordinates less `offset`, every number finite.
    pub triangles: Vec<Triangle>,
    /// What was taken from the file's own coordinates, in whole units; 0 along axes on which it lies near the origin.
    pub offset: [f64; 3],
    /// What was left out.
    pub notes: Vec<String>,
}

/// What a reader finds in a file.
#[derive(Default)]
struct Found {
    triangles: Vec<polygon::Wide>,
    notes: Vec<String>,
}

impl Found {
    /// Near the origin.
    fn placed(self) -> Mesh {
        let offset = [0, 1, 2].map(|a| {
            let all = self.triangles.iter().flatten().map(|p| p[a]);
            let [low, high] = all.fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], x| {
                [l.min(x), h.max(x)]
            });
            let middle = (0.5 * (low + high)).round();
            if middle.abs() > FAR { middle } else { 0.0 }
        });
        let mut notes = self.notes;
        if offset != [0.0; 3] {
            let [x, y, z] = offset;
            notes.push(format!(
                "the mesh lies far from the origin: places are told from ({x}, {y}, {z}) of its file"
            ));
        }
        let near = |p: [f64; 3]| std::array::from_fn(|a| (p[a] - offset[a]) as f32);
        Mesh {
            triangles: self.triangles.into_iter().map(|t| t.map(near)).collect(),
            offset,
            notes,
        }
    }
}

impl Mesh {
    /// Reads an OBJ or a GLB file; its content says which.
    ///
    /// # Errors
    /// [`WorldError::File`] with the line (OBJ) or the part (GLB) that is wrong.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        let bytes = std::fs::read(path).map_err(|e| super::file::at(path, e.to_string()))?;
        Self::from_bytes(&bytes).map_err(|reason| super::file::at(path, reason))
    }

    /// Reads the bytes of an OBJ or a GLB file; the error says in words what is wrong.
    ///
    /// # Errors
    /// What is neither, is damaged, cut, or holds no triangles.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let start = bytes.trim_ascii_start();
        let found = match bytes {
            _ if bytes.starts_with(b"glTF") => gltf::read(bytes)?,
            _ if start.starts_with(b"{") => {
                return Err("this is a .gltf of several files; pack it into one .glb".to_owned());
            }
            _ if start.starts_with(b"ply") || start.starts_with(b"solid") => {
                return Err("meshes are read from .obj and .glb only; convert this one".to_owned());
            }
            _ => obj::read(bytes)?,
        };
        match found.triangles.is_empty() {
            true => Err("the file holds no triangles".to_owned()),
            false => Ok(found.placed()),
        }
    }
}
