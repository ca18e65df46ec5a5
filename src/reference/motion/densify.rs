//! Twin of `kernels/motion/densify.wgsl`.

use super::{sample, seen};
use crate::motion::kernels::DensifyParams;

/// Weighted mean of the patches over each pixel.
pub fn densify(p: &DensifyParams, a: &[f32], b: &[f32], patches: &[[f32; 4]]) -> Vec<[f32; 2]> {
    let span = |x: u32, count: u32| {
        let x = x as i32;
        ((x - 2) >> 2).max(0)..=((x + 2) >> 2).min(count as i32 - 1)
    };
    let mut out = Vec::new();
    for y in 0..p.height {
        for x in 0..p.width {
            let value = a[(y * p.width + x) as usize];
            let (mut sum, mut total) = ([0.0f32; 2], 0.0f32);
            for j in span(y, p.patches_y) {
                for i in span(x, p.patches_x) {
                    let [u, v, cost, _] = patches[(j as u32 * p.patches_x + i as u32) as usize];
                    let (px, py) = (x as f32 + u, y as f32 + v);
                    if px.abs() >= 1e6 || py.abs() >= 1e6 || px.is_nan() || py.is_nan() {
                        continue;
                    }
                    let d = if seen(px, py, p.width, p.height) {
                        (sample(b, p.width, p.height, px, py) - value).abs()
                    } else {
                        20.0
                    };
                    let w = 1.0 / (d.max(1.0) * (1.0 + cost.max(0.0).sqrt()));
                    sum = [sum[0] + w * u, sum[1] + w * v];
                    total += w;
                }
            }
            out.push(if total > 0.0 {
                sum.map(|s| s / total.max(1e-12))
            } else {
                [0.0; 2]
            });
        }
    }
    out
}
