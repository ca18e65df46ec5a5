//! Twins of `kernels/motion/`.
