//! The collision world: free, solid and unknown voxels, the floor and the up direction.
//!
//! The walk through this stage: [`align`] finds the floor and turns the world so that it is y = 0, then
//! [`build`] fuses depth views into voxels: `kernels/world/surface` (depth and alpha to points with normals),
//! `kernels/world/integrate` (one thread a voxel, all views), `kernels/world/classify` (evidence to a state),
//! and a clean-up that drops small solid components in mid-air.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::camera::{Camera, Intrinsics, LengthUnit};
use crate::gpu::{GpuError, Kernel};

mod align;
mod bounds;
pub mod bricks;
mod build;
mod cells;
mod clean;
mod file;
mod flatten;
mod flood;
pub mod fuse;
pub mod ground;
pub mod mesh;
mod options;
#[cfg(target_arch = "x86_64")]
mod packet;
pub mod rays;
pub mod refine;
pub mod surface_mesh;
pub mod sweep;
pub mod twins;
mod views;
pub mod walk;

use bricks::Bricks;

pub use align::{Alignment, align};
pub use build::build;
pub use file::VERSION as FILE_VERSION;
pub use ground::{Ground, Sight};
pub use options::{KEYS, WorldOptions};
pub use refine::refine;
pub use views::{hold_out, of_maps};

/// Version of this stage; part of the resume key.
pub const VERSION: u32 = 5;

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[
    &refine::TEXTURE,
    &refine::DIFFER,
    &refine::ROWS,
    &refine::COST,
    &refine::PICK,
    &fuse::SURFACE,
    &fuse::INTEGRATE,
    &fuse::CLASSIFY,
];

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

impl Voxel {
    /// The state of a number; unknown for what is none.
    pub fn of(number: u32) -> Self {
        match number {
            1 => Self::Free,
            2 => Self::Solid,
            _ => Self::Unknown,
        }
    }
}

/// A voxel world. Axis-aligned, +Y up, floor near y = 0 after alignment.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Corner of voxel (0, 0, 0) with the smallest coordinates.
    pub origin: [f32; 3],
    /// Edge of a voxel, in `unit`.
    pub voxel: f32,
    /// Voxels along x, y, z: those of the bricks.
    pub dims: [u32; 3],
    bricks: Arc<Bricks>,
    /// Height of the floor's plane (y).
    pub floor: f32,
    /// Whether a floor was found; otherwise `floor` is a guess and the agent's report says so.
    pub floor_found: bool,
    /// Unit of lengths.
    pub unit: LengthUnit,
    /// What a person should know (cropped extent, coarser voxels, components dropped, ...).
    pub notes: Vec<String>,
}

/// How far apart numbers of 32 bits are at `far` from the origin, where that is more than a tenth of a voxel: agents are
/// moved by such numbers.
pub fn too_coarse(far: f32, voxel: f32) -> Option<f32> {
    let step = far.abs().next_up() - far.abs();
    (step > 0.1 * voxel).then_some(step)
}

impl World {
    /// A world of unknown voxels, as many along x, y and z, without a floor, in arbitrary units. One of more than
    /// [`bricks::MOST`] voxels has none, and its `dims` are 0.
    pub fn empty(origin: [f32; 3], voxel: f32, dims: [u32; 3]) -> Self {
        Self::of(origin, voxel, Bricks::new(dims))
    }

    /// A world of bricks, without a floor, in arbitrary units.
    pub fn of(origin: [f32; 3], voxel: f32, bricks: Bricks) -> Self {
        Self {
            origin,
            voxel,
            dims: bricks.dims(),
            bricks: Arc::new(bricks),
            floor: 0.0,
            floor_found: false,
            unit: LengthUnit::Arbitrary,
            notes: Vec::new(),
        }
    }

    /// Voxels.
    pub fn len(&self) -> usize {
        self.dims.iter().map(|&n| n as usize).product()
    }

    /// Whether there are no voxels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Index of a voxel, `x + dims[0] * (y + dims[1] * z)`; the coordinates must lie inside `dims`.
    pub fn index(&self, [x, y, z]: [u32; 3]) -> usize {
        x as usize + self.dims[0] as usize * (y as usize + self.dims[1] as usize * z as usize)
    }

    /// Coordinates of an index.
    pub fn coordinates(&self, index: usize) -> [u32; 3] {
        let (nx, ny) = (self.dims[0] as usize, self.dims[1] as usize);
        [
            (index % nx) as u32,
            (index / nx % ny) as u32,
            (index / nx / ny) as u32,
        ]
    }

    /// Whether coordinates lie inside the grid.
    pub fn holds(&self, p: [i64; 3]) -> bool {
        p.iter()
            .zip(self.dims)
            .all(|(a, n)| (0..i64::from(n)).contains(a))
    }

    /// State at voxel coordinates; unknown outside the grid.
    pub fn at(&self, p: [i64; 3]) -> Voxel {
        // What is no coordinate lies outside every grid.
        self.bricks
            .at(p.map(|a| u32::try_from(a).unwrap_or(u32::MAX)))
    }

    /// Sets a voxel; nothing outside the grid.
    pub fn set(&mut self, p: [u32; 3], state: Voxel) {
        Arc::make_mut(&mut self.bricks).set(p, state);
    }

    /// Sets voxels one after the other, x fastest, from the index `first` on; what is over at the end is left out.
    /// Quicker than setting each.
    pub fn fill(&mut self, first: usize, states: impl IntoIterator<Item = Voxel>) {
        Arc::make_mut(&mut self.bricks).fill(first, states);
    }

    /// Coordinates of the voxels of a state, in the order of their indices.
    pub fn voxels(&self, state: Voxel) -> impl Iterator<Item = [u32; 3]> + '_ {
        self.bricks.all(state)
    }

    /// Coordinates of solid voxels, in the order of their indices.
    pub fn solids(&self) -> impl Iterator<Item = [u32; 3]> + '_ {
        self.voxels(Voxel::Solid)
    }

    /// Where the voxels are kept.
    pub fn bricks(&self) -> &Arc<Bricks> {
        &self.bricks
    }

    /// Voxel that holds a point; may lie outside the grid.
    pub fn voxel_of(&self, p: [f64; 3]) -> [i64; 3] {
        std::array::from_fn(|a| {
            ((p[a] - f64::from(self.origin[a])) / f64::from(self.voxel)).floor() as i64
        })
    }

    /// Centre of a voxel.
    pub fn centre(&self, p: [i64; 3]) -> [f64; 3] {
        std::array::from_fn(|a| {
            f64::from(self.origin[a]) + (p[a] as f64 + 0.5) * f64::from(self.voxel)
        })
    }

    /// Voxels that are unknown, free, solid.
    pub fn counts(&self) -> [usize; 3] {
        self.bricks.counts()
    }

    /// States in the order of their indices.
    pub fn states(&self) -> impl Iterator<Item = Voxel> + '_ {
        let [nx, ny, nz] = self.dims;
        let rows = (0..nz).flat_map(move |z| (0..ny).map(move |y| [y, z]));
        rows.flat_map(move |[y, z]| (0..nx).map(move |x| self.bricks.at([x, y, z])))
    }
}

/// What one registered camera sees of the scene: a frame's aligned depth map, or a render of the splats.
#[derive(Clone, Debug)]
pub struct DepthView {
    /// The camera; its intrinsics are those of the working size, not of this image.
    pub camera: Camera,
    /// Width of this image in pixels.
    pub width: u32,
    /// Height of this image in pixels.
    pub height: u32,
    /// Depth along the camera's z axis, row-major from the top left; 0 where nothing is known, infinite where nothing
    /// stands within sight (the sky), so that the whole ray is free.
    pub depth: Vec<f32>,
    /// Accumulated opacity in [0, 1]; 1 in depth maps.
    pub alpha: Vec<f32>,
    /// The frame's pixels at this size, packed sRGB `r | g << 8 | b << 16 | a << 24`; empty where there are none.
    pub colour: Vec<u32>,
    /// Whether a pixel shows what moves by itself, which is no part of the world; empty where nothing is known of it.
    pub moving: Vec<bool>,
    /// By how much better the pictures match something under the floor than the floor's plane itself, in the unit of
    /// [`refine()`]'s textures; NaN where nothing tells, empty where nobody looked.
    pub under: Vec<f32>,
    /// The world is not built from this view: it judges what the others made.
    pub held_out: bool,
}

impl DepthView {
    /// Intrinsics of this image.
    pub fn intrinsics(&self) -> Intrinsics {
        self.camera.intrinsics.resized(self.width, self.height)
    }

    /// A view of a render or a depth map, without a picture; it takes part in building the world.
    pub fn new(
        camera: Camera,
        [width, height]: [u32; 2],
        depth: Vec<f32>,
        alpha: Vec<f32>,
    ) -> Self {
        Self {
            camera,
            width,
            height,
            depth,
            alpha,
            colour: Vec::new(),
            moving: Vec::new(),
            under: Vec::new(),
            held_out: false,
        }
    }

    /// Whether the pixel of this index is known to show what moves by itself.
    pub fn moves(&self, index: usize) -> bool {
        self.moving.get(index).copied().unwrap_or(false)
    }

    /// As [`DepthView::surface`], of what stands still: the world is made of it.
    pub fn still(&self, x: u32, y: u32) -> Option<f32> {
        let surface = self.surface(x, y);
        surface.filter(|_| !self.moves((y * self.width + x) as usize))
    }

    /// The depths, 0 where a pixel shows what moves.
    pub fn still_depths(&self) -> impl Iterator<Item = f32> + '_ {
        let each = self.depth.iter().enumerate();
        each.map(|(i, &d)| if self.moves(i) { 0.0 } else { d })
    }

    /// Depth of a pixel where a surface was seen: alpha over one half, finite and positive.
    pub fn surface(&self, x: u32, y: u32) -> Option<f32> {
        let i = (y * self.width + x) as usize;
        let (d, a) = (*self.depth.get(i)?, *self.alpha.get(i)?);
        (a > 0.5 && d > 0.0 && d.is_finite()).then_some(d)
    }
}

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No view holds a surface.
    #[error(
        "no depth view holds a surface (alpha over .5, finite depth); see the renders of this world"
    )]
    Empty,
    /// A view's arrays do not fit its size.
    #[error(
        "depth view of frame {frame}: {width}x{height} pixels need {want} values, there are {depth} of depth and {alpha} of alpha"
    )]
    Shape {
        /// Frame of the view.
        frame: usize,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Pixels.
        want: usize,
        /// Depth values.
        depth: usize,
        /// Alpha values.
        alpha: usize,
    },
    /// A camera is not finite.
    #[error(
        "camera of frame {frame} has a pose or a focal length that is not finite; solve the cameras again"
    )]
    Camera {
        /// Frame of the camera.
        frame: usize,
    },
    /// An option is out of range.
    #[error("world option '{field}' is {value}; {mend}")]
    Option {
        /// Field of [`WorldOptions`].
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        mend: &'static str,
    },
    /// Triangles are no world.
    #[error("{reason}")]
    Mesh {
        /// What is wrong, and the mend.
        reason: String,
    },
    /// A world file could not be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Path of the file.
        path: String,
        /// What is wrong, and the mend.
        reason: String,
    },
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The monitor asked to stop.
    #[error("interrupted while building the world")]
    Interrupted,
}
