//! Twins of `kernels/gpu/`.

pub mod scan_add;
pub mod scan_blocks;
pub mod sort_count;
pub mod sort_scatter;
