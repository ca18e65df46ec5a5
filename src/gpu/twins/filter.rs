//! Twin of `kernels/gpu/filter.wgsl`.

use crate::gpu::Call;
use crate::gpu::image::FilterParams;

/// One pass along rows, or down columns where `p.down` is 1; edges repeated.
pub fn filter(p: &FilterParams, src: &[f32]) -> Vec<f32> {
    let (width, height) = (i64::from(p.width), i64::from(p.height));
    let reach = i64::from(p.taps / 2);
    let weights = p.weights.as_flattened();
    let mut out = Vec::with_capacity(src.len());
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0.0;
            for (k, weight) in (-reach..).zip(&weights[..p.taps as usize]) {
                let (x, y) = if p.down == 1 {
                    (x, (y + k).clamp(0, height - 1))
                } else {
                    ((x + k).clamp(0, width - 1), y)
                };
                sum += weight * src[(y * width + x) as usize];
            }
            out.push(sum);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &filter(&call.params(), call.read(0)));
}
