//! Twin of `kernels/gpu/sort_scatter.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::sort::{BLOCK, SortParams};

/// Moves each pair to its place by one digit; `places` is the exclusive prefix sum of the digit-major counts.
pub fn sort_scatter(
    keys: &[u32],
    values: &[u32],
    (shift, mask): (u32, u32),
    places: &[u32],
) -> (Vec<u32>, Vec<u32>) {
    let blocks = keys.len().div_ceil(BLOCK);
    let mut places = places.to_vec();
    let (mut keys_out, mut values_out) = (vec![0; keys.len()], vec![0; keys.len()]);
    for (i, (&key, &value)) in keys.iter().zip(values).enumerate() {
        let digit = ((key >> shift) & mask) as usize;
        let place = &mut places[digit * blocks + i / BLOCK];
        keys_out[*place as usize] = key;
        values_out[*place as usize] = value;
        *place += 1;
    }
    (keys_out, values_out)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SortParams = call.params();
    let n = length(call.read(0), p.at, u32::MAX);
    let (keys, values) = (&call.read(2)[..n], &call.read(3)[..n]);
    let (keys, values) = sort_scatter(keys, values, (p.shift, p.mask), call.read(1));
    call.put(4, 0, &keys);
    call.put(5, 0, &values);
}
