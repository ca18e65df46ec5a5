//! Tables and pictures of a run, from the store only.

pub mod map;
pub mod pictures;
pub mod results;
