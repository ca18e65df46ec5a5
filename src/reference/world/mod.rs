//! Twins of `kernels/world/`.
