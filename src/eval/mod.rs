//! Evaluation: the mock world's truth, of which it is with tests the only reader, scores on corrupted clips, and kernels
//! beside their twins.

pub mod corrupt;
pub mod kernels;
pub mod mock;
pub mod scores;
pub mod sheet;
pub mod twins;

/// Kernels of this stage.
pub static KERNELS: &[&crate::gpu::Kernel] = corrupt::KERNELS;
