//! Twin of `kernels/motion/upsample.wgsl`.

use super::sample2;
use crate::gpu::Call;
use crate::motion::kernels::UpsampleParams;

/// The coarser flow at a larger size, bilinear, edges repeated.
pub fn upsample(p: &UpsampleParams, coarse: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut out = Vec::new();
    for y in 0..p.height {
        for x in 0..p.width {
            let cx = (x as f32 + 0.5) / p.ratio[0] - 0.5;
            let cy = (y as f32 + 0.5) / p.ratio[1] - 0.5;
            let u = sample2(coarse, p.coarse_width, p.coarse_height, cx, cy);
            out.push([p.ratio[0] * u[0], p.ratio[1] * u[1]]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &upsample(&call.params(), call.read(0)));
}
