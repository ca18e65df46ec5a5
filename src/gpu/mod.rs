//! The GPU ground: one context, typed buffers, declared kernels and a recorder that dispatches them.
//!
//! `wgpu` is the compute layer; without a GPU the same WGSL runs on Mesa's software Vulkan. Nothing here
//! knows a stage. Every fallible call answers a [`GpuError`]; nothing panics on a lost device.

pub mod agree;
mod buffer;
mod cache;
pub mod caps;
pub mod compact;
mod context;
#[cfg(target_os = "linux")]
pub mod external;
pub mod histogram;
pub mod image;
pub mod indirect;
mod kernel;
pub mod memory;
mod pool;
pub mod profile;
mod readback;
mod recorder;
pub mod reduce;
pub mod scan;
pub mod shadow;
pub mod sort;
#[cfg(test)]
mod tests;
mod twin;
pub mod twins;
mod upload;

pub use buffer::{AnyBuffer, Buffer};
pub use caps::{Caps, Tier};
pub use context::{AdapterChoice, AdapterSummary, Gpu, adapters, look_for};
pub use kernel::{Access, Binding, GpuType, Kernel, Numbers, Variants, groups_1d, groups_2d};
pub use recorder::Recorder;
pub use shadow::Shadow;
pub use twin::{Call, Twin};
pub use upload::{Filled, Mapped, Upload, uploaded};

/// Kernels of this module.
pub static KERNELS: &[&Kernel] = &[
    &caps::EIGHTS,
    &indirect::DISPATCH_ARGS,
    &scan::SCAN_SUMS,
    &scan::SCAN_BLOCKS,
    &compact::COMPACT_COUNT,
    &compact::COMPACT_MOVE,
    &histogram::HISTOGRAM,
    &image::FILTER,
    &image::SHRINK,
    &reduce::REDUCE_LEVEL,
    &reduce::REDUCE_SEGMENTS,
    &sort::SORT_COUNT,
    &sort::SORT_SCATTER,
];

/// What can go wrong on the GPU.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// No adapter at all: no driver, or none that fits the choice.
    #[error(
        "no GPU adapter found{0}; install a Vulkan driver (on Debian without a GPU: mesa-vulkan-drivers), then see `director doctor`"
    )]
    NoAdapter(String),
    /// The adapter refused to open a device.
    #[error("the adapter '{name}' did not open a device: {reason}")]
    Device {
        /// Adapter name as the driver reports it.
        name: String,
        /// The driver's words.
        reason: String,
    },
    /// The adapter ran out of memory.
    #[error("out of GPU memory while {doing}: {reason}; use a smaller --preset or working size")]
    OutOfMemory {
        /// What was being done.
        doing: String,
        /// The driver's words.
        reason: String,
    },
    /// A kernel, a binding or a command was refused.
    #[error("the GPU refused {doing}: {reason}")]
    Validation {
        /// What was being done.
        doing: String,
        /// The driver's words.
        reason: String,
    },
    /// The device was lost (driver reset, unplugged, killed).
    #[error("the GPU device was lost: {0}; the next row opens a fresh one")]
    Lost(String),
    /// A buffer is larger than can be bound.
    #[error(
        "a buffer of {bytes} bytes for {doing} is over {} of {limit}; use a smaller working size",
        .limits.whose()
    )]
    TooLarge {
        /// What was being done.
        doing: String,
        /// Bytes asked for.
        bytes: u64,
        /// Bytes that can be bound.
        limit: u64,
        /// Whose limit that is.
        limits: caps::Limits,
    },
}
