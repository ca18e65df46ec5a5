//! CPU twins of the kernels, mirroring `kernels/`: slow, plain, and what the kernels are held against.

pub mod agent;
pub mod eval;
pub mod gpu;
pub mod mock;
pub mod motion;
pub mod score;
pub mod splat;
pub mod video;
pub mod world;
