//! What capture tools write beside pictures: lists of pictures with their cameras, COLMAP's models, and the files of other
//! tools, which are known by name.

pub mod colmap;
pub mod foreign;
pub mod json;
pub mod transforms;

pub use foreign::Foreign;
pub use transforms::{Lens, Transforms};

/// Farthest from 0 that a camera may lie, in the file's unit: beyond, a place in single precision is no place.
pub const FARTHEST: f64 = 1e9;
