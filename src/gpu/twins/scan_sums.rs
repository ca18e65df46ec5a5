//! Twin of `kernels/gpu/scan_sums.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::scan::{BLOCK, ScanParams};

/// The wrapping sum of each block of 1024.
pub fn scan_sums(data: &[u32]) -> Vec<u32> {
    data.chunks(BLOCK)
        .map(|block| {
            block
                .iter()
                .fold(0u32, |sum, value| sum.wrapping_add(*value))
        })
        .collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let ScanParams { n, at, .. } = call.params();
    let n = length(call.read(0), at, n);
    call.put(3, 0, &scan_sums(&call.read(2)[..n]));
}
