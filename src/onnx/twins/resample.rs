//! Twin of `kernels/onnx/resample.wgsl`.

use crate::gpu::Call;
use crate::onnx::device::ResampleParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: ResampleParams = call.params();
    let (x, index, weight): (&[f32], &[u32], &[f32]) = (call.read(0), call.read(1), call.read(2));
    let (inputs, outputs, inner) = (p.inputs as usize, p.outputs as usize, p.inner as usize);
    let taps = p.taps as usize;
    let made: Vec<f32> = (0..p.count as usize)
        .map(|i| {
            let (inside, line) = (i % inner, i / inner);
            let from = p.first as usize + line / outputs * inputs * inner + inside;
            let mine = (line % outputs * taps..).take(taps);
            mine.filter(|tap| weight[*tap] != 0.0)
                .map(|tap| weight[tap] * x[from + index[tap] as usize * inner])
                .sum()
        })
        .collect();
    call.put(3, 0, &made);
}
