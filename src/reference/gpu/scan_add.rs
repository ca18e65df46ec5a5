//! Twin of `kernels/gpu/scan_add.wgsl`.

use crate::gpu::scan::BLOCK;

/// Adds `sums[b]` to block `b` of 1024 elements.
pub fn scan_add(sums: &[u32], data: &mut [u32]) {
    for (block, before) in data.chunks_mut(BLOCK).zip(sums) {
        for value in block {
            *value = value.wrapping_add(*before);
        }
    }
}
