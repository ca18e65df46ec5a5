//! Binary glTF 2.0: the triangles of its scene, where its nodes put them.

use glam::{DMat4, DVec3};
use serde_json::Value;

use super::Found;
use crate::glb::{self, list, number, scene};

/// The extension of meshes that a node places many times.
const COPIES: &str = "EXT_mesh_gpu_instancing";
/// Triangles of a file, at most: meshes may be placed many times.
const MOST: usize = 1 << 28;

/// Reads the bytes of a GLB file.
pub(super) fn read(bytes: &[u8]) -> Result<Found, String> {
    let (document, buffer) = glb::parts(bytes)?;
    if let Some(name) = scene::needs(&document, &[]) {
        return Err(format!(
            "the mesh needs the extension {name}, which is not read; export it without"
        ));
    }
    let placed_often = list(&document, "extensionsUsed")
        .iter()
        .any(|name| name == COPIES);
    let holds = scene::holds(&document);
    if holds.splats && !holds.triangles {
        return Err("the file holds Gaussian splats and no triangles, so it is no mesh".to_owned());
    }
    let mut reader = Reader {
        document: &document,
        buffer,
        found: Found::default(),
        passed: 0,
    };
    let mut bent = 0;
    for placed in scene::placed(&document)? {
        bent += usize::from(placed.skinned);
        reader
            .mesh(placed.mesh, placed.place.as_dmat4())
            .map_err(|e| format!("mesh {}: {e}", placed.mesh))?;
    }
    let mut found = reader.found;
    if reader.passed > 0 {
        found.notes.push(format!(
            "{} parts are points or lines and were left out",
            reader.passed
        ));
    }
    if placed_often {
        found.notes.push(format!(
            "meshes that {COPIES} places many times are taken once, where their node is"
        ));
    }
    if bent > 0 {
        found
            .notes
            .push(format!("{bent} meshes with bones are taken as they lie"));
    }
    Ok(found)
}

struct Reader<'a> {
    document: &'a Value,
    buffer: &'a [u8],
    found: Found,
    /// Parts that are no triangles.
    passed: usize,
}

impl Reader<'_> {
    fn mesh(&mut self, at: usize, place: DMat4) -> Result<(), String> {
        let document = self.document;
        let mesh = list(document, "meshes")
            .get(at)
            .ok_or("there is no such mesh")?;
        for part in list(mesh, "primitives") {
            if let Some(mode) = part.get("mode")
                && mode.as_u64().is_none_or(|mode| mode > 6)
            {
                return Err(format!(
                    "a part has the mode {mode}, which glTF does not know"
                ));
            }
            let mode = number(part, "mode").unwrap_or(4);
            if !scene::is_triangles(part) {
                self.passed += 1;
                continue;
            }
            let position = part.get("attributes").and_then(|a| number(a, "POSITION"));
            let position = position.ok_or("a part has no POSITION")?;
            let values = glb::values(document, self.buffer, position, 3)?;
            let mut points = Vec::with_capacity(values.len() / 3);
            for p in values.as_chunks::<3>().0 {
                let q = place.transform_point3(DVec3::from_array(*p));
                // As a 32-bit number too.
                if !q.as_vec3().is_finite() {
                    return Err(format!("point {} is not finite", points.len()));
                }
                points.push(q.to_array());
            }
            let order: Vec<usize> = match number(part, "indices") {
                Some(at) => indices(document, self.buffer, at)?,
                None => (0..points.len()).collect(),
            };
            if let Some(far) = order.iter().find(|&&i| i >= points.len()) {
                return Err(format!("index {far} is not one of {} points", points.len()));
            }
            let n = order.len();
            if mode == 4 && !n.is_multiple_of(3) {
                return Err(format!("{n} corners make no whole triangles"));
            }
            let corners: Vec<[usize; 3]> = match mode {
                4 => order.as_chunks::<3>().0.to_vec(),
                5 => (2..n)
                    .map(|k| [order[k - 2], order[k - 1], order[k]])
                    .collect(),
                _ => (2..n).map(|k| [order[0], order[k - 1], order[k]]).collect(),
            };
            if self.found.triangles.len() + corners.len() > MOST {
                return Err(format!("the scene has more than {MOST} triangles"));
            }
            self.found
                .triangles
                .extend(corners.iter().map(|c| c.map(|i| points[i])));
        }
        Ok(())
    }
}

/// Indices of corners: whole numbers without a sign, as glTF has them.
fn indices(document: &Value, buffer: &[u8], at: usize) -> Result<Vec<usize>, String> {
    let accessor = list(document, "accessors").get(at);
    let of = |key: &str| accessor.and_then(|a| a.get(key));
    let unsigned = matches!(
        of("componentType").and_then(Value::as_u64),
        Some(5121 | 5123 | 5125)
    );
    if !unsigned || of("normalized").and_then(Value::as_bool) == Some(true) {
        return Err(format!(
            "accessor {at} holds indices that are no whole numbers without a sign (componentType 5121, 5123 or 5125)"
        ));
    }
    let values = glb::values(document, buffer, at, 1)?;
    Ok(values.into_iter().map(|i| i as usize).collect())
}
