//! Twin of `kernels/world/rows.wgsl`.

use crate::gpu::Call;
use crate::world::refine::RowsParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: RowsParams = call.params();
    let width = p.width as usize;
    let n = width * p.height as usize * p.layers as usize;
    let mut out = Vec::with_capacity(n);
    let difference: &[f32] = call.read(0);
    for row in difference[..n].chunks(width.max(1)) {
        for x in 0..width {
            let near = &row[x.saturating_sub(2)..(x + 3).min(width)];
            out.push(near.iter().sum::<f32>() / near.len() as f32);
        }
    }
    call.put(1, 0, &out);
}
