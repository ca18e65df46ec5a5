//! Twin of `kernels/gpu/histogram.wgsl`.

/// Adds to `bins[(key >> shift) & mask]` one for each key.
pub fn histogram(keys: &[u32], shift: u32, mask: u32, bins: &mut [u32]) {
    for key in keys {
        let bin = &mut bins[((key >> shift) & mask) as usize];
        *bin = bin.wrapping_add(1);
    }
}
