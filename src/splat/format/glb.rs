//! glTF binary with `KHR_gaussian_splatting`, uncompressed, +Y up as our world.

use glam::{DMat3, DVec3, Mat4};
use serde_json::{Value, json};

use super::super::Splats;
use super::super::harmonics::{MOST, MOST_DEGREE};
use super::builder::{Builder, Splat};
use super::{SH0, SplatFile, linear_scales, sigmoid, too_large, unit};
use crate::glb::{Body, FLOAT, GENERATOR, list, number, parts, scene, values};

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
        let degree = c.isqrt();
        let at = c - degree * degree;
        add(format!("SH_DEGREE_{degree}_COEF_{at}"), "VEC3", &values);
    }
    Value::Object(out)
}

/// Most splats of a scene: a small file may show one mesh any number of times.
const MOST_SPLATS: usize = 20_000_000;

/// What the file's bytes hold: the splats of all parts that its scene shows, where its nodes put them. Opacities of 0 and 1
/// become infinite, as they mean.
///
/// # Errors
/// In words: no splats, another kernel, packed splats, a node that bends them.
pub fn parse(bytes: &[u8]) -> Result<SplatFile, String> {
    let (document, binary) = parts(bytes)?;
    let holds = scene::holds(&document);
    if !holds.splats {
        return Err(match holds.triangles {
            true => "the file holds a mesh and no Gaussian splats; give it as a mesh".to_owned(),
            // As an empty cloud is written.
            false if list(&document, "meshes").is_empty() => {
                return Ok(Builder::new(0, 0).finish("glTF (KHR_gaussian_splatting)", 0));
            }
            false => {
                "the file holds neither Gaussian splats (KHR_gaussian_splatting) nor triangles"
                    .to_owned()
            }
        });
    }
    // Of splats each part is asked for what packs it.
    if let Some(name) = scene::needs(&document, &[scene::SPLATS]) {
        return Err(format!(
            "the file needs the extension {name}, which is not read; export it without"
        ));
    }
    let mut clouds = Vec::new();
    let (mut degree, mut passed, mut linear_light) = (0, 0usize, 0usize);
    let mut count = 0usize;
    for placed in scene::placed(&document)? {
        let mesh = list(&document, "meshes")
            .get(placed.mesh)
            .ok_or_else(|| format!("there is no mesh {}", placed.mesh))?;
        for part in list(mesh, "primitives") {
            if !scene::is_splats(part) {
                passed += 1;
                continue;
            }
            let told = |e: String| format!("mesh {}: {e}", placed.mesh);
            let (part, linear) = Part::of(&document, binary, part).map_err(told)?;
            degree = degree.max(part.degree);
            linear_light += usize::from(linear);
            count = count.saturating_add(part.count());
            if count > MOST_SPLATS {
                return Err(format!(
                    "the scene shows more than {MOST_SPLATS} splats, those of a mesh once for each node that shows it"
                ));
            }
            clouds.push((part, placed.place, placed.mesh));
        }
    }
    let mut all = Builder::new(count, degree.min(MOST_DEGREE));
    for (part, place, mesh) in &clouds {
        part.push(*place, &mut all)
            .map_err(|e| format!("mesh {mesh}: {e}"))?;
    }
    let mut out = all.finish("glTF (KHR_gaussian_splatting)", degree);
    if passed > 0 {
        out.notes.push(format!(
            "{passed} parts of its meshes are no splats and are left out"
        ));
    }
    if linear_light > 0 {
        out.notes.push(format!(
            "{linear_light} parts have colours in linear light: they are taken as they are, too dark"
        ));
    }
    Ok(out)
}

/// The arrays of a part of a mesh.
struct Part {
    positions: Vec<f64>,
    rotations: Vec<f64>,
    scales: Vec<f64>,
    opacities: Vec<f64>,
    /// Coefficients that are kept, each RGB a splat.
    sh: Vec<Vec<f64>>,
    degree: u32,
}

impl Part {
    /// Reads the arrays; the second answer tells whether colours are in linear light.
    fn of(document: &Value, binary: &[u8], part: &Value) -> Result<(Self, bool), String> {
        let extension = &part["extensions"][scene::SPLATS];
        if let Some(packed) = extension.get("extensions").and_then(Value::as_object)
            && let Some(name) = packed.keys().next()
        {
            return Err(format!(
                "its splats are packed by {name}, which is not read; convert the file to .ply first"
            ));
        }
        let word = |key: &str| extension.get(key).and_then(Value::as_str);
        if let Some(kernel) = word("kernel").filter(|k| *k != "ellipse") {
            return Err(format!(
                "its splats have the kernel '{kernel}'; only 'ellipse' is read"
            ));
        }
        let attribute = |name: &str| part.get("attributes").and_then(|a| number(a, name));
        let named = |name: &str| format!("KHR_gaussian_splatting:{name}");
        let must = |name: &str, width: usize| {
            let at = attribute(name).ok_or_else(|| format!("its splats have no {name}"))?;
            values(document, binary, at, width).map_err(|e| format!("{name}: {e}"))
        };
        let coefficient = |degree: u32, at: usize| named(&format!("SH_DEGREE_{degree}_COEF_{at}"));
        let degree = (1..=4)
            .take_while(|&d| {
                (0..2 * d as usize + 1).all(|c| attribute(&coefficient(d, c)).is_some())
            })
            .last()
            .unwrap_or(0);
        let kept = (0..=degree.min(MOST_DEGREE))
            .flat_map(|d| (0..2 * d as usize + 1).map(move |c| (d, c)));
        let sh = kept
            .map(|(d, c)| must(&coefficient(d, c), 3))
            .collect::<Result<Vec<_>, _>>()?;
        let part = Self {
            positions: must("POSITION", 3)?,
            rotations: must(&named("ROTATION"), 4)?,
            scales: must(&named("SCALE"), 3)?,
            opacities: must(&named("OPACITY"), 1)?,
            sh,
            degree,
        };
        let n = part.count();
        let same = part.rotations.len() == 4 * n
            && part.scales.len() == 3 * n
            && part.opacities.len() == n
            && part.sh.iter().all(|s| s.len() == 3 * n);
        if !same {
            return Err(
                "its splats' attributes are not of one length; the file is damaged".to_owned(),
            );
        }
        Ok((
            part,
            word("colorSpace").is_some_and(|c| c.starts_with("lin")),
        ))
    }

    fn count(&self) -> usize {
        self.positions.len() / 3
    }

    /// Adds the splats where a node puts them: turned, moved, and made larger by one factor.
    fn push(&self, place: Mat4, all: &mut Builder) -> Result<(), String> {
        let mut splats = Builder::new(self.count(), all.splats.sh_degree);
        let row = |values: &[f64], i: usize| -> [f32; 3] {
            std::array::from_fn(|a| values.get(3 * i + a).map_or(0.0, |v| *v as f32))
        };
        for i in 0..self.count() {
            let [x, y, z, w] = std::array::from_fn(|a| self.rotations[4 * i + a] as f32);
            let opacity = self.opacities[i] as f32;
            // A part of a lower degree than the file's highest has no more.
            let sh: [[f32; 3]; MOST] =
                std::array::from_fn(|c| self.sh.get(c).map_or([0.0; 3], |s| row(s, i)));
            splats.push(&Splat {
                position: row(&self.positions, i),
                log_scale: row(&self.scales, i).map(f32::ln),
                opacity_logit: (opacity / (1.0 - opacity)).ln(),
                rotation: [w, x, y, z],
                sh: &sh,
            });
        }
        if place != Mat4::IDENTITY {
            let (turn, shift, scale) = similarity(place)?;
            splats.splats.transform(turn, shift, scale);
        }
        all.append(splats);
        Ok(())
    }
}

/// Rotation, translation and scale of a node's place.
fn similarity(place: Mat4) -> Result<(DMat3, DVec3, f64), String> {
    let place = place.as_dmat4();
    let matrix = DMat3::from_mat4(place);
    let scale = matrix.determinant().cbrt();
    let turn = matrix * (1.0 / scale);
    let off = turn * turn.transpose() - DMat3::IDENTITY;
    let straight = off.to_cols_array().iter().all(|v| v.abs() < 1e-3);
    match scale > 1e-12 && scale.is_finite() && straight {
        true => Ok((turn, place.w_axis.truncate(), scale)),
        false => Err("its node stretches or mirrors the splats, which cannot be done to them; apply the node's transform in the tool that made the file".to_owned()),
    }
}

/// sRGB to linear light, IEC 61966-2-1.
fn linear(v: f32) -> f32 {
    if v <= 0.04045 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}
