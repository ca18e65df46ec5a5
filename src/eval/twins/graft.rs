//! Twin of `kernels/eval/graft.wgsl`.

use super::{colour, mix, packed, sampled, smooth_noise, smoothstep, usable};
use crate::eval::corrupt::object::GraftParams;
use crate::gpu::Call;

/// `rgba` with the box written.
pub fn graft(p: &GraftParams, image: &[u32], rgba: &[u32]) -> Vec<u32> {
    let mut out = rgba.to_vec();
    let [width, height] = p.size;
    let place = |v: [f32; 2]| v.map(|c| usable(c, -65536.0, 65536.0));
    let (centre, offset) = (place(p.centre), place(p.offset));
    let radius = usable(p.radius, 0.0, 65536.0);
    let edge = usable(p.edge, 0.001, 65536.0);
    let cell = usable(p.cell, 1.0, 65536.0);
    let share = usable(p.share, 0.0, 1.0);
    for y in p.origin[1]..(p.origin[1] + p.extent[1]).min(height) {
        for x in p.origin[0]..(p.origin[0] + p.extent[0]).min(width) {
            let here = [x as f32, y as f32];
            let away = [here[0] - centre[0], here[1] - centre[1]];
            let cover = 1.0 - smoothstep(radius - edge, radius, away[0].hypot(away[1]));
            let bend = smooth_noise(away.map(|v| v / cell), p.seed);
            let bent = usable(p.bend, 0.0, 1024.0) * cover;
            let from = [0, 1].map(|c| here[c] + bent * bend[c]);
            let own = sampled(image, p.size, from);
            let other = sampled(image, p.size, [0, 1].map(|c| from[c] + offset[c]));
            let i = (y * width + x) as usize;
            let old = colour(rgba[i]);
            let new = [0, 1, 2].map(|k| mix(old[k], mix(own[k], other[k], share), cover));
            out[i] = packed(new, rgba[i]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let rgba = call.write(1);
    let out = graft(&call.params(), call.read(0), rgba);
    rgba.copy_from_slice(&out);
}
