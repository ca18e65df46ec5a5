//! Every kernel of the crate: their list, and chains that run each of them beside its twin.

mod chains;

pub use chains::{
    CHAINS, Chain, Checked, Outcome, Take, check, conversion, faulty, primitives, take,
};

use crate::gpu::Kernel;

/// All declared kernels, stage by stage.
pub fn all() -> Vec<&'static Kernel> {
    [
        crate::gpu::KERNELS,
        crate::video::KERNELS,
        crate::mock::KERNELS,
        crate::onnx::KERNELS,
        crate::motion::KERNELS,
        crate::score::KERNELS,
        crate::splat::KERNELS,
        crate::world::KERNELS,
        crate::agent::KERNELS,
        crate::eval::KERNELS,
    ]
    .concat()
}
