//! Twins of `kernels/video/`.
