//! Twin of `kernels/motion/shrink.wgsl`.

use super::clamped;
use crate::motion::kernels::ResizeParams;

/// Half size by the separable filter [1 3 3 1]/8, edges repeated.
pub fn shrink(p: &ResizeParams, src: &[f32]) -> Vec<f32> {
    const TAPS: [f32; 4] = [0.125, 0.375, 0.375, 0.125];
    let mut out = Vec::new();
    for y in 0..i64::from(p.height) {
        for x in 0..i64::from(p.width) {
            let mut sum = 0.0;
            for (j, ty) in (0..).zip(TAPS) {
                let mut row = 0.0;
                for (i, tx) in (0..).zip(TAPS) {
                    let at = clamped(2 * x + i - 1, 2 * y + j - 1, p.src_width, p.src_height);
                    row += tx * src[at];
                }
                sum += ty * row;
            }
            out.push(sum);
        }
    }
    out
}
