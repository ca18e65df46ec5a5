//! Twins of `kernels/agent/`.

pub mod blocked;
pub mod gather;
pub mod met;
pub mod raycast;
pub mod seen_through;
pub mod settle;
pub mod sweep;
pub mod tally;
pub mod walk;
