//! The collision world: free, solid and unknown voxels, the floor and the up direction.

use serde::{Deserialize, Serialize};

use crate::camera::LengthUnit;
use crate::gpu::Kernel;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[];

/// State of a voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Voxel {
    /// Never seen.
    Unknown = 0,
    /// Seen through.
    Free = 1,
    /// A surface.
    Solid = 2,
}

/// A voxel world. Axis-aligned, +Y up, floor near y = 0 after alignment.
#[derive(Clone, Debug)]
pub struct World {
    /// Corner of voxel (0, 0, 0) with the smallest coordinates.
    pub origin: [f32; 3],
    /// Edge of a voxel, in `unit`.
    pub voxel: f32,
    /// Voxels along x, y, z.
    pub dims: [u32; 3],
    /// State of voxel `(x, y, z)` at `x + dims[0] * (y + dims[1] * z)`, as [`Voxel`] numbers.
    pub states: Vec<u8>,
    /// Height of the floor's plane (y).
    pub floor: f32,
    /// Whether a floor was found; otherwise `floor` is a guess and the agent's report says so.
    pub floor_found: bool,
    /// Unit of lengths.
    pub unit: LengthUnit,
}
