//! Sora Director: prompts in, worlds that agents have tested out.
//!
//! A data item walks one way, and [`pipeline`] reads as this walk:
//!
//! ```text
//! manifest row -> Prompt -> Takes -> Frames (GPU) -> Motion -> Scores -> [best take] -> DepthMaps -> Cameras
//!   -> Splats -> World (collision) -> AgentReport -> Revision -> next Prompt ...   everything -> Store -> Report
//! ```
//!
//! A stage imports the data type of a stage before it, never its functions; only [`pipeline`] knows the
//! order; [`gpu`] knows no stage; [`report`] and [`progress`] read events and the store only.

pub mod manifest;

pub mod generate;
pub mod mock;
pub mod providers;

pub mod video;

pub mod motion;

pub mod score;

pub mod depth;
pub mod onnx;

pub mod camera;

pub mod splat;

pub mod world;

pub mod agent;

pub mod revise;

pub mod layers;
pub mod pipeline;

pub mod lane;
pub mod run;

pub mod store;

pub mod draw;
pub mod eval;
pub mod monitor;
pub mod progress;
pub mod record;
pub mod report;

pub mod bench;
pub mod capture;
pub mod cli;
pub mod fetch;
pub mod files;
mod glb;
pub mod gpu;
pub mod hash;
pub mod kernels;
pub mod key;
pub mod npy;
pub mod numeric;
pub mod paths;
pub mod picture;
