//! Pictures of a world for people: the map of what agents found, renders along the cameras, held-out frames.

pub mod map;
pub mod pictures;

/// Version of the pictures; part of the resume key.
pub const VERSION: u32 = 1;
