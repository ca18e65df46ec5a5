//! Twin of `kernels/gpu/scan_sums.wgsl`.

use crate::gpu::scan::BLOCK;

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
