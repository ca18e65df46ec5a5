//! Twins of `kernels/agent/`.
