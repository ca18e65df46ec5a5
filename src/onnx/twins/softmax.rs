//! Twin of `kernels/onnx/softmax.wgsl`.

use crate::gpu::Call;
use crate::onnx::device::SoftmaxParams;

/// Threads of a row; each sums every so many elements, then pairs of threads join.
pub(super) const THREADS: usize = 64;

/// The sum of a row as its workgroup adds it up.
pub(super) fn total(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut parts = [0.0f32; THREADS];
    for (i, x) in row.iter().enumerate() {
        parts[i % THREADS] += of(*x);
    }
    let mut half = THREADS / 2;
    while half > 0 {
        for i in 0..half {
            parts[i] += parts[i + half];
        }
        half /= 2;
    }
    parts[0]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SoftmaxParams = call.params();
    let (n, x): (usize, &[f32]) = (p.length as usize, call.read(0));
    let mut out = Vec::with_capacity(p.rows as usize * n);
    for row in x.chunks(n.max(1)).take(p.rows as usize) {
        let top = row.iter().copied().fold(f32::MIN, f32::max);
        let scale = 1.0 / total(row, |x| (x - top).exp());
        out.extend(row.iter().map(|x| (x - top).exp() * scale));
    }
    call.put(1, 0, &out);
}
