//! Twin of `kernels/score/tint.wgsl`.

use crate::gpu::Call;
use crate::score::kernels::TintParams;

/// Mean chroma (Cb, Cr) of each small pixel.
pub fn tint(q: &TintParams, rgba: &[u32]) -> Vec<[f32; 2]> {
    let span = |i: u32, src: u32, to: u32| {
        let from = i * src / to;
        (from..((i + 1) * src / to).max(from + 1)).step_by(q.step as usize)
    };
    let mut out = Vec::new();
    for y in 0..q.height {
        for x in 0..q.width {
            let (mut sum, mut n) = ([0.0f32; 3], 0.0);
            for j in span(y, q.src_height, q.height) {
                for i in span(x, q.src_width, q.width) {
                    let c = rgba[(j * q.src_width + i) as usize].to_le_bytes();
                    (0..3).for_each(|k| sum[k] += f32::from(c[k]));
                    n += 1.0;
                }
            }
            let [r, g, b] = sum.map(|s| s / n);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            out.push([0.564 * (b - luma), 0.713 * (r - luma)]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &tint(&call.params(), call.read(0)));
}
