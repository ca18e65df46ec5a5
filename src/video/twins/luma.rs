//! Twin of `kernels/video/luma.wgsl`.

use crate::gpu::Call;
use crate::video::LumaParams;

/// BT.601 luma, 0-255, of packed pixels, area-averaged to `width` x `height`.
pub fn luma(p: &LumaParams, rgba: &[u32]) -> Vec<f32> {
    let value = |p: u32| {
        let [r, g, b, _] = p.to_le_bytes().map(f32::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let span = |i: u32, src: u32, dst: u32| {
        let scale = src as f32 / dst as f32;
        (i as f32 * scale, (i + 1) as f32 * scale)
    };
    let mut out = Vec::new();
    for y in 0..p.height {
        let (y0, y1) = span(y, p.src_height, p.height);
        for x in 0..p.width {
            let (x0, x1) = span(x, p.src_width, p.width);
            let (mut sum, mut total) = (0.0, 0.0);
            for j in (y0 as u32..p.src_height).take_while(|j| (*j as f32) < y1) {
                let wy = (((j + 1) as f32).min(y1) - (j as f32).max(y0)).max(0.0);
                for i in (x0 as u32..p.src_width).take_while(|i| (*i as f32) < x1) {
                    let w = wy * (((i + 1) as f32).min(x1) - (i as f32).max(x0)).max(0.0);
                    sum += w * value(rgba[(j * p.src_width + i) as usize]);
                    total += w;
                }
            }
            out.push(sum / f32::max(total, 1e-9));
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &luma(&call.params(), call.read(0)));
}
