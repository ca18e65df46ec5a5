//! Twin of `kernels/gpu/sort_count.wgsl`.

use crate::gpu::sort::{BLOCK, DIGIT_BITS};

/// Digit-major counts (`digit * blocks + block`) of one digit of `keys`, over `blocks` blocks of 2048.
pub fn sort_count(keys: &[u32], shift: u32, blocks: usize) -> Vec<u32> {
    let mut histogram = vec![0; blocks << DIGIT_BITS];
    for (i, key) in keys.iter().enumerate() {
        let digit = (key >> shift) as usize & ((1 << DIGIT_BITS) - 1);
        histogram[digit * blocks + i / BLOCK] += 1;
    }
    histogram
}
