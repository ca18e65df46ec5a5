//! Twin of `kernels/eval/noise.wgsl`.

use super::{colour, each, packed, usable};
use crate::eval::corrupt::levels::NoiseParams;
use crate::gpu::Call;
use crate::numeric::{hashed, scramble32};

fn bell(hash: u32) -> f32 {
    let b = scramble32(hash.wrapping_add(0x9e37_79b9));
    let sum = (hash & 0xffff) + (hash >> 16) + (b & 0xffff) + (b >> 16);
    (sum as i32 - 131_070) as f32 / 37837.2
}

/// The noisy image.
pub fn noise(p: &NoiseParams, image: &[u32]) -> Vec<u32> {
    let sigma = usable(p.sigma, 0.0, 128.0);
    each(p.size, |x, y| {
        let pixel = image[(y * p.size[0] + x) as usize];
        let h = hashed(x, y, p.seed);
        let mut c = colour(pixel);
        for (k, step) in [0xc2b2_ae3d, 0x8565_5c7a, 0x4818_0ab7]
            .into_iter()
            .enumerate()
        {
            let own = bell(scramble32(h.wrapping_add(step)));
            c[k] += sigma * (0.8_f32.sqrt() * bell(h) + 0.2_f32.sqrt() * own);
        }
        packed(c, pixel)
    })
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &noise(&call.params(), call.read(0)));
}
