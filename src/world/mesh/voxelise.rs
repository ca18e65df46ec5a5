//! Triangles to voxels: solid where a triangle passes, free where told.

use rayon::prelude::*;

use super::{Mesh, Triangle, floor};
use crate::camera::LengthUnit;
use crate::world::bricks::{Bricks, EDGE};
use crate::world::{Voxel, World, WorldError};

/// Voxels around the mesh.
const MARGIN: f64 = 2.0;
/// Where the floor lies in its voxel, from below: just under the voxel's top.
const UNDER_TOP: f64 = 0.999;
/// Voxels of a grid, at most, whatever is asked for: their indices have 32 bits.
const MOST: u64 = 1 << 31;

/// What becomes of voxels that no triangle passes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Inside {
    /// All are free.
    #[default]
    Free,
    /// Free where it is reached from outside the mesh without passing solid, unknown elsewhere.
    Outside,
    /// Free where it is reached from one of these points without passing solid, unknown elsewhere.
    Flood(Vec<[f64; 3]>),
}

/// How a mesh becomes a world.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshOptions {
    /// Edge of a voxel, in `unit`.
    pub voxel: f32,
    /// Voxels at most; they become larger where there would be more.
    pub max_voxels: u64,
    /// What becomes of voxels that no triangle passes.
    pub inside: Inside,
    /// Height of the floor; where none is given it is looked for.
    pub floor: Option<f32>,
    /// What must be clear over a floor that is looked for.
    pub headroom: f32,
    /// Unit of the mesh.
    pub unit: LengthUnit,
}

impl Default for MeshOptions {
    fn default() -> Self {
        Self {
            voxel: 0.05,
            max_voxels: 1 << 27,
            inside: Inside::Free,
            floor: None,
            headroom: 1.7,
            unit: LengthUnit::Metres,
        }
    }
}

fn refused(reason: impl Into<String>) -> WorldError {
    WorldError::Mesh {
        reason: reason.into(),
    }
}

/// A triangle's shadow on an axis: what a cube's centre must be within, for a cube of half an edge 1.
struct Axis {
    n: [f64; 3],
    low: f64,
    high: f64,
    reach: f64,
}

/// A triangle against cubes, by the axes that can part them (Akenine-Moeller 2001).
struct Parted([Axis; 13]);

pub(super) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|k| a[k] - b[k])
}

pub(super) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn corners(t: &Triangle) -> [[f64; 3]; 3] {
    t.map(|p| p.map(f64::from))
}

/// Twice the area, along the normal.
pub(super) fn normal(t: [[f64; 3]; 3]) -> [f64; 3] {
    cross(sub(t[1], t[0]), sub(t[2], t[0]))
}

impl Parted {
    fn new(t: [[f64; 3]; 3]) -> Self {
        let unit = |a: usize| std::array::from_fn(|k| f64::from(u8::from(k == a)));
        let edge = |i: usize| sub(t[(i + 1) % 3], t[i]);
        Self(std::array::from_fn(|i| {
            let n = match i {
                0..3 => unit(i),
                3 => normal(t),
                _ => cross(unit((i - 4) % 3), edge((i - 4) / 3)),
            };
            let along = t.map(|p| dot(p, n));
            Axis {
                n,
                low: along.into_iter().fold(f64::INFINITY, f64::min),
                high: along.into_iter().fold(f64::NEG_INFINITY, f64::max),
                reach: n.iter().map(|x| x.abs()).sum(),
            }
        }))
    }

    /// Whether the triangle and a cube touch.
    fn meets(&self, centre: [f64; 3], half: f64) -> bool {
        self.0.iter().all(|axis| {
            let (at, reach) = (dot(centre, axis.n), axis.reach * half);
            axis.low <= at + reach && axis.high >= at - reach
        })
    }
}

/// A grid over a mesh.
struct Frame {
    origin: [f64; 3],
    voxel: f64,
    dims: [u32; 3],
}

impl Frame {
    /// Voxels of `edge`^3 ones at `at` that the triangle meets, by halves of halves.
    fn mark(&self, parted: &Parted, at: [u32; 3], edge: u32, found: &mut Vec<[u32; 3]>) {
        if at.iter().zip(self.dims).any(|(&a, n)| a >= n) {
            return;
        }
        let half = 0.5 * f64::from(edge) * self.voxel;
        let centre = std::array::from_fn(|a| self.origin[a] + f64::from(at[a]) * self.voxel + half);
        if !parted.meets(centre, half) {
            return;
        }
        if edge == 1 {
            found.push(at);
            return;
        }
        let part = edge / EDGE;
        for i in 0..EDGE.pow(3) {
            let step = [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE];
            self.mark(
                parted,
                std::array::from_fn(|a| at[a] + part * step[a]),
                part,
                found,
            );
        }
    }

    fn voxels_of(&self, t: &Triangle) -> Vec<[u32; 3]> {
        let t = corners(t);
        let parted = Parted::new(t);
        let first: [u32; 3] = std::array::from_fn(|a| {
            ((parted.0[a].low - self.origin[a]) / self.voxel - 1e-9).max(0.0) as u32
        });
        let last: [u32; 3] = std::array::from_fn(|a| {
            ((parted.0[a].high - self.origin[a]) / self.voxel + 1e-9).max(0.0) as u32
        });
        // Small triangles need no large cubes.
        let size = (0..3).map(|a| last[a] - first[a] + 1).max().unwrap_or(1);
        let edge = match size {
            0..3 => 1,
            3..9 => EDGE,
            9..33 => EDGE * EDGE,
            _ => EDGE.pow(3),
        };
        let mut found = Vec::new();
        let range = |a: usize| (first[a] / edge..=last[a] / edge).map(move |i| i * edge);
        for z in range(2) {
            for y in range(1) {
                for x in range(0) {
                    self.mark(&parted, [x, y, z], edge, &mut found);
                }
            }
        }
        found
    }
}

impl World {
    /// A world of triangles: solid where one passes through a voxel or touches it, the rest as `options.inside` says.
    /// Triangles without an area are left out, and the notes say how many.
    ///
    /// # Errors
    /// [`WorldError::Mesh`] where there is nothing to build from: no triangles with an area, a corner or a voxel size that
    /// is not finite, no seed in the open.
    pub fn from_triangles(
        triangles: &[Triangle],
        options: &MeshOptions,
    ) -> Result<Self, WorldError> {
        let mut notes = Vec::new();
        if let Some(at) = triangles
            .iter()
            .position(|t| !t.as_flattened().iter().all(|x| x.abs() < 1e9))
        {
            return Err(refused(format!(
                "triangle {at} has a corner that is not finite, or beyond 1e9"
            )));
        }
        let whole = |t: &&Triangle| normal(corners(t)) != [0.0; 3];
        let kept: Vec<Triangle> = triangles.iter().filter(whole).copied().collect();
        if kept.len() < triangles.len() {
            let lost = triangles.len() - kept.len();
            notes.push(format!(
                "{lost} triangles of the mesh have no area and were left out"
            ));
        }
        if kept.is_empty() {
            return Err(refused("the mesh has no triangle with an area"));
        }
        let asked = f64::from(options.voxel);
        if !(asked > 0.0 && asked.is_finite()) {
            return Err(refused(format!(
                "voxels of edge {asked}; it must be a positive number"
            )));
        }
        let bound = |a: usize| {
            let all = kept.iter().flatten().map(|p| f64::from(p[a]));
            all.fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], x| {
                [l.min(x), h.max(x)]
            })
        };
        let bounds = [bound(0), bound(1), bound(2)];
        let most = options.max_voxels.clamp(64, MOST) as f64;
        let size =
            |voxel: f64, [low, high]: [f64; 2]| ((high - low) / voxel + 2.0 * MARGIN + 1.0).ceil();
        let count = |voxel: f64| bounds.iter().map(|&b| size(voxel, b)).product::<f64>();
        let mut voxel = asked;
        while count(voxel) > most {
            voxel *= 1.02_f64.max((count(voxel) / most).cbrt() * 0.99);
        }
        if voxel > asked {
            let [x, y, z] = bounds.map(|b| size(asked, b));
            notes.push(format!(
                "{x} x {y} x {z} voxels were asked for: they are {voxel:.3} wide instead of {asked:.3}, to stay within {most:.0} of them"
            ));
        }
        let floor = match options.floor {
            Some(floor) if floor.is_finite() => Some(f64::from(floor)),
            Some(floor) => return Err(refused(format!("a floor at {floor}; it must be a number"))),
            None => floor::find(&kept, voxel, bounds, f64::from(options.headroom)),
        };
        if floor.is_none() {
            notes
                .push("no level surface was found: the floor is the lowest of the mesh".to_owned());
        }
        let height = floor.unwrap_or(bounds[1][0]);
        // Odd shares of a voxel, so that surfaces at round numbers lie within voxels and not between two.
        let mut origin = [0, 1, 2].map(|a: usize| bounds[a][0] - (MARGIN + 0.37) * voxel);
        let below = ((height - origin[1]) / voxel).ceil();
        origin[1] = height - (below - 1.0 + UNDER_TOP) * voxel;
        let origin = origin.map(|x| x as f32);
        let frame = Frame {
            origin: origin.map(f64::from),
            voxel: f64::from(voxel as f32),
            dims: bounds.map(|b| size(voxel, b) as u32),
        };
        let mut bricks = Bricks::new(frame.dims);
        if options.inside == Inside::Free {
            bricks.fill_all(Voxel::Free);
        }
        for part in kept.chunks(1 << 14) {
            let found: Vec<Vec<[u32; 3]>> = part.par_iter().map(|t| frame.voxels_of(t)).collect();
            for p in found.into_iter().flatten() {
                bricks.set(p, Voxel::Solid);
            }
        }
        let mut world = World {
            floor: height as f32,
            floor_found: floor.is_some(),
            unit: options.unit,
            notes,
            ..World::of(origin, voxel as f32, bricks)
        };
        match &options.inside {
            Inside::Free => {}
            // The margin lies outside whatever the mesh closes in.
            Inside::Outside => world.flood(&[[0; 3]]),
            Inside::Flood(points) => {
                let seeds: Vec<[u32; 3]> = points
                    .iter()
                    .filter(|p| p.iter().all(|x| x.is_finite()))
                    .map(|&p| world.voxel_of(p))
                    .filter(|&c| world.holds(c) && world.at(c) != Voxel::Solid)
                    .map(|c| c.map(|a| a as u32))
                    .collect();
                if seeds.is_empty() {
                    return Err(refused(format!(
                        "none of the {} points that free space is looked for from lies in the open inside the mesh's bounds",
                        points.len()
                    )));
                }
                if seeds.len() < points.len() {
                    world.notes.push(format!(
                        "{} of {} points that free space is looked for from lie in a solid or outside",
                        points.len() - seeds.len(),
                        points.len()
                    ));
                }
                world.flood(&seeds);
            }
        }
        Ok(world)
    }

    /// A world of a mesh file; see [`World::from_triangles`].
    ///
    /// # Errors
    /// [`WorldError::File`] of [`Mesh::load`], [`WorldError::Mesh`].
    pub fn from_mesh(path: &std::path::Path, options: &MeshOptions) -> Result<Self, WorldError> {
        let mesh = Mesh::load(path)?;
        let mut world = Self::from_triangles(&mesh.triangles, options)?;
        world.notes.splice(0..0, mesh.notes);
        Ok(world)
    }
}
