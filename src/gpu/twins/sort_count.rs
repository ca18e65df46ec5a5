//! Twin of `kernels/gpu/sort_count.wgsl`.

use crate::gpu::sort::{BLOCK, DIGIT_BITS};

/// Digit-major counts (`digit * blocks + block`) of the digit `(key >> shift) & mask`, over blocks of 4096.
pub fn sort_count(keys: &[u32], (shift, mask): (u32, u32)) -> Vec<u32> {
    let blocks = keys.len().div_ceil(BLOCK);
    let mut histogram = vec![0; blocks << DIGIT_BITS];
    for (i, key) in keys.iter().enumerate() {
        let digit = ((key >> shift) & mask) as usize;
        histogram[digit * blocks + i / BLOCK] += 1;
    }
    histogram
}
