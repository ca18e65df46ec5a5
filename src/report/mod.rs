//! Tables of a run, from the store only.

pub mod results;
