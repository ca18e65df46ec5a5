//! Triangles to voxels: solid where a triangle passes, free where told.

use rayon::prelude::*;

use super::parted::{Parted, corners, normal};
use super::{Mesh, Triangle, floor, rooms};
use crate::camera::LengthUnit;
use crate::world::bricks::{Bricks, EDGE, MOST};
use crate::world::{Voxel, World, WorldError, too_coarse};

/// Voxels around the mesh.
const MARGIN: f64 = 2.0;
/// Voxels over what an agent needs over the mesh.
const OVER: f64 = 3.0;
/// Share of an agent's height that is free over all of the mesh, so that its highest parts are seen to end.
const CLEAR: f64 = 0.15;
/// Voxels that triangles are looked for in at a time, about.
const BATCH: f64 = 8e6;
/// Where the floor lies in its voxel, from below: just under the voxel's top.
const UNDER_TOP: f64 = 0.999;

/// What becomes of voxels that no triangle passes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Inside {
    /// All are free.
    #[default]
    Free,
    /// Solid inside of walls and things, free elsewhere: what is closed in and no room that agents can be in is matter.
    Rooms,
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
    /// Voxels at most, of 64 to 2^31; they become larger where there would be more.
    pub max_voxels: u64,
    /// What becomes of voxels that no triangle passes.
    pub inside: Inside,
    /// Height of the floor; where none is given it is looked for.
    pub floor: Option<f32>,
    /// What must be clear over a floor that is looked for.
    pub headroom: f32,
    /// Radius of what must have room somewhere in what the mesh closes in, or that is no room.
    pub radius: f32,
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
            radius: 0.3,
            unit: LengthUnit::Metres,
        }
    }
}

fn refused(reason: impl Into<String>) -> WorldError {
    WorldError::Mesh {
        reason: reason.into(),
    }
}

/// A grid over a mesh.
struct Frame {
    origin: [f64; 3],
    voxel: f64,
    dims: [u32; 3],
}

/// Voxels of the brick whose first voxel is `at` that a range, first and last of each axis, holds.
fn within([first, last]: [[u32; 3]; 2], at: [u32; 3]) -> u64 {
    let part = |a: usize| {
        let (from, to) = (
            first[a].saturating_sub(at[a]),
            last[a].saturating_sub(at[a]),
        );
        (from..=to.min(EDGE - 1)).fold(0u64, |m, i| m | 1 << i)
    };
    let (x, y, z) = (part(0), part(1), part(2));
    let plane = (0..EDGE)
        .filter(|i| y >> i & 1 == 1)
        .fold(0, |m, i| m | x << (EDGE * i));
    let planes = (0..EDGE).filter(|i| z >> i & 1 == 1);
    planes.fold(0, |m, i| m | plane << (EDGE * EDGE * i))
}

impl Frame {
    /// Voxels of `edge`^3 ones at `at` that the triangle meets and `range` holds, by halves of halves: bricks, and voxels of
    /// each that are not solid yet.
    fn mark(
        &self,
        (parted, range): (&Parted, [[u32; 3]; 2]),
        at: [u32; 3],
        edge: u32,
        bricks: &Bricks,
        found: &mut Vec<(usize, u64)>,
    ) {
        if (0..3)
            .any(|a| at[a] >= self.dims[a] || at[a] > range[1][a] || at[a] + edge <= range[0][a])
        {
            return;
        }
        let middle = |at: [u32; 3], half: f64| -> [f64; 3] {
            std::array::from_fn(|a| self.origin[a] + f64::from(at[a]) * self.voxel + half)
        };
        let half = 0.5 * f64::from(edge) * self.voxel;
        if edge == EDGE {
            let brick = at.map(|a| a / EDGE);
            let open = bricks.open_of(brick) & within(range, at);
            if open == 0 || !parted.meets(middle(at, half), half) {
                return;
            }
            let half = 0.5 * self.voxel;
            let meets = |i: &u32| {
                let p = [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE];
                parted.meets(middle(std::array::from_fn(|a| at[a] + p[a]), half), half)
            };
            let bits = (0..u64::BITS).filter(|i| open >> i & 1 == 1).filter(meets);
            let mask = bits.fold(0, |mask, i| mask | 1u64 << i);
            if mask != 0 {
                found.push((bricks.number(brick), mask));
            }
            return;
        }
        if !parted.meets(middle(at, half), half) {
            return;
        }
        let part = edge / EDGE;
        for i in 0..EDGE.pow(3) {
            let step = [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE];
            let at = std::array::from_fn(|a| at[a] + part * step[a]);
            self.mark((parted, range), at, part, bricks, found);
        }
    }

    /// Voxels that a triangle meets and that are not solid yet.
    fn voxels_of(&self, t: &Triangle, bricks: &Bricks) -> Vec<(usize, u64)> {
        let parted = Parted::new(corners(t));
        let place = |a: usize, end: usize, by: f64| {
            ((parted.range(a)[end] - self.origin[a]) / self.voxel + by).max(0.0) as u32
        };
        let first: [u32; 3] = std::array::from_fn(|a| place(a, 0, -1e-9));
        let last: [u32; 3] = std::array::from_fn(|a| place(a, 1, 1e-9));
        // Small triangles need no large cubes.
        let size = (0..3).map(|a| last[a] - first[a] + 1).max().unwrap_or(1);
        let edge = match size {
            0..17 => EDGE,
            17..65 => EDGE.pow(2),
            _ => EDGE.pow(3),
        };
        let mut found = Vec::new();
        let range = |a: usize| (first[a] / edge..=last[a] / edge).map(move |i| i * edge);
        for z in range(2) {
            for y in range(1) {
                for x in range(0) {
                    let within = (&parted, [first, last]);
                    self.mark(within, [x, y, z], edge, bricks, &mut found);
                }
            }
        }
        found
    }

    /// About how many voxels a triangle meets.
    fn estimate(&self, t: &Triangle) -> f64 {
        let n = normal(corners(t)).map(f64::abs);
        // As it lies on the three planes of the axes.
        n.iter().sum::<f64>() * 0.5 / (self.voxel * self.voxel) + 8.0
    }

    /// Turns what triangles meet solid.
    fn cover(&self, bricks: &mut Bricks, mut triangles: &[Triangle]) {
        while !triangles.is_empty() {
            let mut sum = 0.0;
            let n = triangles.iter().take_while(|t| {
                let fits = sum < BATCH;
                sum += self.estimate(t);
                fits
            });
            let (part, rest) = triangles.split_at(n.count().max(1));
            let held = &*bricks;
            let found: Vec<Vec<(usize, u64)>> =
                part.par_iter().map(|t| self.voxels_of(t, held)).collect();
            for voxels in &found {
                bricks.solidify(voxels);
            }
            triangles = rest;
        }
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
        // What is kept over the mesh comes with the floor.
        let size = |voxel: f64, over: f64| {
            let highs = [0.0, over, 0.0];
            [0, 1, 2].map(|a| {
                let [low, high] = bounds[a];
                ((high + highs[a] - low) / voxel + 2.0 * MARGIN + 1.0).ceil()
            })
        };
        let coarser = |mut voxel: f64, over: &dyn Fn(f64) -> f64| {
            let count = |voxel: f64| size(voxel, over(voxel)).iter().product::<f64>();
            while count(voxel) > most {
                voxel *= 1.02_f64.max((count(voxel) / most).cbrt() * 0.99);
            }
            voxel
        };
        let headroom = f64::from(options.headroom);
        let voxel = coarser(asked, &|_| 0.0);
        let found = match options.floor {
            Some(floor) if floor.is_finite() => None,
            Some(floor) => return Err(refused(format!("a floor at {floor}; it must be a number"))),
            None => floor::find(&kept, voxel, bounds, headroom),
        };
        let floor = options
            .floor
            .map(f64::from)
            .or(found.map(|found| found.height));
        let height = floor.unwrap_or(bounds[1][0]);
        let over = (height + headroom - bounds[1][1]).max(CLEAR * headroom);
        let over = |voxel: f64| over + OVER * voxel;
        let voxel = coarser(voxel, &over);
        if voxel > asked {
            let [x, y, z] = size(asked, over(asked));
            notes.push(format!(
                "{x} x {y} x {z} voxels were asked for: they are {voxel:.3} wide instead of {asked:.3}, to stay within {most:.0} of them"
            ));
        }
        match found {
            Some(floor::Found { low: None, .. }) => notes.push(format!(
                "the floor is the mesh's lowest level surface that an agent has room on, at y = {height:.2}"
            )),
            Some(floor::Found { low: Some(low), .. }) => notes.push(format!(
                "an agent {headroom:.2} high has no room anywhere in the mesh: the floor at y = {height:.2} has {low:.2} over it at most"
            )),
            None if floor.is_none() => notes
                .push("no level surface was found: the floor is the lowest of the mesh".to_owned()),
            None => {}
        }
        // Odd shares of a voxel, so that surfaces at round numbers lie within voxels and not between two.
        let mut origin = [0, 1, 2].map(|a: usize| bounds[a][0] - (MARGIN + 0.37) * voxel);
        let below = ((height - origin[1]) / voxel).ceil();
        origin[1] = height - (below - 1.0 + UNDER_TOP) * voxel;
        let farthest = [0, 1, 2].map(|a| bounds[a][0].abs().max(bounds[a][1].abs()));
        let farthest = farthest.into_iter().fold(0.0, f64::max) as f32;
        if let Some(step) = too_coarse(farthest, voxel as f32) {
            return Err(refused(format!(
                "the mesh reaches {farthest} from the origin, where numbers of 32 bits are {step} apart: too coarse for voxels of {voxel:.3}; move it to the origin"
            )));
        }
        let origin = origin.map(|x| x as f32);
        let frame = Frame {
            origin: origin.map(f64::from),
            voxel: f64::from(voxel as f32),
            dims: size(voxel, over(voxel)).map(|n| n as u32),
        };
        let mut bricks = Bricks::new(frame.dims);
        if matches!(options.inside, Inside::Free | Inside::Rooms) {
            bricks.fill_all(Voxel::Free);
        }
        frame.cover(&mut bricks, &kept);
        let mut world = World {
            floor: height as f32,
            floor_found: floor.is_some(),
            unit: options.unit,
            notes,
            ..World::of(origin, voxel as f32, bricks)
        };
        match &options.inside {
            Inside::Free => {}
            Inside::Rooms => rooms::fill(&mut world, &kept, options),
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
