//! Twin of `kernels/world/cost.wgsl`.

use crate::gpu::Call;
use crate::world::refine::CostParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: CostParams = call.params();
    let (width, height) = (p.width as usize, p.height as usize);
    let means: &[f32] = call.read(0);
    let window = |layer: u32, x: usize, y: usize| {
        let rows = y.saturating_sub(2)..(y + 3).min(height);
        let count = rows.len() as f32;
        rows.map(|v| means[(layer as usize * height + v) * width + x])
            .sum::<f32>()
            / count
    };
    let mut out = Vec::with_capacity(width * height * p.candidates as usize);
    for k in 0..p.candidates {
        for y in 0..height {
            for x in 0..width {
                let mut all: Vec<f32> = (0..p.neighbours.min(4))
                    .map(|n| window(k + p.candidates * n, x, y))
                    .collect();
                all.sort_by(f32::total_cmp);
                out.push(match all.as_slice() {
                    [] => 1e9,
                    [one] => *one,
                    [a, b, ..] => 0.5 * (a + b),
                });
            }
        }
    }
    call.put(1, p.first as usize * width * height, &out);
}
