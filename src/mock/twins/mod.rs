//! Twins of `kernels/mock/`.

pub mod blur;
pub mod expose;
pub mod flow;
pub mod spoil;
pub mod trace;
