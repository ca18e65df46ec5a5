//! Whether the scores notice corruptions, and nothing else: the validation protocol.
//!
//! Clean clips, each corrupted in eleven ways at four levels, are scored as `director score` scores them. A score must
//! fall under the corruptions that it is there to notice, tell clean clips from corrupted ones, and rise under none.

pub mod ceiling;
pub mod choice;
pub mod clips;
pub mod matrix;
pub mod measure;
pub mod picture;
mod protocol;
pub mod rates;
pub mod sheet;
pub mod stats;
mod traps;

pub use protocol::{Options, Outcome, Skipped, Variant, validate};
pub use traps::{TRAPS, Trap};
