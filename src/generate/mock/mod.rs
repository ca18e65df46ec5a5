//! The mock provider: a procedural scene, ray traced along a camera path and encoded, with its truth beside it.

use crate::gpu::Kernel;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[];
