//! Writing the PLY of 3D Gaussian splatting.

use super::super::super::Splats;

/// The file's bytes; `f_rest` has as many entries as the degree needs (0, 9, 24 or 45).
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
    for name in &names {
        out += &format!("property float {name}\n");
    }
    out += "end_header\n";
    let mut out = out.into_bytes();
    out.reserve_exact(4 * names.len() * splats.len());
    let k = splats.coefficients();
    let mut row: Vec<f32> = Vec::with_capacity(names.len());
    for i in 0..splats.len() {
        let sh = &splats.sh[i * k..(i + 1) * k];
        row.clear();
        row.extend(splats.positions[i]);
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
