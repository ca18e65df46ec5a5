//! Evaluation: the mock world's truth, of which it is with tests the only reader, and scores on corrupted clips.

pub mod corrupt;
pub mod mock;
pub mod scores;
pub mod sheet;
pub mod twins;

/// Kernels of this stage.
pub static KERNELS: &[&crate::gpu::Kernel] = corrupt::KERNELS;
