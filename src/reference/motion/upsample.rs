//! Twin of `kernels/motion/upsample.wgsl`.

use super::sample2;
use crate::motion::kernels::UpsampleParams;

/// The coarser flow at twice its size, bilinear, edges repeated.
pub fn upsample(p: &UpsampleParams, coarse: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut out = Vec::new();
    for y in 0..p.height {
        for x in 0..p.width {
            let (cx, cy) = (0.5 * x as f32 - 0.25, 0.5 * y as f32 - 0.25);
            let u = sample2(coarse, p.coarse_width, p.coarse_height, cx, cy);
            out.push(u.map(|v| 2.0 * v));
        }
    }
    out
}
