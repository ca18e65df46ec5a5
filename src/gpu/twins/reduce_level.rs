//! Twin of `kernels/gpu/reduce_level.wgsl`.

use super::length;
use crate::gpu::Call;
use crate::gpu::reduce::{BLOCK, LevelParams, Op};

/// The operation's neutral element, as bits.
pub fn empty(op: Op) -> u32 {
    match op {
        Op::SumU32 | Op::SumF32 => 0,
        Op::MinF32 => f32::INFINITY.to_bits(),
        Op::MaxF32 => f32::NEG_INFINITY.to_bits(),
    }
}

/// One step, on bits.
pub fn combine(a: u32, b: u32, op: Op) -> u32 {
    let (x, y) = (f32::from_bits(a), f32::from_bits(b));
    match op {
        Op::SumU32 => a.wrapping_add(b),
        Op::SumF32 => (x + y).to_bits(),
        Op::MinF32 => {
            if y < x {
                b
            } else {
                a
            }
        }
        Op::MaxF32 => {
            if y > x {
                b
            } else {
                a
            }
        }
    }
}

/// Each block of 32 reduced to one element.
pub fn reduce_level(op: Op, source: &[u32]) -> Vec<u32> {
    source
        .chunks(BLOCK)
        .map(|block| block.iter().fold(empty(op), |a, b| combine(a, *b, op)))
        .collect()
}

/// The operation that a kernel takes for a number.
pub(super) fn op(number: u32) -> Op {
    match number {
        1 => Op::SumF32,
        2 => Op::MinF32,
        3 => Op::MaxF32,
        _ => Op::SumU32,
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: LevelParams = call.params();
    let n = length(call.read(0), p.at, p.n);
    let source = &call.read(1)[p.source_at as usize..][..n];
    call.put(2, p.tree_at as usize, &reduce_level(op(p.op), source));
}
