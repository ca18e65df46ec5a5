//! Rays through a world, and what they meet.

use rayon::prelude::*;

use super::World;
use super::walk::Grid;

/// A voxel index that means none.
pub const NOWHERE: u32 = u32::MAX;
/// Rays that one thread takes at a time.
const CHUNK: usize = 256;

crate::gpu_struct! {
    /// A ray `origin + t * direction`; the direction need not have length 1.
    pub struct Ray {
        /// Origin in the world, and the largest t (infinity is allowed).
        pub origin: [f32; 4],
        /// Direction; the last is not used.
        pub direction: [f32; 4],
    }
}

impl Ray {
    /// From `origin` along `direction` up to `t_max` lengths of it.
    pub fn new(origin: [f64; 3], direction: [f64; 3], t_max: f64) -> Self {
        let [x, y, z] = origin.map(|a| a as f32);
        let [dx, dy, dz] = direction.map(|a| a as f32);
        Self {
            origin: [x, y, z, t_max as f32],
            direction: [dx, dy, dz, 0.0],
        }
    }
}

crate::gpu_struct! {
    /// What a ray met.
    pub struct Hit {
        /// Lengths of the direction; where the ray left, `t_max` when nothing was met, 0 when invalid.
        pub t: f32,
        /// A [`HitState`].
        pub state: u32,
        /// Index of the voxel, [`NOWHERE`] when outside.
        pub voxel: u32,
        /// Face by which the voxel was entered: 0 -x, 1 +x, 2 -y, 3 +y, 4 -z, 5 +z; 6 started inside; 7 none.
        pub face: u32,
    }
}

/// How a ray ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum HitState {
    /// Reached `t_max`.
    None = 0,
    /// Hit a solid voxel.
    Solid = 1,
    /// Left the grid, or never met it.
    Left = 2,
    /// Entered an unknown voxel while those stop rays.
    Unknown = 3,
    /// Not finite, no direction, negative or NaN `t_max`, or coordinates beyond 1e18.
    Invalid = 4,
}

impl HitState {
    /// Of its number; invalid where it has none.
    pub fn of(state: u32) -> Self {
        match state {
            0 => Self::None,
            1 => Self::Solid,
            2 => Self::Left,
            3 => Self::Unknown,
            _ => Self::Invalid,
        }
    }
}

impl Hit {
    /// How the ray ended.
    pub fn end(&self) -> HitState {
        HitState::of(self.state)
    }

    /// Whether something stopped the ray.
    pub fn met(&self) -> bool {
        matches!(self.end(), HitState::Solid | HitState::Unknown)
    }
}

impl World {
    /// The world as rays see it.
    pub(crate) fn grid(&self) -> Grid<'_> {
        let [x, y, z] = self.origin;
        Grid::new([x, y, z, 1.0 / self.voxel], self.bricks())
    }

    /// Closest hit of each ray, in order, on every core and eight at once where it can. `stop_unknown`: unknown voxels stop
    /// rays; otherwise rays pass them as if they were free.
    pub fn cast(&self, rays: &[Ray], stop_unknown: bool) -> Vec<Hit> {
        let grid = self.grid();
        let mut hits = bytemuck::zeroed_vec(rays.len());
        hits.par_chunks_mut(CHUNK)
            .zip(rays.par_chunks(CHUNK))
            .for_each(|(hits, rays)| grid.cast_all(rays, stop_unknown, hits));
        hits
    }

    /// Whether anything stops each ray, in order, on every core.
    pub fn blocked(&self, rays: &[Ray], stop_unknown: bool) -> Vec<bool> {
        let hits = self.cast(rays, stop_unknown);
        hits.iter().map(Hit::met).collect()
    }
}
