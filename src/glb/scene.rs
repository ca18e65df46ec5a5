//! Where a document's scene puts its meshes.

use glam::{Mat4, Quat};
use serde_json::Value;

use super::{list, number};

/// The extension of Gaussian splats.
pub(crate) const SPLATS: &str = "KHR_gaussian_splatting";

/// Beginnings of the extensions that a file may require and that do not change where things are.
const HARMLESS: &[&str] = &[
    "KHR_mesh_quantization",
    "KHR_texture_",
    "KHR_materials_",
    "KHR_lights_",
    "EXT_texture_",
];

/// A mesh where a node puts it.
pub(crate) struct Placed {
    /// The mesh's number.
    pub mesh: usize,
    /// Its coordinates to the scene's.
    pub place: Mat4,
    /// Bones bend it.
    pub skinned: bool,
}

/// What the parts of a document's meshes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Some are Gaussian splats.
    pub splats: bool,
    /// Some are triangles.
    pub triangles: bool,
}

/// Whether a part of a mesh is Gaussian splats.
pub(crate) fn is_splats(part: &Value) -> bool {
    part.get("extensions")
        .is_some_and(|e| e.get(SPLATS).is_some())
}

/// Whether a part of a mesh is triangles, in a list, a strip or a fan.
pub(crate) fn is_triangles(part: &Value) -> bool {
    (4..=6).contains(&number(part, "mode").unwrap_or(4))
}

/// An extension without which the file says that it cannot be read, and which begins with none of `read`, nor can be
/// passed over.
pub(crate) fn needs<'d>(document: &'d Value, read: &[&str]) -> Option<&'d str> {
    let mut names = list(document, "extensionsRequired")
        .iter()
        .filter_map(Value::as_str);
    names.find(|name| {
        !HARMLESS
            .iter()
            .chain(read)
            .any(|known| name.starts_with(known))
    })
}

/// What a document's meshes hold, whether its scene shows them or not.
pub(crate) fn holds(document: &Value) -> Holds {
    let mut found = Holds::default();
    for part in list(document, "meshes")
        .iter()
        .flat_map(|m| list(m, "primitives"))
    {
        match is_splats(part) {
            true => found.splats = true,
            false => found.triangles |= is_triangles(part),
        }
    }
    found
}

/// The meshes of a document's scene, in the order of its nodes; without scenes all that no node holds is shown.
pub(crate) fn placed(document: &Value) -> Result<Vec<Placed>, String> {
    let nodes = list(document, "nodes");
    let roots: Vec<usize> = match document.get("scenes").and_then(Value::as_array) {
        Some(scenes) if !scenes.is_empty() => {
            let at = number(document, "scene").unwrap_or(0);
            let scene = scenes
                .get(at)
                .ok_or_else(|| format!("there is no scene {at}"))?;
            indices(scene, "nodes")?
        }
        _ => {
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
    let mut open: Vec<(usize, Mat4)> = roots
        .into_iter()
        .rev()
        .map(|i| (i, Mat4::IDENTITY))
        .collect();
    let (mut seen, mut found) = (0usize, Vec::new());
    while let Some((i, over)) = open.pop() {
        seen += 1;
        let node = nodes
            .get(i)
            .ok_or_else(|| format!("there is no node {i}"))?;
        if seen > nodes.len() {
            return Err(format!("node {i} holds itself, or has two parents"));
        }
        let place = over * transform(node).map_err(|e| format!("node {i}: {e}"))?;
        found.extend(number(node, "mesh").map(|mesh| Placed {
            mesh,
            place,
            skinned: node.get("skin").is_some(),
        }));
        for child in indices(node, "children")?.into_iter().rev() {
            open.push((child, place));
        }
    }
    Ok(found)
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
