//! The `.splat` of web viewers: 32 bytes a splat, no header, no view-dependent colour.

use super::super::Splats;
use super::{SH0, ply::unit};

const BYTES: usize = 32;

/// The file's bytes.
pub fn encode(splats: &Splats) -> Vec<u8> {
    let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
    let k = splats.coefficients();
    let mut out = Vec::with_capacity(splats.len() * BYTES);
    for i in 0..splats.len() {
        out.extend_from_slice(bytemuck::cast_slice(&splats.positions[i]));
        out.extend_from_slice(bytemuck::cast_slice(&splats.log_scales[i].map(f32::exp)));
        out.extend(splats.sh[i * k].map(|c| byte(0.5 + SH0 * c)));
        out.push(byte(1.0 / (1.0 + (-splats.opacity_logits[i]).exp())));
        out.extend(unit(splats.rotations[i]).map(|q| byte(0.5 * (q + 1.0))));
    }
    out
}

/// Splats from the file's bytes. Opacity is kept off 0 and 1 by half a step, so that its logit is finite.
///
/// # Errors
/// In words: a length that is no multiple of 32, or bytes that cannot be splats.
pub fn parse(bytes: &[u8]) -> Result<Splats, String> {
    if !bytes.len().is_multiple_of(BYTES) {
        return Err(format!(
            "{} bytes are not a whole number of 32-byte splats; the file is cut short or not a .splat",
            bytes.len()
        ));
    }
    let mut out = Splats::default();
    for (i, row) in bytes.chunks_exact(BYTES).enumerate() {
        let f = |k: usize| {
            f32::from_le_bytes([row[4 * k], row[4 * k + 1], row[4 * k + 2], row[4 * k + 3]])
        };
        let (position, scale) = ([f(0), f(1), f(2)], [f(3), f(4), f(5)]);
        if position.iter().chain(&scale).any(|v| !v.is_finite()) || scale.iter().any(|s| *s < 0.0) {
            return Err(format!(
                "splat {i} has the position {position:?} and scale {scale:?}; this is not a .splat"
            ));
        }
        out.positions.push(position);
        out.log_scales.push(scale.map(|s| s.max(1e-12).ln()));
        let level = |b: u8| f32::from(b) / 255.0;
        out.sh
            .push([row[24], row[25], row[26]].map(|b| (level(b) - 0.5) / SH0));
        let alpha = level(row[27]).clamp(0.5 / 255.0, 254.5 / 255.0);
        out.opacity_logits.push((alpha / (1.0 - alpha)).ln());
        let q = [row[28], row[29], row[30], row[31]].map(|b| level(b) * 2.0 - 1.0);
        out.rotations.push(unit(q));
    }
    Ok(out)
}
