//! Twins of `kernels/gpu/`.

pub mod compact_count;
pub mod compact_move;
pub mod dispatch_args;
pub mod filter;
pub mod histogram;
pub mod reduce_level;
pub mod reduce_segments;
pub mod scan_blocks;
pub mod scan_sums;
pub mod shrink;
pub mod sort_count;
pub mod sort_scatter;
