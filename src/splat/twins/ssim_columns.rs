//! Twin of `kernels/splat/ssim_columns.wgsl`.

use super::ssim_rows::{Blurred, blur};
use crate::gpu::Call;
use crate::splat::training::{LossParams, Partials, Stats};

/// SSIM of one pixel and channel from its blurred moments.
pub fn ssim(s: &Blurred) -> f64 {
    let [x, y, xx, yy, xy] = *s;
    let (c1, c2) = (0.0001, 0.0009);
    (2.0 * x * y + c1) * (2.0 * (xy - x * y) + c2)
        / ((x * x + y * y + c1) * ((xx - x * x + yy - y * y).max(0.0) + c2))
}

/// Derivatives of [`ssim`] by x, x^2 and xy.
pub fn derive(s: &Blurred) -> [f64; 3] {
    let [x, y, xx, yy, xy] = *s;
    let (c1, c2) = (0.0001, 0.0009);
    let (a1, a2) = (2.0 * x * y + c1, 2.0 * (xy - x * y) + c2);
    let (b1, b2) = (x * x + y * y + c1, (xx - x * x + yy - y * y).max(0.0) + c2);
    let value = a1 * a2 / (b1 * b2);
    // Quotient rule, with d(a1)/dx = 2y, d(a2)/dx = -2y, d(b1)/dx = 2x, d(b2)/dx = -2x.
    [
        2.0 * y * (a2 - a1) / (b1 * b2) + 2.0 * x * value * (1.0 / b2 - 1.0 / b1),
        -value / b2,
        2.0 * a1 / (b1 * b2),
    ]
}

/// SSIM and its derivatives, one channel, from horizontally blurred moments.
pub fn ssim_columns(rows: &[Blurred], width: usize, height: usize) -> (Vec<f64>, Vec<[f64; 3]>) {
    let blurred = blur(rows, width, height, true);
    (
        blurred.iter().map(ssim).collect(),
        blurred.iter().map(derive).collect(),
    )
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: LossParams = call.params();
    let [width, height] = p.size.map(|v| v as usize);
    let rows: &[Stats] = &call.read(0)[..width * height];
    let mut out = vec![Partials::default(); rows.len()];
    let mut similar = vec![0.0; rows.len()];
    for c in 0..3 {
        let sums: Vec<Blurred> = rows
            .iter()
            .map(|s| [s.x[c], s.y[c], s.xx[c], s.yy[c], s.xy[c]].map(f64::from))
            .collect();
        let (values, partials) = ssim_columns(&sums, width, height);
        for (i, (value, by)) in values.iter().zip(partials).enumerate() {
            similar[i] += value / 3.0;
            let [x, xx, xy] = by.map(|v| v as f32);
            (out[i].x[c], out[i].xx[c], out[i].xy[c]) = (x, xx, xy);
        }
    }
    for (out, value) in out.iter_mut().zip(similar) {
        out.x[3] = value as f32;
    }
    call.put(1, 0, &out);
}
