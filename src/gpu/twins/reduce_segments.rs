//! Twin of `kernels/gpu/reduce_segments.wgsl`.

use super::reduce_level::{combine, empty};
use crate::gpu::reduce::{BLOCK, Op};

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
