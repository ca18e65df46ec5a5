//! Pictures of a world for people: the map of what agents found, each violation as a camera sees it, renders along the
//! cameras, held-out frames.

pub mod font;
pub mod map;
pub mod marks;
pub mod pictures;
pub mod shade;
pub mod violations;

/// Version of the pictures; part of the resume key.
pub const VERSION: u32 = 2;
