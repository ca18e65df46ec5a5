//! Evaluation: the mock world's truth, of which it is with tests the only reader, scores on corrupted clips,
//! solved cameras and networks' depth beside the true ones, and agents in worlds with planted faults.

pub mod agent;
pub mod cameras;
pub mod corrupt;
pub mod depth;
mod kept;
pub mod mock;
pub mod scores;
pub mod sheet;
pub mod splats;
pub mod twins;

/// Kernels of this stage.
pub static KERNELS: &[&crate::gpu::Kernel] = corrupt::KERNELS;
