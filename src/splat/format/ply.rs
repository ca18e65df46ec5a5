//! The PLY of 3D Gaussian splatting: binary little-endian f32, opacity a logit, scales logarithms, `f_rest`
//! channel-major.

use super::super::Splats;

/// The file's bytes; `f_rest` has as many entries as the degree needs (0 or 9).
pub fn encode(splats: &Splats) -> Vec<u8> {
    let rest = 3 * (splats.coefficients() - 1);
    let mut names: Vec<String> = ["x", "y", "z", "nx", "ny", "nz"].map(String::from).to_vec();
    names.extend((0..3).map(|i| format!("f_dc_{i}")));
    names.extend((0..rest).map(|i| format!("f_rest_{i}")));
    names.push("opacity".into());
    names.extend((0..3).map(|i| format!("scale_{i}")));
    names.extend((0..4).map(|i| format!("rot_{i}")));
    let mut out = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\n",
        splats.len()
    );
    for name in names {
        out += &format!("property float {name}\n");
    }
    out += "end_header\n";
    let mut out = out.into_bytes();
    let k = splats.coefficients();
    for i in 0..splats.len() {
        let sh = &splats.sh[i * k..(i + 1) * k];
        let mut row: Vec<f32> = splats.positions[i].to_vec();
        row.extend([0.0; 3]);
        row.extend(sh[0]);
        for c in 0..3 {
            row.extend(sh[1..].iter().map(|v| v[c]));
        }
        row.push(splats.opacity_logits[i]);
        row.extend(splats.log_scales[i]);
        row.extend(splats.rotations[i]);
        out.extend_from_slice(bytemuck::cast_slice(&row));
    }
    out
}

struct Header {
    count: usize,
    stride: usize,
    properties: Vec<(String, usize)>,
    length: usize,
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    const END: &[u8] = b"end_header\n";
    if !bytes.starts_with(b"ply\n") && !bytes.starts_with(b"ply\r\n") {
        return Err("not a PLY file: it does not begin with 'ply'".into());
    }
    let window = &bytes[..bytes.len().min(64 * 1024)];
    let length = window
        .windows(END.len())
        .position(|w| w == END)
        .ok_or("the PLY header has no end; the file is cut short")?
        + END.len();
    let text = std::str::from_utf8(&bytes[..length]).map_err(|_| "the PLY header is not text")?;
    let (mut count, mut stride, mut properties) = (None, 0, Vec::new());
    let mut format = false;
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["format", "binary_little_endian", "1.0"] => format = true,
            ["format", other, ..] => {
                return Err(format!(
                    "PLY format '{other}'; only binary_little_endian 1.0 is read"
                ));
            }
            ["element", "vertex", n] if count.is_none() => {
                let n: usize = n
                    .parse()
                    .map_err(|_| format!("'{line}' has no vertex count"))?;
                count = Some(n);
            }
            ["element", name, n] if *n != "0" => {
                return Err(format!(
                    "PLY element '{name}'; a splat file has the element 'vertex' only"
                ));
            }
            ["property", kind, name] => {
                let size = match *kind {
                    "float" | "float32" => 4,
                    "double" | "float64" => 8,
                    "uchar" | "char" | "uint8" | "int8" => 1,
                    "ushort" | "short" | "uint16" | "int16" => 2,
                    "uint" | "int" | "uint32" | "int32" => 4,
                    other => return Err(format!("PLY property type '{other}' of '{name}'")),
                };
                if matches!(*kind, "float" | "float32") {
                    properties.push(((*name).to_owned(), stride));
                }
                stride += size;
            }
            ["property", "list", ..] => {
                return Err("a PLY list property; this is a mesh, not splats".into());
            }
            _ => {}
        }
    }
    if !format {
        return Err("the PLY header names no format".into());
    }
    Ok(Header {
        count: count.ok_or("the PLY header has no element 'vertex'")?,
        stride,
        properties,
        length,
    })
}

/// Splats from the file's bytes.
///
/// # Errors
/// In words: not a PLY, a property that is missing, a file cut short.
pub fn parse(bytes: &[u8]) -> Result<Splats, String> {
    let header = header(bytes)?;
    let at = |name: &str| header.properties.iter().find(|p| p.0 == name).map(|p| p.1);
    let need = |name: String| {
        at(&name).ok_or_else(|| {
            format!("the float property '{name}' is missing; this PLY holds no Gaussian splats")
        })
    };
    let all = |prefix: &str, n: usize| -> Result<Vec<usize>, String> {
        (0..n).map(|i| need(format!("{prefix}{i}"))).collect()
    };
    let position = ["x", "y", "z"]
        .map(String::from)
        .into_iter()
        .map(need)
        .collect::<Result<Vec<_>, _>>()?;
    let (dc, opacity) = (all("f_dc_", 3)?, need("opacity".into())?);
    let (scale, rotation) = (all("scale_", 3)?, all("rot_", 4)?);
    let rest: Vec<usize> = (0..).map_while(|i| at(&format!("f_rest_{i}"))).collect();
    let per_channel = match rest.len() {
        n @ (0 | 9 | 24 | 45) => n / 3,
        n => return Err(format!("{n} properties f_rest; 0, 9, 24 or 45 are known")),
    };
    if per_channel > 3 {
        tracing::warn!("spherical harmonics above degree 1 are dropped");
    }
    let wanted = header.count.checked_mul(header.stride);
    let body = &bytes[header.length..];
    let Some(wanted) = wanted.filter(|w| *w <= body.len()) else {
        return Err(format!(
            "{} splats of {} bytes do not fit the {} bytes after the header; the file is cut short",
            header.count,
            header.stride,
            body.len()
        ));
    };
    let mut out = Splats {
        sh_degree: u32::from(per_channel > 0),
        ..Default::default()
    };
    for row in body[..wanted].chunks_exact(header.stride.max(1)) {
        let f = |at: usize| f32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        let three = |at: &[usize]| [f(at[0]), f(at[1]), f(at[2])];
        out.positions.push(three(&position));
        out.log_scales.push(three(&scale));
        out.opacity_logits.push(f(opacity));
        out.rotations.push(unit([
            f(rotation[0]),
            f(rotation[1]),
            f(rotation[2]),
            f(rotation[3]),
        ]));
        out.sh.push(three(&dc));
        if per_channel > 0 {
            for k in 0..3 {
                out.sh.push(three(&[
                    rest[k],
                    rest[per_channel + k],
                    rest[2 * per_channel + k],
                ]));
            }
        }
    }
    Ok(out)
}

/// A quaternion of length 1, kept to the bit where it has that length already; the identity for zero.
pub(super) fn unit(q: [f32; 4]) -> [f32; 4] {
    let norm = q.iter().map(|v| v * v).sum::<f32>().sqrt();
    if !(norm > 0.0 && norm.is_finite()) {
        [1.0, 0.0, 0.0, 0.0]
    } else if (norm - 1.0).abs() < 1e-5 {
        q
    } else {
        q.map(|v| v / norm)
    }
}
