//! Tables and pictures of a run.

pub mod map;
