//! The one integration binary. Each stage has a module; `common` holds the parity harness.

mod agent;
mod bench;
mod camera;
mod common;
mod depth;
mod eval;
mod fetch;
mod gpu;
mod layout;
mod mock;
mod motion;
mod parity;
mod room;
mod rooms;
mod score;
mod spine;
mod splat;
mod video;
mod world;
