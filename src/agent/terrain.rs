//! Where agents are led: the floor that their middle may stand on, and what it costs from each column to each goal.

use rayon::prelude::*;

use super::options::Body;
use super::traverse::{Column, Nav};
use crate::world::World;

/// Height of columns where an agent's middle may not stand.
pub const NO_FLOOR: f32 = -3.0e38;
/// Cost where no way leads to the goal.
pub const NO_WAY: f32 = 3.0e38;

/// Neighbours of a column in the order in which equally good ones are taken, straight ones first.
pub const AROUND: [[i64; 2]; 8] = [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
    [1, 1],
    [1, -1],
    [-1, 1],
    [-1, -1],
];

/// Fields over the columns of a navigation grid, as kernels read them.
#[derive(Clone, Debug)]
pub struct Terrain {
    /// Columns along x and z.
    pub size: [usize; 2],
    /// Height of the floor where an agent's middle may stand, [`NO_FLOOR`] elsewhere.
    pub heights: Vec<f32>,
    /// Length of the shortest way from each column to each goal, [`NO_WAY`] where there is none.
    pub costs: Vec<Vec<f32>>,
    /// As `costs`, over all that could be floor, seen or not: no way can be shorter.
    pub bounds: Vec<Vec<f32>>,
}

/// Fields as one slice: heights, then costs to one goal after the other.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// Columns along x and z.
    pub size: [usize; 2],
    /// The slice.
    pub all: &'a [f32],
    /// Highest step.
    pub climb: f32,
    /// Edge of a column.
    pub voxel: f32,
}

impl Fields<'_> {
    /// Height of the floor in a column.
    pub fn height(&self, at: usize) -> f32 {
        self.all[at]
    }

    /// From a column to a goal.
    pub fn cost(&self, goal: usize, at: usize) -> f32 {
        self.all[(goal + 1) * self.size[0] * self.size[1] + at]
    }

    /// The neighbour by which the way from a column to a goal is the shortest; none where none is nearer to it.
    pub fn downhill(&self, goal: usize, at: usize) -> Option<usize> {
        let [nx, nz] = self.size.map(|n| n as i64);
        let (x, z) = (at as i64 % nx, at as i64 / nx);
        let (own, floor) = (self.cost(goal, at), self.height(at));
        let diagonal = self.voxel * std::f32::consts::SQRT_2;
        let mut best = (NO_WAY, None);
        for (k, [dx, dz]) in AROUND.into_iter().enumerate() {
            let (qx, qz) = (x + dx, z + dz);
            if qx < 0 || qz < 0 || qx >= nx || qz >= nz {
                continue;
            }
            let index = |x: i64, z: i64| (x + nx * z) as usize;
            let j = index(qx, qz);
            let cost = self.cost(goal, j);
            let rise = (self.height(j) - floor).abs();
            if cost >= own || (floor > NO_FLOOR && rise > self.climb + 0.01 * self.voxel) {
                continue;
            }
            let beside = [index(qx, z), index(x, qz)];
            if k > 3 && beside.iter().any(|&i| self.height(i) <= NO_FLOOR) {
                continue;
            }
            let whole = cost + if k > 3 { diagonal } else { self.voxel };
            if whole < best.0 {
                best = (whole, Some(j));
            }
        }
        best.1
    }
}

impl Terrain {
    /// For a body and goals, which are columns.
    pub fn new(nav: &Nav, body: &Body, goals: &[usize]) -> Self {
        let standable = |i: usize| nav.standable(i, body);
        let loose = |i: usize| matches!(nav.kind[i], Column::Walkable | Column::Unknown);
        let narrow = |all: Vec<f64>| -> Vec<f32> {
            let all = all.into_iter();
            all.map(|c| if c.is_finite() { c as f32 } else { NO_WAY })
                .collect()
        };
        let both: Vec<[Vec<f32>; 2]> = goals
            .par_iter()
            .map(|&goal| {
                [
                    narrow(nav.shortest(goal, body, standable)),
                    narrow(nav.shortest(goal, body, loose)),
                ]
            })
            .collect();
        let (costs, bounds) = both.into_iter().map(|[c, b]| (c, b)).unzip();
        let height = |i: usize| {
            if standable(i) {
                nav.height[i]
            } else {
                NO_FLOOR
            }
        };
        Self {
            size: [nav.nx, nav.nz],
            heights: (0..nav.kind.len()).map(height).collect(),
            costs,
            bounds,
        }
    }

    /// The columns by which agents are led from a column to a goal, both among them; none where no way leads there.
    pub fn path(&self, nav: &Nav, body: &Body, from: usize, goal: usize) -> Option<Vec<usize>> {
        let all = [&self.heights[..], &self.costs[goal]].concat();
        let fields = Fields {
            size: self.size,
            all: &all,
            climb: body.climb as f32,
            voxel: nav.voxel as f32,
        };
        let mut path = vec![from];
        let mut at = from;
        // Costs fall from column to column, so this ends.
        while fields.cost(0, at) > 0.0 {
            at = fields.downhill(0, at)?;
            path.push(at);
        }
        Some(path)
    }

    /// A path of columns as places on the floor, with no more corners than it takes.
    pub fn line(world: &World, nav: &Nav, path: &[usize]) -> Vec<[f64; 3]> {
        let turns = |w: &[usize]| w[1].wrapping_sub(w[0]) != w[2].wrapping_sub(w[1]);
        let level = |w: &[usize]| nav.height[w[0]] == nav.height[w[1]];
        let corners = path
            .windows(3)
            .filter(|w| turns(w) || level(&w[..2]) != level(&w[1..]))
            .map(|w| w[1]);
        let first = path.first().copied();
        let last = path.last().copied().filter(|_| path.len() > 1);
        let kept = first.into_iter().chain(corners).chain(last);
        kept.map(|i| nav.place(world, i)).collect()
    }
}
