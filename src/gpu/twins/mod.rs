//! Twins of `kernels/gpu/`.

pub mod compact_count;
pub mod compact_move;
pub mod dispatch_args;
pub mod eights;
pub mod filter;
pub mod histogram;
pub mod reduce_level;
pub mod reduce_segments;
pub mod scan_blocks;
pub mod scan_sums;
pub mod shrink;
pub mod sort_count;
pub mod sort_scatter;

/// Elements of a kernel that reads `min(sizes[at].w, n)`.
fn length(sizes: &[[u32; 4]], at: u32, n: u32) -> usize {
    sizes[at as usize][3].min(n) as usize
}
