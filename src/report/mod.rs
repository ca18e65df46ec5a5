//! Tables and pictures of a run, from the store only.

pub mod map;
pub mod pictures;
pub mod results;

/// Version of the pictures; part of the resume key.
pub const VERSION: u32 = 1;
