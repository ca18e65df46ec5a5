//! Twin of `kernels/splat/adam.wgsl`.

use super::{Flat, flat, record};
use crate::gpu::Call;
use crate::splat::records::Splat;
use crate::splat::training::AdamParams;

/// One step for one splat: values, first and second moments in the order of the record.
pub fn adam(grad: &Flat, s: &mut Flat, first: &mut Flat, second: &mut Flat, params: &AdamParams) {
    if grad[7] < 0.0 || grad.iter().any(|v| !v.is_finite()) {
        return;
    }
    let rate = |k: usize| {
        f64::from(match k {
            0..=2 => params.centre,
            3 => params.opacity,
            4..=6 => params.scale,
            8..=11 => params.rotation,
            12..=14 => params.sh0,
            15.. => params.sh1,
            _ => 0.0,
        })
    };
    let (b1, b2) = (f64::from(params.beta1), f64::from(params.beta2));
    let steps = first[7] + 1.0;
    let (fix1, fix2) = (1.0 - b1.powf(steps), 1.0 - b2.powf(steps));
    let weight = second[7].max(grad[7]);
    for k in 0..24 {
        first[k] = b1 * first[k] + (1.0 - b1) * grad[k];
        second[k] = b2 * second[k] + (1.0 - b2) * grad[k] * grad[k];
        s[k] -=
            rate(k) * (first[k] / fix1) / ((second[k] / fix2).sqrt() + f64::from(params.epsilon));
    }
    for value in &mut s[4..7] {
        *value = value.max(params.least.into()).min(params.most.into());
    }
    let norm = s[8..12].iter().map(|v| v * v).sum::<f64>().sqrt();
    for value in &mut s[8..12] {
        *value /= norm.max(1e-12);
    }
    first[7] = steps;
    second[7] = weight;
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: AdamParams = call.params();
    let grads: &[Splat] = &call.read(0)[..p.n as usize];
    let [splats, first, second] = [1, 2, 3].map(|i| call.write::<Splat>(i));
    for (i, grad) in grads.iter().enumerate() {
        let (mut s, mut m, mut v) = (flat(&splats[i]), flat(&first[i]), flat(&second[i]));
        adam(&flat(grad), &mut s, &mut m, &mut v, &p);
        (splats[i], first[i], second[i]) = (record(&s), record(&m), record(&v));
    }
}
