//! Twin of `kernels/motion/gradient.wgsl`.

use super::clamped;
use crate::motion::kernels::SizeParams;

/// Five-point derivative in x and y, edges repeated.
pub fn gradient(p: &SizeParams, image: &[f32]) -> Vec<[f32; 2]> {
    let at = |x, y| image[clamped(x, y, p.width, p.height)];
    let mut out = Vec::new();
    for y in 0..i64::from(p.height) {
        for x in 0..i64::from(p.width) {
            let gx = 8.0 * (at(x + 1, y) - at(x - 1, y)) - (at(x + 2, y) - at(x - 2, y));
            let gy = 8.0 * (at(x, y + 1) - at(x, y - 1)) - (at(x, y + 2) - at(x, y - 2));
            out.push([gx / 12.0, gy / 12.0]);
        }
    }
    out
}
