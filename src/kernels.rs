//! Every kernel of the crate, for the test that compares `kernels/` with the host's declarations.

use crate::gpu::Kernel;

/// All declared kernels, stage by stage.
pub fn all() -> Vec<&'static Kernel> {
    [
        crate::gpu::KERNELS,
        crate::video::KERNELS,
        crate::mock::KERNELS,
        crate::motion::KERNELS,
        crate::score::KERNELS,
        crate::splat::KERNELS,
        crate::world::KERNELS,
        crate::agent::KERNELS,
        crate::eval::KERNELS,
    ]
    .concat()
}
