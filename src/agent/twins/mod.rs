//! Twins of `kernels/agent/`.

pub mod raycast;
pub mod seen_through;
pub mod settle;
