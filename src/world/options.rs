//! Options of the collision world.

use serde::{Deserialize, Serialize};

use crate::key::{Key, Kind, MANY, MUCH, TINY};

/// How the world is built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldOptions {
    /// Edge of a voxel where the scale is known, in metres.
    pub voxel_metres: f32,
    /// Edge of a voxel where it is not, in camera heights.
    pub voxel_heights: f32,
    /// Most voxels; a larger scene gets coarser voxels, then a smaller extent.
    pub max_voxels: u64,
    /// Most that voxels are coarsened before the extent is cut.
    pub max_coarsening: f32,
    /// Distance around a surface, in voxels, inside which depth is averaged rather than carved.
    pub truncation: f32,
    /// Weight of one view that sees a surface in the voxel.
    pub occupied_log_odds: f32,
    /// Weight of one view that sees through the voxel.
    pub free_log_odds: f32,
    /// A pixel whose inverse depth bends more than this share between its neighbours is an edge.
    pub edge: f32,
    /// Solid components in mid-air of fewer voxels are dropped.
    pub min_component: usize,
}

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("voxel_metres", Kind::Single(1e-4, 100.0), "Edge of a voxel where the scale is known, in metres"),
    Key::new("voxel_heights", Kind::Single(1e-4, 100.0), "Edge of a voxel where it is not, in camera heights"),
    Key::new("max_voxels", Kind::Whole(1000, 1_000_000_000), "Most voxels; a larger scene gets coarser ones, then a smaller extent"),
    Key::new("max_coarsening", Kind::Single(1.0, 1000.0), "Most that voxels are coarsened before the extent is cut"),
    Key::new("truncation", Kind::Single(1.01, 1000.0), "Distance around a surface, in voxels, inside which depth is averaged"),
    Key::new("occupied_log_odds", Kind::Single(TINY, 1000.0), "Weight of one view that sees a surface in the voxel"),
    Key::new("free_log_odds", Kind::Single(TINY, 1000.0), "Weight of one view that sees through the voxel"),
    Key::new("edge", Kind::Single(TINY, MUCH), "A pixel whose inverse depth bends more than this share is an edge"),
    Key::new("min_component", Kind::Whole(0, MANY), "Solid components in mid-air of fewer voxels are dropped"),
];

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            voxel_metres: 0.06,
            voxel_heights: 0.04,
            max_voxels: 256 * 96 * 256,
            max_coarsening: 2.5,
            truncation: 4.0,
            occupied_log_odds: 0.85,
            free_log_odds: 0.4,
            edge: 0.04,
            min_component: 64,
        }
    }
}
