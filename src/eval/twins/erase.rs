//! Twin of `kernels/eval/erase.wgsl`.

use super::{colour, mix, packed, smoothstep, usable};
use crate::eval::corrupt::object::EraseParams;
use crate::gpu::Call;

/// `rgba` with the box written.
pub fn erase(p: &EraseParams, image: &[u32], rgba: &[u32]) -> Vec<u32> {
    let mut out = rgba.to_vec();
    let [width, height] = p.size;
    let centre = p.centre.map(|c| usable(c, -65536.0, 65536.0));
    let radius = usable(p.radius, 0.0, 65536.0);
    let edge = usable(p.edge, 0.001, 65536.0);
    let ring: Vec<([f32; 2], [f32; 3])> = (0..24)
        .filter_map(|k| {
            let turn = std::f32::consts::TAU * k as f32 / 24.0;
            let reach = 1.06 * radius + 1.0;
            let place = [
                centre[0] + reach * turn.cos(),
                centre[1] + reach * turn.sin(),
            ];
            let [x, y] = place.map(|v| (v + 0.5).floor());
            let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
            inside.then(|| (place, colour(image[(y as u32 * width + x as u32) as usize])))
        })
        .collect();
    for y in p.origin[1]..(p.origin[1] + p.extent[1]).min(height) {
        for x in p.origin[0]..(p.origin[0] + p.extent[0]).min(width) {
            let here = [x as f32, y as f32];
            let square = |a: [f32; 2]| (here[0] - a[0]).powi(2) + (here[1] - a[1]).powi(2);
            let (mut sum, mut total) = ([0.0; 3], 0.0);
            for (place, c) in &ring {
                let w = 1.0 / square(*place).max(0.25);
                total += w;
                for k in 0..3 {
                    sum[k] += w * c[k];
                }
            }
            let cover = 1.0 - smoothstep(radius - edge, radius, square(centre).sqrt());
            let i = (y * width + x) as usize;
            let own = colour(image[i]);
            let cover = if ring.is_empty() { 0.0 } else { cover };
            let fill = sum.map(|s| s / total.max(1e-20));
            out[i] = packed([0, 1, 2].map(|k| mix(own[k], fill[k], cover)), image[i]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let rgba = call.write(1);
    let out = erase(&call.params(), call.read(0), rgba);
    rgba.copy_from_slice(&out);
}
