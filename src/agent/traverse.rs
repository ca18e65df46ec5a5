//! Where agents can walk: columns of the world, their support, clearance, and shortest paths over them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rayon::prelude::*;

use super::options::Body;
use super::terrain::AROUND;
use super::walk::stride;
use crate::world::{Voxel, World};

/// What a column of voxels is to a walking agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Nothing tells whether there is a floor.
    Unknown,
    /// A floor with room for the agent over it, reachable in steps from the floor's level.
    Walkable,
    /// Something solid stands in the way.
    Blocked,
    /// Seen to have no floor: free space down through the floor's level.
    Open,
}

/// The navigation grid, one cell a column, at `x + nx * z`.
#[derive(Clone, Debug)]
pub struct Nav {
    /// Columns along x.
    pub nx: usize,
    /// Columns along z.
    pub nz: usize,
    /// What each column is.
    pub kind: Vec<Column>,
    /// Height of the floor in the column, or in the nearest walkable one; NaN further than an agent's height away.
    pub height: Vec<f32>,
    /// Distance to the nearest blocked or open column, from edge to centre, to the grid's end, or within the body's radius
    /// to a column with something solid between the highest step and the head of a body that stands here.
    pub clearance: Vec<f32>,
    /// Edge of a column.
    pub voxel: f64,
}

/// Exact squared distance in cells to the nearest marked cell (Felzenszwalb and Huttenlocher 2012).
fn squared_distances(marked: &[bool], nx: usize, nz: usize) -> Vec<f64> {
    const FAR: f64 = 1e12;
    fn line(f: &[f64]) -> Vec<f64> {
        let n = f.len();
        let (mut hull, mut bounds) = (vec![0usize; n], vec![0.0; n + 1]);
        let mut k = 0;
        (bounds[0], bounds[1]) = (f64::NEG_INFINITY, f64::INFINITY);
        for q in 1..n {
            loop {
                let p = hull[k];
                let s = (f[q] + (q * q) as f64 - f[p] - (p * p) as f64) / (2.0 * (q - p) as f64);
                if s <= bounds[k] && k > 0 {
                    k -= 1;
                } else {
                    k += 1;
                    (hull[k], bounds[k], bounds[k + 1]) = (q, s, f64::INFINITY);
                    break;
                }
            }
        }
        let mut k = 0;
        (0..n)
            .map(|q| {
                while bounds[k + 1] < q as f64 {
                    k += 1;
                }
                (q as f64 - hull[k] as f64).powi(2) + f[hull[k]]
            })
            .collect()
    }
    let mut d: Vec<f64> = marked.iter().map(|&m| if m { 0.0 } else { FAR }).collect();
    for row in d.chunks_mut(nx) {
        row.copy_from_slice(&line(row));
    }
    for x in 0..nx {
        let column: Vec<f64> = (0..nz).map(|z| d[x + nx * z]).collect();
        for (z, v) in line(&column).into_iter().enumerate() {
            d[x + nx * z] = v;
        }
    }
    d
}

impl Nav {
    /// Reads the columns of a world for a body.
    pub fn new(world: &World, body: &Body) -> Self {
        let [nx, ny, nz] = world.dims.map(|n| n as usize);
        let voxel = f64::from(world.voxel);
        let rows = |length: f64| (length / voxel).ceil() as i64;
        let top_of = |y: i64| world.origin[1] + (y + 1) as f32 * world.voxel;
        // Supports of each column: solid with room for the body over it.
        let tall = rows(body.height - 1e-6);
        let mut supports: Vec<Vec<i64>> = vec![Vec::new(); nx * nz];
        let mut solids: Vec<Vec<[i64; 2]>> = vec![Vec::new(); nx * nz];
        for z in 0..nz as i64 {
            for x in 0..nx as i64 {
                let mut ceiling = i64::MAX;
                for y in (0..ny as i64).rev() {
                    match world.at([x, y, z]) {
                        Voxel::Solid => {
                            let above = world.at([x, y + 1, z]) != Voxel::Solid;
                            let at = x as usize + nx * z as usize;
                            if above && ceiling.saturating_sub(y + 1) >= tall {
                                supports[at].push(y);
                            }
                            match solids[at].last_mut().filter(|_| !above) {
                                Some(run) => run[0] = y,
                                None => solids[at].push([y, y]),
                            }
                            ceiling = y;
                        }
                        Voxel::Free | Voxel::Unknown => {}
                    }
                }
            }
        }
        let mut support = vec![None; nx * nz];
        let mut open = VecDeque::new();
        let near = body.climb.max(2.5 * voxel) as f32;
        for (i, found) in supports.iter().enumerate() {
            let best = found
                .iter()
                .copied()
                .min_by(|&a, &b| {
                    let off = |y: i64| (top_of(y) - world.floor).abs();
                    off(a).total_cmp(&off(b))
                })
                .filter(|&y| (top_of(y) - world.floor).abs() <= near);
            if let Some(y) = best {
                support[i] = Some(y);
                open.push_back(i);
            }
        }
        // Stairs and slopes: grow from the floor's level in steps that the agent can climb.
        let climb = (body.climb / voxel + 1e-6).floor() as i64;
        while let Some(i) = open.pop_front() {
            let Some(from) = support[i] else { continue };
            for j in neighbours4(i, nx, nz) {
                if support[j].is_none()
                    && let Some(&y) = supports[j].iter().min_by_key(|&&y| (y - from).abs())
                    && (y - from).abs() <= climb
                {
                    support[j] = Some(y);
                    open.push_back(j);
                }
            }
        }
        let mut nav = Self {
            nx,
            nz,
            kind: vec![Column::Unknown; nx * nz],
            height: vec![f32::NAN; nx * nz],
            clearance: Vec::new(),
            voxel,
        };
        let mut open = VecDeque::new();
        for (i, &y) in support.iter().enumerate() {
            if let Some(y) = y {
                nav.kind[i] = Column::Walkable;
                nav.height[i] = top_of(y);
                open.push_back((i, 0i64));
            }
        }
        // Other columns are judged against the nearest floor around them.
        let reach = rows(body.height) * 2;
        while let Some((i, steps)) = open.pop_front() {
            for j in neighbours4(i, nx, nz) {
                if nav.height[j].is_nan() && steps < reach {
                    nav.height[j] = nav.height[i];
                    open.push_back((j, steps + 1));
                }
            }
        }
        for (i, found) in support.iter().enumerate() {
            if found.is_none() && nav.height[i].is_finite() {
                nav.kind[i] = judge(world, [i % nx, i / nx], nav.height[i], body, climb);
            }
        }
        nav.close_hollows();
        nav.drop_steep(body);
        let shut: Vec<bool> = nav
            .kind
            .iter()
            .map(|k| matches!(k, Column::Blocked | Column::Open))
            .collect();
        let far = squared_distances(&shut, nx, nz).into_iter().enumerate();
        // The world ends with the grid, from the middle of a column to its edge.
        let clearance = far.map(|(i, d)| {
            let (x, z) = (i % nx, i / nx);
            let end = x.min(nx - 1 - x).min(z).min(nz - 1 - z) as f64 + 0.5;
            ((d.sqrt() - 0.5).max(0.0).min(end) * voxel) as f32
        });
        nav.clearance = clearance.collect();
        nav.crowd(&support, &solids, body);
        nav
    }

    /// Whatever is solid between the highest step and the head of a body is in its way, also where it is floor of another
    /// height, such as a ramp's side, or hangs there. Looked at is what the walk sweeps (`kernels/agent/walk.wgsl`).
    /// `solids` are each column's runs of solid voxels, both ends among them.
    fn crowd(&mut self, support: &[Option<i64>], solids: &[Vec<[i64; 2]>], body: &Body) {
        let (nx, nz, voxel) = (self.nx as i64, self.nz as i64, self.voxel);
        let (radius, climb) = (body.radius / voxel, body.climb / voxel);
        let (foot, head) = (climb + 0.5, (body.height / voxel - 1.0).max(climb + 1.0));
        // The body as it is swept, and by how much its straight steps leave the middles of columns.
        let astray = if stride(body, voxel) > 1 { 0.5 } else { 0.1 };
        let round = (radius - 0.5).max(0.25).min(0.5 * (head - foot)) + astray;
        let stands: Vec<(usize, i64)> = support
            .iter()
            .enumerate()
            .filter(|&(i, _)| self.standable(i, body))
            .filter_map(|(i, support)| Some((i, (*support)?)))
            .collect();
        if stands.is_empty() {
            return;
        }
        let reach = ((round + 0.5).ceil() as i64).min(nx.max(nz));
        let mut around = Vec::new();
        for dz in -reach..=reach {
            for dx in -reach..=reach {
                let edge = |d: i64| (d.abs() as f64 - 0.5).max(0.0);
                let off = edge(dx).hypot(edge(dz));
                if off < round {
                    let rise = round - (round * round - off * off).sqrt();
                    around.push((off, [dx, dz], [foot + rise, head - rise]));
                }
            }
        }
        around.sort_by(|a, b| a.0.total_cmp(&b.0));
        let nearest = |&(i, y): &(usize, i64)| {
            let (x, z, floor) = (i as i64 % nx, i as i64 / nx, (y + 1) as f64);
            let met = around.iter().find(|(_, [dx, dz], [low, high])| {
                let (qx, qz) = (x + dx, z + dz);
                let inside = qx >= 0 && qz >= 0 && qx < nx && qz < nz;
                let runs = || solids[(qx + nx * qz) as usize].iter();
                let meets = |&[bottom, top]: &[i64; 2]| {
                    (top + 1) as f64 > floor + low && (bottom as f64) < floor + high
                };
                inside && runs().any(meets)
            });
            met.map(|(off, _, _)| (i, *off))
        };
        let met: Vec<(usize, f64)> = stands.par_iter().filter_map(nearest).collect();
        for (i, off) in met {
            // Less than the radius by rounding at least, so that no body stands there.
            let clear = (off * voxel).min(0.999 * body.radius);
            self.clearance[i] = self.clearance[i].min(clear as f32);
        }
    }

    /// Columns without a floor that lie in what is blocked all around are the inside of it: a building that stands on no
    /// ground of its own.
    fn close_hollows(&mut self) {
        let (nx, nz) = (self.nx, self.nz);
        let hollow = |k: Column| matches!(k, Column::Open | Column::Unknown);
        let mut seen = vec![false; self.kind.len()];
        for start in 0..self.kind.len() {
            if seen[start] || self.kind[start] != Column::Open {
                continue;
            }
            seen[start] = true;
            let (mut region, mut at, mut closed) = (vec![start], 0, true);
            while let Some(&i) = region.get(at) {
                at += 1;
                let (x, z) = (i % nx, i / nx);
                closed &= x > 0 && z > 0 && x + 1 < nx && z + 1 < nz;
                for j in neighbours4(i, nx, nz) {
                    closed &= self.kind[j] != Column::Walkable;
                    if hollow(self.kind[j]) && !std::mem::replace(&mut seen[j], true) {
                        region.push(j);
                    }
                }
            }
            for i in region.into_iter().filter(|_| closed) {
                if self.kind[i] == Column::Open {
                    self.kind[i] = Column::Blocked;
                }
            }
        }
    }

    /// Walkable columns whose surroundings rise over a step and over the slope limit are blocked.
    fn drop_steep(&mut self, body: &Body) {
        let k = ((body.radius / self.voxel).round() as usize).max(1);
        let (nx, nz) = (self.nx, self.nz);
        let mut steep = Vec::new();
        for z in k..nz.saturating_sub(k) {
            for x in k..nx.saturating_sub(k) {
                let i = x + nx * z;
                let ends = [(i - k, i + k), (i - k * nx, i + k * nx)];
                let too_steep = ends.into_iter().any(|(a, b)| {
                    let walkable = [a, i, b].iter().all(|&c| self.kind[c] == Column::Walkable);
                    let rise = f64::from((self.height[b] - self.height[a]).abs());
                    walkable && rise > body.climb && rise > 2.0 * k as f64 * self.voxel * body.slope
                });
                if too_steep {
                    steep.push(i);
                }
            }
        }
        for i in steep {
            self.kind[i] = Column::Blocked;
        }
    }

    /// Column of a world position, when inside.
    pub fn cell_of(&self, world: &World, x: f64, z: f64) -> Option<usize> {
        let [cx, _, cz] = world.voxel_of([x, 0.0, z]);
        let inside = cx >= 0 && cz >= 0 && (cx as usize) < self.nx && (cz as usize) < self.nz;
        inside.then(|| cx as usize + self.nx * cz as usize)
    }

    /// Centre of a column on the floor.
    pub fn place(&self, world: &World, i: usize) -> [f64; 3] {
        let c = world.centre([(i % self.nx) as i64, 0, (i / self.nx) as i64]);
        [c[0], f64::from(self.height[i]), c[2]]
    }

    /// Whether an agent's centre may stand there: walkable, with the clearance of its radius from what was observed.
    pub fn standable(&self, i: usize, body: &Body) -> bool {
        self.kind[i] == Column::Walkable && f64::from(self.clearance[i]) >= body.radius
    }

    /// Component of each column where `member`, numbered from 0 in the order of the columns; `None` elsewhere.
    /// Walkable neighbours connect within a step.
    pub fn components(&self, body: &Body, member: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
        let mut label = vec![None; self.kind.len()];
        let mut count = 0;
        for start in 0..label.len() {
            if label[start].is_some() || !member(start) {
                continue;
            }
            label[start] = Some(count);
            let mut open = vec![start];
            while let Some(i) = open.pop() {
                for j in neighbours4(i, self.nx, self.nz) {
                    if label[j].is_none() && member(j) && self.passable(i, j, body) {
                        label[j] = Some(count);
                        open.push(j);
                    }
                }
            }
            count += 1;
        }
        label
    }

    fn passable(&self, i: usize, j: usize, body: &Body) -> bool {
        let both = self.kind[i] == Column::Walkable && self.kind[j] == Column::Walkable;
        let rise = f64::from((self.height[i] - self.height[j]).abs());
        !both || rise <= body.climb + 1e-6
    }

    /// Shortest distances from a column over those where `member`, eight neighbours; infinite where no way leads.
    pub fn shortest(&self, from: usize, body: &Body, member: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut best = vec![f64::INFINITY; self.kind.len()];
        let mut open = BinaryHeap::new();
        best[from] = 0.0;
        // Non-negative floats order as their bits do.
        open.push(Reverse((0u64, from)));
        while let Some(Reverse((bits, i))) = open.pop() {
            let so_far = f64::from_bits(bits);
            if so_far > best[i] {
                continue;
            }
            let (x, z) = ((i % self.nx) as i64, (i / self.nx) as i64);
            for [dx, dz] in AROUND {
                let (qx, qz) = (x + dx, z + dz);
                if qx < 0 || qz < 0 || qx >= self.nx as i64 || qz >= self.nz as i64 {
                    continue;
                }
                let j = qx as usize + self.nx * qz as usize;
                if !member(j) || !self.passable(i, j, body) {
                    continue;
                }
                let (a, b) = (
                    qx as usize + self.nx * z as usize,
                    x as usize + self.nx * qz as usize,
                );
                if dx != 0 && dz != 0 && !(member(a) && member(b)) {
                    continue;
                }
                let length = so_far + self.voxel * ((dx * dx + dz * dz) as f64).sqrt();
                if length < best[j] {
                    best[j] = length;
                    open.push(Reverse((length.to_bits(), j)));
                }
            }
        }
        best
    }
}

/// Columns left, right, before and behind.
pub fn neighbours4(i: usize, nx: usize, nz: usize) -> impl Iterator<Item = usize> {
    let (x, z) = (i % nx, i / nx);
    [
        (x > 0).then(|| i - 1),
        (x + 1 < nx).then(|| i + 1),
        (z > 0).then(|| i - nx),
        (z + 1 < nz).then(|| i + nx),
    ]
    .into_iter()
    .flatten()
}

/// A column without support, against the floor's height around it.
fn judge(world: &World, [x, z]: [usize; 2], height: f32, body: &Body, climb: i64) -> Column {
    let (x, z) = (x as i64, z as i64);
    let floor = ((height - world.origin[1]) / world.voxel).round() as i64;
    let tall = (body.height / f64::from(world.voxel)).ceil() as i64;
    // A solid within the body's span, or a floor that leaves no room for it.
    let solid = (floor - 1..floor + tall).any(|y| world.at([x, y, z]) == Voxel::Solid);
    if solid {
        return Column::Blocked;
    }
    // Two rows below the floor's top are solid wherever a floor was seen.
    let gone = (floor - 2..floor + climb).all(|y| world.at([x, y, z]) == Voxel::Free);
    if gone { Column::Open } else { Column::Unknown }
}
