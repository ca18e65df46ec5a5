//! Twins of `kernels/mock/`.

pub mod trace;
