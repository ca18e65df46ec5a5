//! Twins of `kernels/world/`.

pub mod classify;
pub mod cost;
pub mod differ;
pub mod integrate;
pub mod pick;
pub mod rows;
pub mod surface;
pub mod texture;
