//! Meshes as one binary glTF 2.0 file that any viewer reads.

use std::path::Path;

use serde_json::{Value, json};

use super::mesh::Mesh;
use super::truth::io;
use crate::generate::GenerateError;
use crate::glb::{Body, FLOAT, GENERATOR, U32};

/// Use of a view: points.
const ARRAY_BUFFER: u32 = 34962;
/// Use of a view: indices.
const ELEMENT_ARRAY_BUFFER: u32 = 34963;

/// One node of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name; also its mesh's and its material's.
    pub name: String,
    /// Linear base colour, clamped to 0 to 1.
    pub colour: [f32; 3],
    /// Its mesh in world coordinates: right-handed, +Y up, metres, every number finite. The node has no transform.
    pub mesh: Mesh,
    /// What else is known of it: the node's `extras`, left out where null.
    pub extras: Value,
}

/// Writes one binary glTF 2.0 file with a node, a mesh and a dull material for each of `nodes`, in their order.
/// Nodes whose mesh has no triangles are left out. The same nodes give the same bytes.
///
/// # Errors
/// [`GenerateError::Io`] where the file cannot be written.
pub fn write(path: &Path, nodes: &[Node]) -> Result<(), GenerateError> {
    std::fs::write(path, encode(nodes)).map_err(|e| io(path, e))
}

/// The file's bytes.
fn encode(nodes: &[Node]) -> Vec<u8> {
    let mut body = Body::default();
    let (mut listed, mut meshes, mut materials) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let Mesh {
            positions,
            normals,
            indices,
        } = &node.mesh;
        if indices.is_empty() {
            continue;
        }
        let position = body.add_positions(positions);
        let normal = body.add("VEC3", FLOAT, normals.len(), normals);
        let index = body.add("SCALAR", U32, indices.len(), indices);
        body.mark(position, ARRAY_BUFFER);
        body.mark(normal, ARRAY_BUFFER);
        body.mark(index, ELEMENT_ARRAY_BUFFER);
        let at = listed.len();
        let mut entry = json!({"name": node.name, "mesh": at});
        if !node.extras.is_null() {
            entry["extras"] = node.extras.clone();
        }
        listed.push(entry);
        meshes.push(json!({"name": node.name, "primitives": [{
            "attributes": {"POSITION": position, "NORMAL": normal},
            "indices": index,
            "material": at,
        }]}));
        let [r, g, b] = node.colour.map(|c| c.clamp(0.0, 1.0));
        materials.push(json!({"name": node.name, "pbrMetallicRoughness": {
            "baseColorFactor": [r, g, b, 1.0], "metallicFactor": 0.0, "roughnessFactor": 1.0
        }}));
    }
    let mut document = json!({
        "asset": {"version": "2.0", "generator": GENERATOR},
        "scene": 0,
        "scenes": [{}],
    });
    // glTF allows no empty lists.
    if !listed.is_empty() {
        document["scenes"][0]["nodes"] = (0..listed.len()).collect();
        document["nodes"] = Value::Array(listed);
        document["meshes"] = Value::Array(meshes);
        document["materials"] = Value::Array(materials);
    }
    body.into_file(document)
}
