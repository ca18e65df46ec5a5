//! Twin of `kernels/splat/ssim_back.wgsl`.

use super::ssim_rows::blur;
use crate::gpu::Call;
use crate::splat::training::{LossParams, Partials};

/// Horizontal blur of SSIM's derivatives, one channel.
pub fn ssim_back(partials: &[[f64; 3]], width: usize, height: usize) -> Vec<[f64; 3]> {
    blur(partials, width, height, false)
}

/// The kernel. The fourth component is blurred too, though nothing reads it.
pub fn twin(call: &mut Call<'_>) {
    let p: LossParams = call.params();
    let [width, height] = p.size.map(|v| v as usize);
    let partials: &[Partials] = &call.read(0)[..width * height];
    let mut out = vec![Partials::default(); partials.len()];
    for c in 0..4 {
        let by: Vec<[f64; 3]> = partials
            .iter()
            .map(|p| [p.x[c], p.xx[c], p.xy[c]].map(f64::from))
            .collect();
        for (out, by) in out.iter_mut().zip(ssim_back(&by, width, height)) {
            let [x, xx, xy] = by.map(|v| v as f32);
            (out.x[c], out.xx[c], out.xy[c]) = (x, xx, xy);
        }
    }
    call.put(1, 0, &out);
}
