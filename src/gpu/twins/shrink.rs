//! Twin of `kernels/gpu/shrink.wgsl`.

use crate::gpu::Call;
use crate::gpu::image::ShrinkParams;

/// Half size by the separable filter [1 3 3 1]/8, edges repeated.
pub fn shrink(p: &ShrinkParams, src: &[f32]) -> Vec<f32> {
    const TAPS: [f32; 4] = [0.125, 0.375, 0.375, 0.125];
    let clamped = |x: i64, y: i64| {
        let x = x.clamp(0, i64::from(p.src_width) - 1);
        let y = y.clamp(0, i64::from(p.src_height) - 1);
        (y * i64::from(p.src_width) + x) as usize
    };
    let mut out = Vec::new();
    for y in 0..i64::from(p.height) {
        for x in 0..i64::from(p.width) {
            let mut sum = 0.0;
            for (j, ty) in (0..).zip(TAPS) {
                let mut row = 0.0;
                for (i, tx) in (0..).zip(TAPS) {
                    row += tx * src[clamped(2 * x + i - 1, 2 * y + j - 1)];
                }
                sum += ty * row;
            }
            out.push(sum);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &shrink(&call.params(), call.read(0)));
}
