//! Twin of `kernels/eval/flicker.wgsl`.

use super::{colour, each, packed, smooth_noise, usable};
use crate::eval::corrupt::levels::FlickerParams;
use crate::gpu::Call;

/// The image under its gain.
pub fn flicker(p: &FlickerParams, image: &[u32]) -> Vec<u32> {
    let cell = usable(p.cell, 1.0, 65536.0);
    each(p.size, |x, y| {
        let pixel = image[(y * p.size[0] + x) as usize];
        let [local, _] = smooth_noise([x as f32 / cell, y as f32 / cell], p.seed);
        let gain = usable(p.gain, 0.0, 4.0) * (1.0 + usable(p.depth, 0.0, 1.0) * local);
        packed(colour(pixel).map(|c| gain * c), pixel)
    })
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &flicker(&call.params(), call.read(0)));
}
