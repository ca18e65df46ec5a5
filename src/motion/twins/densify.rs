//! Twin of `kernels/motion/densify.wgsl`.

use super::quads::Picture;
use super::{inside, mix, seen};
use crate::gpu::Call;
use crate::motion::kernels::DensifyParams;

/// Bilinear value of a picture at (x, y), edges repeated.
fn sample(b: Picture<'_>, x: f32, y: f32) -> f32 {
    let cx = inside(x, (b.width - 1) as f32);
    let cy = inside(y, (b.height - 1) as f32);
    let (x0, y0) = (cx as i64, cy as i64);
    let column = |x| mix(b.at(x, y0), b.at(x, y0 + 1), cy - y0 as f32);
    mix(column(x0), column(x0 + 1), cx - x0 as f32)
}

/// Weighted mean of the patches over each pixel.
pub fn densify(
    p: &DensifyParams,
    a: &[[u32; 2]],
    b: &[[u32; 2]],
    patches: &[[f32; 4]],
) -> Vec<[f32; 2]> {
    let (width, height) = (p.width, p.height);
    let [a, b] = [a, b].map(|quads| Picture {
        quads,
        width,
        height,
    });
    let span = |x: u32, count: u32| {
        let last = i64::from((x + 2) / 4);
        (last - 1).max(0)..=last.min(i64::from(count) - 1)
    };
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let value = a.at(i64::from(x), i64::from(y));
            let (mut sum, mut total) = ([0.0f32; 2], 0.0f32);
            for j in span(y, p.patches_y) {
                for i in span(x, p.patches_x) {
                    let at = (j * i64::from(p.patches_x) + i) as usize;
                    let [u, v, cost, _] = patches[at];
                    let (px, py) = (x as f32 + u, y as f32 + v);
                    if !(px.abs() < 1e6 && py.abs() < 1e6) {
                        continue;
                    }
                    let d = if seen(px, py, width, height) {
                        (sample(b, px, py) - value).abs()
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

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(
        3,
        0,
        &densify(&call.params(), call.read(0), call.read(1), call.read(2)),
    );
}
