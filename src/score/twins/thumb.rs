//! Twin of `kernels/score/thumb.wgsl`.

use crate::gpu::Call;
use crate::score::kernels::TintParams;

/// Mean luma of each small pixel.
pub fn thumb(q: &TintParams, rgba: &[u32]) -> Vec<f32> {
    let span = |i: u32, src: u32, to: u32| {
        let from = i * src / to;
        (from..((i + 1) * src / to).max(from + 1)).step_by(q.step as usize)
    };
    let mut out = Vec::new();
    for y in 0..q.height {
        for x in 0..q.width {
            let (mut sum, mut n) = ([0u32; 3], 0u32);
            for j in span(y, q.src_height, q.height) {
                for i in span(x, q.src_width, q.width) {
                    let c = rgba[(j * q.src_width + i) as usize].to_le_bytes();
                    (0..3).for_each(|k| sum[k] += u32::from(c[k]));
                    n += 1;
                }
            }
            let [r, g, b] = sum.map(|s| s as f32 / n as f32);
            out.push(0.299 * r + 0.587 * g + 0.114 * b);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let q: TintParams = call.params();
    call.put(1, q.at as usize, &thumb(&q, call.read(0)));
}
