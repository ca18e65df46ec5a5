//! Twin of `kernels/score/detail.wgsl`.

use crate::gpu::Call;
use crate::score::kernels::{BINS, DetailParams};

fn bin(v: f32, last: f32) -> usize {
    v.clamp(0.0, last) as usize
}

/// The histograms and sums of one picture, added to none.
pub fn detail(q: &DetailParams, image: &[f32]) -> Vec<u32> {
    let (w, h) = (q.width as usize, q.height as usize);
    let mut bins = vec![0u32; BINS];
    for y in (1..h.saturating_sub(1)).step_by(q.step as usize) {
        for x in 1..w.saturating_sub(1) {
            let at = y * w + x;
            let c = image[at];
            let (l, t) = (image[at - 1], image[at - w]);
            let edge = l + image[at + 1] + t + image[at + w];
            let corner =
                image[at - w - 1] + image[at - w + 1] + image[at + w - 1] + image[at + w + 1];
            bins[bin(c, 255.0)] += 1;
            let fine = (0.75 * c - 0.125 * edge - 0.0625 * corner).abs();
            bins[256 + bin(4.0 * fine, 511.0)] += 1;
            bins[768 + bin(2.0 * (4.0 * c - 2.0 * edge + corner).abs(), 511.0)] += 1;
            bins[1280 + x % 8] += bin(16.0 * (c - l).abs(), 4080.0) as u32;
            bins[1288 + x % 8] += 1;
            bins[1296 + y % 8] += bin(16.0 * (c - t).abs(), 4080.0) as u32;
            bins[1304 + y % 8] += 1;
        }
    }
    bins
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let bins: &mut [u32] = call.write(1);
    for (bin, here) in bins.iter_mut().zip(detail(&call.params(), call.read(0))) {
        *bin = bin.wrapping_add(here);
    }
}
