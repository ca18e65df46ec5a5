//! Twin of `kernels/gpu/scan_blocks.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::scan::{BLOCK, ScanParams};

/// Exclusive wrapping prefix sums within blocks of 1024, in place, on top of `before[b]` for block `b`.
pub fn scan_blocks(before: &[u32], data: &mut [u32]) {
    for (block, before) in data.chunks_mut(BLOCK).zip(before) {
        let mut running = *before;
        for value in block {
            let here = *value;
            *value = running;
            running = running.wrapping_add(here);
        }
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let ScanParams { n, at, .. } = call.params();
    let n = length(call.read(0), at, n);
    scan_blocks(call.read(1), &mut call.write(2)[..n]);
}
