//! Binary glTF 2.0: the triangles of its scene, where its nodes put them.

use glam::{Mat4, Quat, Vec3};
use serde_json::Value;

use super::Mesh;

/// Extensions that a file may require and that do not change where triangles are.
const HARMLESS: &[&str] = &[
    "KHR_mesh_quantization",
    "KHR_texture_",
    "KHR_materials_",
    "KHR_lights_",
    "EXT_texture_",
];
/// Nodes over a node, at most.
const DEEPEST: usize = 256;
/// Triangles of a file, at most: meshes may be placed many times.
const MOST: usize = 1 << 28;

/// Reads the bytes of a GLB file.
pub(super) fn read(bytes: &[u8]) -> Result<Mesh, String> {
    let (document, buffer) = crate::glb::parts(bytes)?;
    for name in list(&document, "extensionsRequired")
        .iter()
        .filter_map(Value::as_str)
    {
        if !HARMLESS.iter().any(|known| name.starts_with(known)) {
            return Err(format!(
                "the mesh needs the extension {name}, which is not read; export it without"
            ));
        }
    }
    let mut reader = Reader {
        document: &document,
        buffer,
        mesh: Mesh::default(),
        passed: 0,
        bent: 0,
    };
    let nodes = list(&document, "nodes");
    let roots: Vec<usize> = match document.get("scenes").and_then(Value::as_array) {
        Some(scenes) if !scenes.is_empty() => {
            let at = number(&document, "scene").unwrap_or(0);
            let scene = scenes
                .get(at)
                .ok_or_else(|| format!("there is no scene {at}"))?;
            indices(scene, "nodes")?
        }
        _ => {
            // Without scenes all that no node holds is shown.
            let mut held = vec![false; nodes.len()];
            for node in nodes {
                for child in indices(node, "children")? {
                    if let Some(held) = held.get_mut(child) {
                        *held = true;
                    }
                }
            }
            (0..nodes.len()).filter(|&i| !held[i]).collect()
        }
    };
    let mut open: Vec<(usize, Mat4, usize)> = roots
        .into_iter()
        .rev()
        .map(|i| (i, Mat4::IDENTITY, 0))
        .collect();
    let mut seen = 0usize;
    while let Some((i, over, depth)) = open.pop() {
        seen += 1;
        let node = nodes
            .get(i)
            .ok_or_else(|| format!("there is no node {i}"))?;
        if depth > DEEPEST || seen > nodes.len() {
            return Err(format!("node {i} holds itself, or has two parents"));
        }
        let place = over * transform(node).map_err(|e| format!("node {i}: {e}"))?;
        if let Some(mesh) = number(node, "mesh") {
            reader.bent += usize::from(node.get("skin").is_some());
            reader
                .mesh(mesh, place)
                .map_err(|e| format!("mesh {mesh}: {e}"))?;
        }
        for child in indices(node, "children")?.into_iter().rev() {
            open.push((child, place, depth + 1));
        }
    }
    let mut mesh = reader.mesh;
    if reader.passed > 0 {
        mesh.notes.push(format!(
            "{} parts are points or lines and were left out",
            reader.passed
        ));
    }
    if reader.bent > 0 {
        mesh.notes.push(format!(
            "{} meshes with bones are taken as they lie",
            reader.bent
        ));
    }
    Ok(mesh)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn number(value: &Value, key: &str) -> Option<usize> {
    value
        .get(key)
        .and_then(Value::as_u64)
        .and_then(|n| n.try_into().ok())
}

fn indices(value: &Value, key: &str) -> Result<Vec<usize>, String> {
    let each = list(value, key).iter();
    each.map(|i| {
        i.as_u64()
            .map(|i| i as usize)
            .ok_or_else(|| format!("'{key}' holds what is no index"))
    })
    .collect()
}

fn floats<const N: usize>(node: &Value, key: &str) -> Result<Option<[f32; N]>, String> {
    let Some(value) = node.get(key) else {
        return Ok(None);
    };
    let wrong = || format!("'{key}' is not {N} finite numbers");
    let all = value
        .as_array()
        .filter(|all| all.len() == N)
        .ok_or_else(wrong)?;
    let mut out = [0.0; N];
    for (out, x) in out.iter_mut().zip(all) {
        *out = x
            .as_f64()
            .map(|x| x as f32)
            .filter(|x| x.is_finite())
            .ok_or_else(wrong)?;
    }
    Ok(Some(out))
}

fn transform(node: &Value) -> Result<Mat4, String> {
    if let Some(columns) = floats::<16>(node, "matrix")? {
        return Ok(Mat4::from_cols_array(&columns));
    }
    let scale = floats(node, "scale")?.unwrap_or([1.0; 3]);
    let turn = floats(node, "rotation")?.unwrap_or([0.0, 0.0, 0.0, 1.0]);
    let shift = floats(node, "translation")?.unwrap_or([0.0; 3]);
    let turn = Quat::from_array(turn).normalize();
    match turn.is_finite() {
        true => Ok(Mat4::from_scale_rotation_translation(
            scale.into(),
            turn,
            shift.into(),
        )),
        false => Err("'rotation' has no length".to_owned()),
    }
}

struct Reader<'a> {
    document: &'a Value,
    buffer: &'a [u8],
    mesh: Mesh,
    /// Parts that are no triangles.
    passed: usize,
    /// Meshes with skins.
    bent: usize,
}

impl Reader<'_> {
    fn mesh(&mut self, at: usize, place: Mat4) -> Result<(), String> {
        let document = self.document;
        let mesh = list(document, "meshes")
            .get(at)
            .ok_or("there is no such mesh")?;
        for part in list(mesh, "primitives") {
            let mode = number(part, "mode").unwrap_or(4);
            if !(4..=6).contains(&mode) {
                self.passed += 1;
                continue;
            }
            let position = part.get("attributes").and_then(|a| number(a, "POSITION"));
            let position = position.ok_or("a part has no POSITION")?;
            let values = self.accessor(position, 3)?;
            let mut points = Vec::with_capacity(values.len() / 3);
            for p in values.as_chunks::<3>().0 {
                let q = place.transform_point3(Vec3::from_array(p.map(|x| x as f32)));
                if !q.is_finite() {
                    return Err(format!("point {} is not finite", points.len()));
                }
                points.push(q.to_array());
            }
            let order: Vec<usize> = match number(part, "indices") {
                Some(at) => self
                    .accessor(at, 1)?
                    .into_iter()
                    .map(|i| i as usize)
                    .collect(),
                None => (0..points.len()).collect(),
            };
            if let Some(far) = order.iter().find(|&&i| i >= points.len()) {
                return Err(format!("index {far} is not one of {} points", points.len()));
            }
            let n = order.len();
            let corners: Vec<[usize; 3]> = match mode {
                4 => order.as_chunks::<3>().0.to_vec(),
                5 => (2..n)
                    .map(|k| [order[k - 2], order[k - 1], order[k]])
                    .collect(),
                _ => (2..n).map(|k| [order[0], order[k - 1], order[k]]).collect(),
            };
            if self.mesh.triangles.len() + corners.len() > MOST {
                return Err(format!("the scene has more than {MOST} triangles"));
            }
            self.mesh
                .triangles
                .extend(corners.iter().map(|c| c.map(|i| points[i])));
        }
        Ok(())
    }

    /// The values of an accessor with `width` of them an element.
    fn accessor(&self, at: usize, width: usize) -> Result<Vec<f64>, String> {
        let told = |e: &str| format!("accessor {at}: {e}");
        let accessors = list(self.document, "accessors");
        let accessor = accessors.get(at).ok_or_else(|| told("there is none"))?;
        if accessor.get("sparse").is_some() {
            return Err(told(
                "is sparse, which is not read; export the mesh without",
            ));
        }
        let kind = accessor.get("type").and_then(Value::as_str);
        if kind != Some(["SCALAR", "VEC2", "VEC3"][width - 1]) {
            return Err(told("has another type than its use asks for"));
        }
        let count = number(accessor, "count").ok_or_else(|| told("has no count"))?;
        let component = number(accessor, "componentType").unwrap_or(0);
        let bytes = match component {
            5120 | 5121 => 1,
            5122 | 5123 => 2,
            5125 | 5126 => 4,
            _ => return Err(told("has an unknown component type")),
        };
        let view = number(accessor, "bufferView")
            .and_then(|view| list(self.document, "bufferViews").get(view))
            .ok_or_else(|| told("has no view of the buffer"))?;
        let buffer = number(view, "buffer").unwrap_or(0);
        let outside = list(self.document, "buffers")
            .get(buffer)
            .is_none_or(|b| b.get("uri").is_some());
        if buffer != 0 || outside {
            return Err(told("lies outside the file; pack it all into one .glb"));
        }
        let normal = accessor.get("normalized").and_then(Value::as_bool) == Some(true);
        let stride = number(view, "byteStride").unwrap_or(width * bytes);
        let short = || told("reaches past the end of the buffer; the file is cut short or damaged");
        let offset = |value: &Value| number(value, "byteOffset").unwrap_or(0);
        let first = offset(view)
            .checked_add(offset(accessor))
            .ok_or_else(short)?;
        let last = match count {
            0 => Some(first),
            _ => (count - 1)
                .checked_mul(stride)
                .and_then(|n| n.checked_add(first)?.checked_add(width * bytes)),
        };
        if last.is_none_or(|last| last > self.buffer.len()) {
            return Err(short());
        }
        let mut values = Vec::with_capacity(count * width);
        for i in 0..count {
            for k in 0..width {
                let b = &self.buffer[first + i * stride + k * bytes..][..bytes];
                let (value, most) = match (component, b) {
                    (5120, &[b]) => (f64::from(b as i8), 127.0),
                    (5121, &[b]) => (f64::from(b), 255.0),
                    (5122, &[a, b]) => (f64::from(i16::from_le_bytes([a, b])), 32767.0),
                    (5123, &[a, b]) => (f64::from(u16::from_le_bytes([a, b])), 65535.0),
                    (5125, &[a, b, c, d]) => (f64::from(u32::from_le_bytes([a, b, c, d])), 1.0),
                    (_, &[a, b, c, d]) => (f64::from(f32::from_le_bytes([a, b, c, d])), 1.0),
                    _ => return Err(short()),
                };
                values.push(if normal {
                    (value / most).max(-1.0)
                } else {
                    value
                });
            }
        }
        Ok(values)
    }
}
