//! Twin of `kernels/gpu/histogram.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::histogram::HistogramParams;

/// Adds to `bins[(key >> shift) & mask]` one for each key.
pub fn histogram(keys: &[u32], shift: u32, mask: u32, bins: &mut [u32]) {
    for key in keys {
        let bin = &mut bins[((key >> shift) & mask) as usize];
        *bin = bin.wrapping_add(1);
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: HistogramParams = call.params();
    let n = length(call.read(0), p.at, p.n);
    let bins = call.write(3);
    histogram(&call.read(2)[..n], p.shift, p.mask, bins);
}
