//! Twins of `kernels/video/`.

pub mod convert;
