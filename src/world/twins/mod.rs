//! Twins of `kernels/world/`.

pub mod classify;
pub mod integrate;
pub mod surface;
