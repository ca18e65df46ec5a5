//! Twin of `kernels/onnx/conv.wgsl`.

use crate::gpu::Call;
use crate::onnx::device::ConvParams;

/// All channels of all images.
pub fn conv(p: &ConvParams, x: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
    let [c, h, w, groups] = p.input.map(|n| n as usize);
    let [o, oh, ow, images] = p.output.map(|n| n as usize);
    let [kh, kw, above, before] = p.window.map(|n| n as usize);
    let [down, across, dilate_y, dilate_x] = p.step.map(|n| n as usize);
    let mut out = Vec::with_capacity(images * groups * o * oh * ow);
    for z in 0..images * groups {
        let x = &x[z * c * h * w..];
        for channel in (z % groups * o..).take(o) {
            let weights = &weights[channel * c * kh * kw..];
            for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
                let mut sum = 0.0f32;
                for term in 0..c * kh * kw {
                    let (ci, ky, kx) = (term / (kh * kw), term / kw % kh, term % kw);
                    let iy = (oy * down + ky * dilate_y).checked_sub(above);
                    let ix = (ox * across + kx * dilate_x).checked_sub(before);
                    if let (Some(iy), Some(ix)) = (iy.filter(|y| *y < h), ix.filter(|x| *x < w)) {
                        sum += weights[term] * x[(ci * h + iy) * w + ix];
                    }
                }
                out.push(sum + if p.bias == 1 { bias[channel] } else { 0.0 });
            }
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let made = conv(&call.params(), call.read(0), call.read(1), call.read(2));
    call.put(3, 0, &made);
}
