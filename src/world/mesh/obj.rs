//! Wavefront OBJ: the points and faces of it.

use super::Mesh;

/// Statements that say nothing of where a surface is.
const PASSED: &[&str] = &[
    "vt",
    "vn",
    "vp",
    "o",
    "g",
    "s",
    "mg",
    "usemtl",
    "mtllib",
    "usemap",
    "maplib",
    "l",
    "p",
    "lod",
    "bevel",
    "c_interp",
    "d_interp",
    "shadow_obj",
    "trace_obj",
];

/// Reads the text of an OBJ file. Faces of more than three corners become fans.
pub(super) fn read(text: &str) -> Result<Mesh, String> {
    let mut points: Vec<[f32; 3]> = Vec::new();
    let mut mesh = Mesh::default();
    let mut unknown = 0usize;
    let mut corners: Vec<[f32; 3]> = Vec::new();
    let mut joined = String::new();
    let mut first = 0;
    for (raw, number) in text.lines().zip(1usize..) {
        // A backslash at the end continues a line.
        if joined.is_empty() {
            first = number;
        }
        if let Some(head) = raw.trim_end().strip_suffix('\\') {
            joined.push_str(head);
            joined.push(' ');
            continue;
        }
        joined.push_str(raw);
        let line = joined.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        match words.next() {
            None => {}
            Some("v") => points.push(point(words).map_err(|e| format!("line {first}: {e}"))?),
            Some("f" | "fo") => {
                corners.clear();
                for word in words {
                    let at =
                        corner(word, points.len()).map_err(|e| format!("line {first}: {e}"))?;
                    corners.push(points[at]);
                }
                if corners.len() < 3 {
                    return Err(format!("line {first}: a face needs three corners"));
                }
                let fan = (2..corners.len()).map(|k| [corners[0], corners[k - 1], corners[k]]);
                mesh.triangles.extend(fan);
            }
            Some(word) if PASSED.contains(&word) => {}
            Some(word) if points.is_empty() && mesh.triangles.is_empty() && unknown > 20 => {
                return Err(format!(
                    "line {first}: '{word}' is no statement of an .obj mesh, as are those before it"
                ));
            }
            Some(_) => unknown += 1,
        }
        joined.clear();
    }
    if unknown > 0 {
        mesh.notes.push(format!(
            "{unknown} lines of the mesh are no points or flat faces and were left out"
        ));
    }
    Ok(mesh)
}

fn point<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<[f32; 3], String> {
    let mut p = [0.0; 3];
    for a in &mut p {
        let word = words.next().ok_or("a point needs three numbers")?;
        *a = word
            .parse()
            .ok()
            .filter(|x: &f32| x.is_finite())
            .ok_or_else(|| format!("'{word}' is not a finite number"))?;
    }
    Ok(p)
}

/// The point of a corner `v`, `v/vt`, `v//vn` or `v/vt/vn`; numbers below 0 count from the last point.
fn corner(word: &str, points: usize) -> Result<usize, String> {
    let text = word.split('/').next().unwrap_or_default();
    let number: i64 = text
        .parse()
        .map_err(|_| format!("'{word}' is not a corner"))?;
    let at = match number {
        1.. => number - 1,
        _ => points as i64 + number,
    };
    usize::try_from(at)
        .ok()
        .filter(|&at| number != 0 && at < points)
        .ok_or_else(|| format!("corner '{word}' is not one of the {points} points before it"))
}
