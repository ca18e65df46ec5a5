//! The `.splat` of web viewers: 32 bytes a splat, no header, no view-dependent colour.

use super::super::Splats;
use super::builder::{Builder, Splat};
use super::{SH0, SplatFile, counted, linear_scales, sigmoid, too_large, unit};

pub(super) const BYTES: usize = 32;

/// The file's bytes, and what had to be bent to fit them.
pub fn encode(splats: &Splats) -> (Vec<u8>, Vec<String>) {
    let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
    let k = splats.coefficients();
    let mut out = Vec::with_capacity(splats.len() * BYTES);
    let (mut colours, mut sizes) = (0, 0);
    for i in 0..splats.len() {
        let (scales, clamped) = linear_scales(splats.log_scales[i]);
        sizes += usize::from(clamped);
        let colour = splats.sh[i * k].map(|c| 0.5 + SH0 * c);
        // Less than half a step is rounding.
        colours += usize::from(
            colour
                .iter()
                .any(|c| !(-0.5 / 255.0..=255.5 / 255.0).contains(c)),
        );
        out.extend_from_slice(bytemuck::cast_slice(&splats.positions[i]));
        out.extend_from_slice(bytemuck::cast_slice(&scales));
        out.extend(colour.map(byte));
        out.push(byte(sigmoid(splats.opacity_logits[i])));
        out.extend(unit(splats.rotations[i]).map(|q| byte(0.5 * (q + 1.0))));
    }
    let mut bent = Vec::new();
    if colours > 0 {
        bent.push(format!(
            "colours outside 0 to 1 of {}, clamped",
            counted(colours)
        ));
    }
    bent.extend(too_large(sizes));
    (out, bent)
}

/// What the file's bytes hold. Opacity is kept off 0 and 1 by half a step, so that its logit is finite.
///
/// # Errors
/// In words: a length that is no multiple of 32, or bytes that cannot be splats.
pub fn parse(bytes: &[u8]) -> Result<SplatFile, String> {
    if !bytes.len().is_multiple_of(BYTES) {
        return Err(format!(
            "{} bytes are not a whole number of 32-byte splats; the file is cut short or not a .splat",
            bytes.len()
        ));
    }
    let count = bytes.len() / BYTES;
    let mut out = Builder::new(count, 0);
    let mut first = None;
    for (i, row) in bytes.chunks_exact(BYTES).enumerate() {
        let f = |k: usize| {
            f32::from_le_bytes([row[4 * k], row[4 * k + 1], row[4 * k + 2], row[4 * k + 3]])
        };
        let (position, scale) = ([f(0), f(1), f(2)], [f(3), f(4), f(5)]);
        let sound = position.iter().chain(&scale).all(|v| v.is_finite());
        if !sound || scale.iter().any(|s| *s < 0.0) {
            first.get_or_insert((i, position, scale));
            out.skip();
            continue;
        }
        let level = |b: u8| f32::from(b) / 255.0;
        let alpha = level(row[27]).clamp(0.5 / 255.0, 254.5 / 255.0);
        out.push_usable(&Splat {
            position,
            log_scale: scale.map(|s| s.max(1e-12).ln()),
            opacity_logit: (alpha / (1.0 - alpha)).ln(),
            rotation: [row[28], row[29], row[30], row[31]].map(|b| level(b) * 2.0 - 1.0),
            sh: &[[row[24], row[25], row[26]].map(|b| (level(b) - 0.5) / SH0)],
        });
    }
    // A few damaged splats are a damaged file; more are another kind of file.
    match first {
        Some((i, position, scale)) if 2 * out.splats.len() < count => Err(format!(
            "splat {i} has the position {position:?} and scale {scale:?}; this is not a .splat"
        )),
        _ => Ok(out.finish(".splat", 0)),
    }
}
