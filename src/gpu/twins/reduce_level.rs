//! Twin of `kernels/gpu/reduce_level.wgsl`.

use crate::gpu::reduce::{BLOCK, Op};

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
