//! Twin of `kernels/onnx/matmul.wgsl`.

use crate::gpu::Call;
use crate::onnx::device::MatmulParams;

/// All matrices of the result, one after the other.
pub fn matmul(p: &MatmulParams, a: &[f32], b: &[f32], bias: &[f32]) -> Vec<f32> {
    let [rows, columns, terms, matrices] = p.size.map(|n| n as usize);
    let [a0, a_row, a_term, a_matrix] = p.a.map(|n| n as usize);
    let [b0, b_term, b_column, b_matrix] = p.b.map(|n| n as usize);
    let mut out = Vec::with_capacity(rows * columns * matrices);
    for matrix in 0..matrices {
        let (a, b) = (&a[a0 + matrix * a_matrix..], &b[b0 + matrix * b_matrix..]);
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = 0.0f32;
                for t in 0..terms {
                    sum += a[row * a_row + t * a_term] * b[t * b_term + column * b_column];
                }
                let mut value = p.scale[0] * sum;
                if p.bias == 1 {
                    value += p.scale[1] * bias[column];
                }
                out.push(value);
            }
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let made = matmul(&call.params(), call.read(0), call.read(1), call.read(2));
    call.put(3, 0, &made);
}
