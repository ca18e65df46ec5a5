//! Twin of `kernels/onnx/map.wgsl`.

use crate::gpu::Call;
use crate::onnx::device::MapParams;
use crate::onnx::ops::unary::{erf, gelu_exact};

fn made(what: u32, n: [f32; 4], u: f32, v: f32) -> f32 {
    match what {
        0 => u,
        1 => u + v,
        2 => u - v,
        3 => u * v,
        4 => u / v,
        5 if u > v => v,
        6 if u < v => v,
        5 | 6 => u,
        7 if u < 0.0 => v * u,
        7 => u,
        8 if u < 0.0 => 0.0,
        8 => u,
        9 => gelu_exact(u),
        10 => 1.0 / (1.0 + (-u).exp()),
        11 => u.clamp(-15.0, 15.0).tanh(),
        12 => u.exp(),
        13 => u.ln(),
        14 => u.sqrt(),
        15 => erf(u),
        16 => u.abs(),
        17 => -u,
        18 => {
            let low = if u < n[0] { n[0] } else { u };
            if low > n[1] { n[1] } else { low }
        }
        19 => (n[0] * u + n[1]).clamp(0.0, 1.0),
        20 => u * (u / 6.0 + 0.5).clamp(0.0, 1.0),
        21 => 1.0 / u,
        22 if u < 0.0 => n[0] * (u.exp() - 1.0),
        22 => u,
        23 => u * u,
        _ if u.is_nan() => 0.0,
        _ => u,
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: MapParams = call.params();
    let (a, b): (&[f32], &[f32]) = (call.read(0), call.read(1));
    let y = call.write::<f32>(2);
    for i in 0..p.count {
        let mut rest = i;
        let [mut at, mut beside, mut to, _] = p.first;
        for k in (0..8).rev() {
            let (q, r) = (k / 4, k % 4);
            let place = rest % p.dims[q][r];
            rest /= p.dims[q][r];
            at += place * p.a[q][r];
            beside += place * p.b[q][r];
            to += place * p.y[q][r];
        }
        let v = match p.second {
            1 => b[beside as usize],
            _ => p.numbers[0],
        };
        y[to as usize] = made(p.what, p.numbers, a[at as usize], v);
    }
}
