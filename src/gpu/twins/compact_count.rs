//! Twin of `kernels/gpu/compact_count.wgsl`.

use crate::gpu::compact::BLOCK;

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
