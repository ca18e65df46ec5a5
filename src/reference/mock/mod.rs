//! Twins of `kernels/mock/`.
