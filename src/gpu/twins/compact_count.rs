//! Twin of `kernels/gpu/compact_count.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::compact::BLOCK;
use crate::gpu::scan::ScanParams;

/// How many flags of each block of 1024 are not zero; one zero for no flags.
pub fn compact_count(flags: &[u32]) -> Vec<u32> {
    if flags.is_empty() {
        return vec![0];
    }
    flags
        .chunks(BLOCK)
        .map(|block| block.iter().filter(|flag| **flag != 0).count() as u32)
        .collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let ScanParams { n, at, .. } = call.params();
    let n = length(call.read(0), at, n);
    call.put(3, 0, &compact_count(&call.read(2)[..n]));
}
