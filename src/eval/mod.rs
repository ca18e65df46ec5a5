//! Evaluation against the mock world's truth; with tests the only reader of `truth/`.

pub mod mock;
pub mod sheet;
