//! Twin of `kernels/gpu/sort_count.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::sort::{BLOCK, DIGIT_BITS, SortParams};

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

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SortParams = call.params();
    let n = length(call.read(0), p.at, u32::MAX);
    call.put(2, 0, &sort_count(&call.read(1)[..n], (p.shift, p.mask)));
}
