//! glTF binary with `KHR_gaussian_splatting`, uncompressed, +Y up as our world.

use serde_json::{Value, json};

use super::super::Splats;
use super::{SH0, linear_scales, sigmoid, too_large, unit};
use crate::glb::{Body, FLOAT, GENERATOR};

/// Bytes that the JSON of a file may take.
const DOCUMENT: usize = 1 << 16;

/// The file's bytes, and what had to be bent to fit them. An empty cloud has no mesh, as glTF asks for at least one
/// vertex.
///
/// # Errors
/// In words: more splats than the 4 GiB of the format hold.
pub fn encode(splats: &Splats) -> Result<(Vec<u8>, Vec<String>), String> {
    let n = splats.len();
    // Position, colour, rotation, scale and opacity, and the coefficients.
    let splat = 4 * (3 + 4 + 4 + 3 + 1 + 3 * splats.coefficients());
    let most = (u32::MAX as usize - DOCUMENT) / splat;
    if n > most {
        return Err(format!(
            "{n} splats are more than the {most} that fit the 4 GiB of a .glb; use .ply"
        ));
    }
    let mut bent = Vec::new();
    let mut body = Body::default();
    let mut document = json!({
        "asset": {"version": "2.0", "generator": GENERATOR},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "splats"}],
    });
    if n > 0 {
        let attributes = attributes(splats, &mut body, &mut bent);
        document["nodes"][0]["mesh"] = json!(0);
        document["extensionsUsed"] = json!(["KHR_gaussian_splatting"]);
        document["meshes"] = json!([{"primitives": [{
            "mode": 0,
            "attributes": attributes,
            "extensions": {"KHR_gaussian_splatting": {
                "kernel": "ellipse", "colorSpace": "srgb_rec709_display"
            }}
        }]}]);
    }
    Ok((body.into_file(document), bent))
}

fn attributes(splats: &Splats, body: &mut Body, bent: &mut Vec<String>) -> Value {
    let n = splats.len();
    let k = splats.coefficients();
    let mut out = serde_json::Map::new();
    let position = body.add_positions(&splats.positions);
    out.insert("POSITION".into(), json!(position));
    let opacities: Vec<f32> = splats.opacity_logits.iter().map(|o| sigmoid(*o)).collect();
    // For viewers without the extension: colours there are linear.
    let fallback: Vec<f32> = (0..n)
        .flat_map(|i| {
            let [r, g, b] = splats.sh[i * k].map(|c| linear((0.5 + SH0 * c).clamp(0.0, 1.0)));
            [r, g, b, opacities[i]]
        })
        .collect();
    out.insert(
        "COLOR_0".into(),
        json!(body.add("VEC4", FLOAT, n, &fallback)),
    );
    let rotations: Vec<f32> = splats
        .rotations
        .iter()
        .flat_map(|q| {
            let [w, x, y, z] = unit(*q);
            [x, y, z, w]
        })
        .collect();
    let mut clamped = 0;
    let scales: Vec<f32> = splats
        .log_scales
        .iter()
        .flat_map(|logs| {
            let (scales, large) = linear_scales(*logs);
            clamped += usize::from(large);
            scales
        })
        .collect();
    bent.extend(too_large(clamped));
    let mut add = |name: String, kind: &str, values: &[f32]| {
        let at = body.add(kind, FLOAT, n, values);
        out.insert(format!("KHR_gaussian_splatting:{name}"), json!(at));
    };
    add("ROTATION".into(), "VEC4", &rotations);
    add("SCALE".into(), "VEC3", &scales);
    add("OPACITY".into(), "SCALAR", &opacities);
    for c in 0..k {
        let values: Vec<f32> = (0..n).flat_map(|i| splats.sh[i * k + c]).collect();
        let (degree, at) = if c == 0 { (0, 0) } else { (1, c - 1) };
        add(format!("SH_DEGREE_{degree}_COEF_{at}"), "VEC3", &values);
    }
    Value::Object(out)
}

/// sRGB to linear light, IEC 61966-2-1.
fn linear(v: f32) -> f32 {
    if v <= 0.04045 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}
