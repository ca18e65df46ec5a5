//! Twin of `kernels/gpu/compact_move.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::compact::{BLOCK, CompactParams};

/// Moves the values whose flag is not zero (without values: their indices) behind `before[b]` for block `b` of
/// 1024, and answers how many lie before the end.
pub fn compact_move(
    before: &[u32],
    flags: &[u32],
    values: Option<&[u32]>,
    kept: &mut [u32],
) -> u32 {
    let mut end = before[0];
    for (b, block) in flags.chunks(BLOCK).enumerate() {
        end = before[b];
        for (i, flag) in (b * BLOCK..).zip(block) {
            if *flag != 0 {
                kept[end as usize] = values.map_or(i as u32, |values| values[i]);
                end += 1;
            }
        }
    }
    end
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: CompactParams = call.params();
    let n = length(call.read(0), p.at, p.n);
    let values = (p.indices == 0).then(|| call.read(3));
    let kept = call.write(4);
    let end = compact_move(call.read(1), &call.read(2)[..n], values, kept);
    call.put(5, p.count_at as usize, &[end]);
}
