//! Twin of `kernels/eval/displace.wgsl`.

use super::{each, packed, sampled, smooth_noise, usable};
use crate::eval::corrupt::displace::DisplaceParams;
use crate::gpu::Call;

/// The displaced image.
pub fn displace(p: &DisplaceParams, image: &[u32]) -> Vec<u32> {
    let cell = usable(p.cell, 1.0, 65536.0);
    let amount = usable(p.amount, 0.0, 1024.0);
    each(p.size, |x, y| {
        let here = [x as f32, y as f32];
        let field = smooth_noise(here.map(|v| v / cell), p.seed);
        let at =
            [0, 1].map(|c| here[c] + usable(p.shift[c], -65536.0, 65536.0) + amount * field[c]);
        packed(
            sampled(image, p.size, at),
            image[(y * p.size[0] + x) as usize],
        )
    })
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &displace(&call.params(), call.read(0)));
}
