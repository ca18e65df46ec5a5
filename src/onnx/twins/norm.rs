//! Twin of `kernels/onnx/norm.wgsl`.

use super::softmax::total;
use crate::gpu::Call;
use crate::onnx::device::NormParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: NormParams = call.params();
    let n = p.length as usize;
    let (x, scale, bias): (&[f32], &[f32], &[f32]) = (call.read(0), call.read(1), call.read(2));
    let mut out = Vec::with_capacity(p.rows as usize * n);
    for (row, x) in x.chunks(n.max(1)).take(p.rows as usize).enumerate() {
        let mean = total(x, |x| x) / n as f32;
        let variance = total(x, |x| (x - mean) * (x - mean)) / n as f32;
        let by = 1.0 / (variance + p.epsilon).sqrt();
        out.extend(x.iter().enumerate().map(|(i, x)| {
            let k = row.checked_rem(p.period as usize).unwrap_or(i);
            (x - mean) * by * scale[k] + bias[k]
        }));
    }
    call.put(3, 0, &out);
}
