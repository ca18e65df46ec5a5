//! Twin of `kernels/gpu/reduce_segments.wgsl`.

use super::length;
use super::reduce_level::{combine, empty, op};
use crate::gpu::Call;
use crate::gpu::reduce::{BLOCK, Op, SegmentParams};

/// Reduces the values of each segment; `levels[0]` is the values, each further level one of
/// [`super::reduce_level::reduce_level`].
pub fn reduce_segments(op: Op, levels: &[Vec<u32>], offsets: &[u32]) -> Vec<u32> {
    offsets
        .windows(2)
        .map(|ends| {
            let last = (ends[1] as usize).min(levels[0].len());
            let first = (ends[0] as usize).min(last);
            let mut order = Vec::new();
            in_order(levels, 0, first, last, &mut order);
            order.iter().fold(empty(op), |a, b| combine(a, *b, op))
        })
        .collect()
}

/// The elements a segment is made of: what sticks out on the left, the whole blocks, what sticks out on the right.
fn in_order(levels: &[Vec<u32>], level: usize, first: usize, last: usize, order: &mut Vec<u32>) {
    let here = &levels[level];
    let (inner_first, inner_last) = (first.div_ceil(BLOCK), last / BLOCK);
    if inner_first >= inner_last {
        order.extend(&here[first..last]);
        return;
    }
    order.extend(&here[first..inner_first * BLOCK]);
    in_order(levels, level + 1, inner_first, inner_last, order);
    order.extend(&here[inner_last * BLOCK..last]);
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SegmentParams = call.params();
    let segments = length(call.read(0), p.at, p.n);
    let mut n = p.values as usize;
    let mut levels = vec![call.read(2)[..n].to_vec()];
    while n >= BLOCK {
        n = n.div_ceil(BLOCK);
        let level = levels.len();
        let tree = call.read(if level % 2 == 1 { 3 } else { 4 });
        let start = p.starts.as_flattened()[level] as usize;
        levels.push(tree[start..][..n].to_vec());
    }
    let offsets = &call.read(1)[..segments + 1];
    call.put(5, 0, &reduce_segments(op(p.op), &levels, offsets));
}
