//! Twin of `kernels/motion/compose.wgsl`.

use super::sample2;
use crate::gpu::Call;
use crate::motion::kernels::SizeParams;

/// Flow a to c from a to b and b to c.
pub fn compose(p: &SizeParams, first: &[[f32; 2]], second: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut out = Vec::new();
    for y in 0..p.height {
        for x in 0..p.width {
            let u = first[(y * p.width + x) as usize];
            let v = sample2(second, p.width, p.height, x as f32 + u[0], y as f32 + u[1]);
            out.push([u[0] + v[0], u[1] + v[1]]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(2, 0, &compose(&call.params(), call.read(0), call.read(1)));
}
