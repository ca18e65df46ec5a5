//! Twins of `kernels/splat/`.
