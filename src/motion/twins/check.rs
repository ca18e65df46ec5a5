//! Twin of `kernels/motion/check.wgsl`.

use super::{sample2, seen};
use crate::gpu::Call;
use crate::motion::kernels::SizeParams;

/// 3 where both flows agree and the target is inside, 1 where it is inside only, else 0.
pub fn check(p: &SizeParams, forward: &[[f32; 2]], backward: &[[f32; 2]]) -> Vec<u32> {
    let mut out = Vec::new();
    for row in 0..p.height {
        for column in 0..p.width {
            let f = forward[(row * p.width + column) as usize];
            let (x, y) = (column as f32 + f[0], row as f32 + f[1]);
            if !seen(x, y, p.width, p.height) {
                out.push(0);
                continue;
            }
            let g = sample2(backward, p.width, p.height, x, y);
            let square = |v: [f32; 2]| v[0] * v[0] + v[1] * v[1];
            let e = square([f[0] + g[0], f[1] + g[1]]);
            let good = e < 0.01 * (square(f) + square(g)) + 0.5;
            out.push(if good { 3 } else { 1 });
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(2, 0, &check(&call.params(), call.read(0), call.read(1)));
}
