//! Twin of `kernels/world/texture.wgsl`.

use crate::gpu::Call;
use crate::world::refine::TextureParams;

fn luma(c: u32) -> f32 {
    let [r, g, b, _] = c.to_le_bytes().map(f32::from);
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Locally normalised luma of the picture at `p.base`.
pub fn texture(p: &TextureParams, colour: &[u32], texture: &mut [f32]) {
    let (width, height) = (p.width as i32, p.height as i32);
    let index = |x: i32, y: i32| p.base as usize + (y * width + x) as usize;
    for y in 0..height {
        for x in 0..width {
            let own = luma(colour[index(x, y)]);
            let (mut sum, mut squares, mut count) = (0.0f32, 0.0f32, 0.0f32);
            for v in (y - 4).max(0)..=(y + 4).min(height - 1) {
                for u in (x - 4).max(0)..=(x + 4).min(width - 1) {
                    let a = luma(colour[index(u, v)]) - own;
                    sum += a;
                    squares += a * a;
                    count += 1.0;
                }
            }
            let mean = sum / count;
            let deviation = (squares / count - mean * mean).max(0.0).sqrt();
            texture[index(x, y)] = -mean / (deviation + 4.0);
        }
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    texture(&call.params(), call.read(0), call.write(1));
}
