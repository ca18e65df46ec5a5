//! Twin of `kernels/gpu/scan_blocks.wgsl`.

use crate::gpu::scan::BLOCK;

/// Exclusive wrapping prefix sums within blocks of 1024, in place; returns each block's total.
pub fn scan_blocks(data: &mut [u32]) -> Vec<u32> {
    data.chunks_mut(BLOCK)
        .map(|block| {
            let mut running = 0u32;
            for value in block {
                let here = *value;
                *value = running;
                running = running.wrapping_add(here);
            }
            running
        })
        .collect()
}
