//! Worlds from triangle meshes: files (OBJ, GLB) and what other code makes.

use std::path::Path;

use super::WorldError;

mod floor;
mod gltf;
mod obj;
mod voxelise;

pub use voxelise::{Inside, MeshOptions};

/// Corners of a triangle.
pub type Triangle = [[f32; 3]; 3];

/// The triangles of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// In the file's own coordinates, every number finite.
    pub triangles: Vec<Triangle>,
    /// What was left out.
    pub notes: Vec<String>,
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
        let mesh = match bytes {
            _ if bytes.starts_with(b"glTF") => gltf::read(bytes)?,
            _ if start.starts_with(b"{") => {
                return Err("this is a .gltf of several files; pack it into one .glb".to_owned());
            }
            _ if start.starts_with(b"ply") || start.starts_with(b"solid") => {
                return Err("meshes are read from .obj and .glb only; convert this one".to_owned());
            }
            _ => {
                let text = std::str::from_utf8(bytes).map_err(|e| {
                    let line = bytes[..e.valid_up_to()].split(|&b| b == b'\n').count();
                    format!("line {line} is no text, so this is neither an .obj nor a .glb mesh")
                })?;
                obj::read(text)?
            }
        };
        match mesh.triangles.is_empty() {
            true => Err("the file holds no triangles".to_owned()),
            false => Ok(mesh),
        }
    }
}
