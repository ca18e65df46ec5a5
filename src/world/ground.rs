//! The ground as the cameras saw it: every ray that meets the floor's plane, held against what was seen along it.
//!
//! A pit that is seen at a grazing angle lies in the depth by a few percent only, less than an agent's step, but many times
//! the floor's own noise: so it is told by its contrast to the floor about it over many views. For each cell of the plane
//! y = 0 and each view: the logarithm of the depth seen over the depth of the plane; 0 on a floor, below 0 before what
//! stands on it, above 0 where the ray goes on under it. Its noise does not grow with distance.

use rayon::prelude::*;

use super::DepthView;
use crate::camera::Intrinsics;
use crate::numeric::median;

/// How finely and how far the plane is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Edge of a cell, in camera heights.
    pub cell: f64,
    /// How far from a camera, in camera heights.
    pub reach: f64,
    /// Half a side of the window over which the floor's own level is taken, in cells, and its stride.
    pub window: (i64, usize),
}

/// For pits near enough to be seen in depth.
pub const NEAR: Scale = Scale {
    cell: 0.05,
    reach: 6.0,
    window: (21, 3),
};
/// For the end of the floor: far off a pixel covers much of it.
pub const FAR: Scale = Scale {
    cell: 0.25,
    reach: 16.0,
    window: (6, 1),
};
/// Least slope under the horizon of a ray that is held against the plane.
const LEAST_SLOPE: f64 = 0.06;
/// Most that the logarithm says; the sky says so.
const MOST: f32 = 3.0;
/// Views that a cell needs.
const LEAST_VIEWS: usize = 3;
/// Logarithms within it may be floor.
pub(crate) const FLOOR: f32 = 0.12;
/// The noise is never taken for less.
const LEAST_SIGMA: f32 = 0.004;
/// Nor is that of what pictures say of what lies under the floor, in the unit of `refine`'s textures.
const LEAST_UNDER: f32 = 0.02;
/// Fewest cells of floor whose pictures tell, from which on the others are counted.
const LEAST_KNOWN: usize = 50;
/// Views that show what moves by itself before a cell, from which on the pictures tell nothing of it and of what lies so many camera heights
/// about it: a shadow that moves along with who casts it matches what lies under the floor.
const MOST_MOVED: u16 = 2;
const SHADOW: f64 = 0.5;
/// Deeper than so many sigmas of the noise, and than this in any case, is under the floor.
const DEEP_SIGMAS: f32 = 4.0;
const DEEP: f32 = 0.02;
/// A logarithm from which on nothing was seen at all.
pub const VOID: f32 = 1.2;

/// What a cell of the plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Too few views meet it.
    Unknown,
    /// Floor, at its own level.
    Floor,
    /// Seen to go on under the floor.
    Deep,
    /// Seen to have nothing at all.
    Void,
    /// Something stands before it.
    Hidden,
}

/// The ground, a grid of cells on y = 0.
#[derive(Clone, Debug)]
pub struct Ground {
    /// x and z of the corner with the smallest coordinates.
    pub origin: [f64; 2],
    /// Edge of a cell.
    pub cell: f64,
    /// Cells along x and z; cell (x, z) is at `x + size[0] * z`.
    pub size: [usize; 2],
    /// What each cell is.
    pub sight: Vec<Sight>,
    /// Median over the views of the logarithm less the level of the floor about it; NaN where unknown.
    pub excess: Vec<f32>,
    /// The same of held-out views alone; NaN where none meets the cell.
    pub held_out: Vec<f32>,
    /// The level of the floor about it: the logarithm that the excess is counted from.
    pub level: Vec<f32>,
    /// Height of what was seen, where it is floor; NaN elsewhere.
    pub height: Vec<f32>,
    /// Standard error of the excess from how much views differ.
    pub error: Vec<f32>,
    /// By how many sigmas more than elsewhere on the floor, and about it, the pictures match something under it better than the floor, the median
    /// over views; NaN where fewer than three tell.
    pub under: Vec<f32>,
    /// Views whose pictures tell what lies under each cell.
    pub telling: Vec<u16>,
    /// Views that meet each cell.
    pub views: Vec<u16>,
    /// Noise of the floor's logarithm, one sigma.
    pub sigma: f32,
    /// Median height of the cameras.
    pub camera_height: f64,
}

/// One view's logarithm of a cell.
struct Look {
    cell: u32,
    log: f32,
    height: f32,
    /// Median of [`DepthView::under`]; NaN where nothing tells.
    under: f32,
    held_out: bool,
}

impl DepthView {
    /// Where a pixel's ray meets the plane y = 0, from the camera along x and z in the world's unit, and the logarithm of the depth seen over the
    /// plane's. `k` are the view's own intrinsics. `None` of rays that come near the horizon or over it, of cameras under the plane, of pixels
    /// without depth, and of what moves: who walks, and his mirror image under the floor, tell nothing of the ground.
    pub(crate) fn meets_floor(&self, k: &Intrinsics, x: u32, y: u32) -> Option<([f64; 2], f32)> {
        let index = (y * self.width + x) as usize;
        let d = self.depth[index];
        if !(d > 0.0) || self.alpha[index] <= 0.5 || self.moves(index) {
            return None;
        }
        let (at, plane) = self.plane_at(k, x, y)?;
        let log = ((f64::from(d) / plane).ln() as f32).clamp(-MOST, MOST);
        Some((at, log))
    }

    /// Where a pixel's ray meets the plane y = 0, from the camera along x and z, and the plane's depth there, whatever was seen.
    fn plane_at(&self, k: &Intrinsics, x: u32, y: u32) -> Option<([f64; 2], f64)> {
        let pose = &self.camera.pose;
        let ray = pose.rotation * k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
        if !(pose.position.y > 0.0) || ray.y > -LEAST_SLOPE * ray.length() {
            return None;
        }
        let plane = -pose.position.y / ray.y;
        Some(([plane * ray.x, plane * ray.z], plane))
    }
}

impl Ground {
    /// Looks at the plane y = 0 in all views, which are in the world's frame; `None` where no camera is over it.
    pub fn of(views: &[DepthView], scale: Scale) -> Option<Self> {
        Self::of_some(&views.iter().collect::<Vec<_>>(), scale)
    }

    /// As [`Ground::of`], of some views.
    pub fn of_some(views: &[&DepthView], scale: Scale) -> Option<Self> {
        let mut heights: Vec<f64> = views
            .iter()
            .map(|v| v.camera.pose.position.y)
            .filter(|y| *y > 0.0)
            .collect();
        let camera_height = median(&mut heights)?;
        let (cell, reach) = (scale.cell * camera_height, scale.reach * camera_height);
        let mut low = [f64::INFINITY; 2];
        let mut high = [f64::NEG_INFINITY; 2];
        for view in views {
            let p = view.camera.pose.position;
            for (a, at) in [p.x, p.z].into_iter().enumerate() {
                low[a] = low[a].min(at - reach);
                high[a] = high[a].max(at + reach);
            }
        }
        let size = [0, 1].map(|a| ((high[a] - low[a]) / cell).ceil() as usize + 1);
        // A camera path of many thousand heights is no walk; the grid stays small.
        if size[0].checked_mul(size[1])? > 1 << 24 {
            return None;
        }
        let mut ground = Self {
            origin: low,
            cell,
            size,
            sight: vec![Sight::Unknown; size[0] * size[1]],
            excess: vec![f32::NAN; size[0] * size[1]],
            held_out: vec![f32::NAN; size[0] * size[1]],
            level: vec![0.0; size[0] * size[1]],
            height: vec![f32::NAN; size[0] * size[1]],
            error: vec![f32::NAN; size[0] * size[1]],
            under: vec![f32::NAN; size[0] * size[1]],
            telling: vec![0; size[0] * size[1]],
            views: vec![0; size[0] * size[1]],
            sigma: LEAST_SIGMA,
            camera_height,
        };
        let mut looks: Vec<Look> = views
            .par_iter()
            .flat_map_iter(|view| ground.look(view, reach))
            .collect();
        looks.par_sort_by(|a, b| a.cell.cmp(&b.cell).then(a.log.total_cmp(&b.log)));
        let shadowed = ground.shadowed(views, scale);
        ground.settle(&looks, scale.window, &shadowed);
        Some(ground)
    }

    /// How far from the floor's level a logarithm is not the floor's noise.
    pub fn deep(&self) -> f32 {
        (DEEP_SIGMAS * self.sigma).max(DEEP)
    }

    /// The logarithm of a cell itself: of the depth seen over the plane's.
    pub fn log(&self, i: usize) -> f32 {
        self.excess[i] + self.level[i]
    }

    /// Index of the cell under a point.
    pub fn cell_of(&self, x: f64, z: f64) -> Option<usize> {
        let at = [
            (x - self.origin[0]) / self.cell,
            (z - self.origin[1]) / self.cell,
        ];
        let inside = at
            .iter()
            .zip(self.size)
            .all(|(a, n)| *a >= 0.0 && *a < n as f64);
        inside.then(|| at[0] as usize + self.size[0] * at[1] as usize)
    }

    /// Middle of a cell.
    pub fn middle(&self, i: usize) -> [f64; 2] {
        let at = [i % self.size[0], i / self.size[0]];
        [0, 1].map(|a| self.origin[a] + (at[a] as f64 + 0.5) * self.cell)
    }

    /// A view's median logarithm in each cell that it meets.
    fn look(&self, view: &DepthView, reach: f64) -> Vec<Look> {
        let (k, p) = (view.intrinsics(), view.camera.pose.position);
        let mut met = Vec::new();
        for y in 0..view.height {
            for x in 0..view.width {
                let index = (y * view.width + x) as usize;
                let Some((at, log)) = view.meets_floor(&k, x, y) else {
                    continue;
                };
                if at[0].hypot(at[1]) > reach {
                    continue;
                }
                if let Some(cell) = self.cell_of(p.x + at[0], p.z + at[1]) {
                    let under = view.under.get(index).copied().unwrap_or(f32::NAN);
                    met.push((cell as u32, log, under));
                }
            }
        }
        met.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        met.chunk_by(|a, b| a.0 == b.0)
            .map(|of_cell| {
                let (cell, log, _) = of_cell[of_cell.len() / 2];
                let under = of_cell.iter().map(|m| m.2).filter(|u| !u.is_nan());
                Look {
                    cell,
                    log,
                    under: median(&mut under.collect::<Vec<f32>>()).unwrap_or(f32::NAN),
                    height: (p.y * (1.0 - f64::from(log).exp())) as f32,
                    held_out: view.held_out,
                }
            })
            .collect()
    }

    /// Cells before which, or near which, something moves by itself.
    fn shadowed(&self, views: &[&DepthView], scale: Scale) -> Vec<bool> {
        let mut moved = vec![0u16; self.sight.len()];
        for view in views.iter().filter(|v| !v.moving.is_empty()) {
            let (k, p) = (view.intrinsics(), view.camera.pose.position);
            let there = (0..view.height).flat_map(|y| (0..view.width).map(move |x| (x, y)));
            let cells: std::collections::BTreeSet<usize> = there
                .filter(|(x, y)| view.moves((y * view.width + x) as usize))
                .filter_map(|(x, y)| view.plane_at(&k, x, y))
                .filter_map(|(at, _)| self.cell_of(p.x + at[0], p.z + at[1]))
                .collect();
            cells.into_iter().for_each(|i| moved[i] += 1);
        }
        let mut shadowed = vec![false; moved.len()];
        let [nx, nz] = self.size;
        let reach = (SHADOW / scale.cell).ceil() as usize;
        for i in (0..moved.len()).filter(|&i| moved[i] > MOST_MOVED) {
            let (x, z) = (i % nx, i / nx);
            for v in z.saturating_sub(reach)..(z + reach + 1).min(nz) {
                let row = nx * v;
                shadowed[row + x.saturating_sub(reach)..row + (x + reach + 1).min(nx)].fill(true);
            }
        }
        shadowed
    }

    fn settle(&mut self, looks: &[Look], window: (i64, usize), shadowed: &[bool]) {
        let middle = |sorted: &[f32]| sorted[sorted.len() / 2];
        let mut level = vec![f32::NAN; self.sight.len()];
        for of_cell in looks.chunk_by(|a, b| a.cell == b.cell) {
            let i = of_cell[0].cell as usize;
            self.views[i] = of_cell.len() as u16;
            if of_cell.len() < LEAST_VIEWS {
                continue;
            }
            // Sorted by their logarithms already.
            let logs: Vec<f32> = of_cell.iter().map(|l| l.log).collect();
            let own = middle(&logs);
            self.excess[i] = own;
            let held: Vec<f32> = of_cell
                .iter()
                .filter(|l| l.held_out)
                .map(|l| l.log)
                .collect();
            if !held.is_empty() {
                self.held_out[i] = middle(&held);
            }
            let under = of_cell.iter().map(|l| l.under).filter(|u| !u.is_nan());
            let mut under: Vec<f32> = under.collect();
            self.telling[i] = under.len() as u16;
            if under.len() >= LEAST_VIEWS && !shadowed[i] {
                self.under[i] = median(&mut under).unwrap_or(f32::NAN);
            }
            let mut off: Vec<f32> = logs.iter().map(|l| (l - own).abs()).collect();
            off.sort_by(f32::total_cmp);
            self.error[i] = 1.4826 * middle(&off) / (logs.len() as f32).sqrt();
            if own.abs() <= FLOOR {
                level[i] = own;
                self.height[i] = of_cell[of_cell.len() / 2].height;
            }
        }
        let base = self.base(&level, window);
        let mut off = Vec::new();
        for (i, &base) in base.iter().enumerate() {
            let base = if base.is_nan() { 0.0 } else { base };
            self.level[i] = base;
            self.excess[i] -= base;
            self.held_out[i] -= base;
            if self.excess[i].abs() <= 0.5 * FLOOR {
                off.push(self.excess[i].abs());
            }
        }
        if !off.is_empty() {
            let at = off.len() / 2;
            self.sigma =
                (1.4826 * *off.select_nth_unstable_by(at, f32::total_cmp).1).max(LEAST_SIGMA);
        }
        let deep = self.deep();
        for i in 0..self.sight.len() {
            let excess = self.excess[i];
            self.sight[i] = match excess {
                e if e.is_nan() => Sight::Unknown,
                e if e >= VOID => Sight::Void,
                e if e > deep && e > 3.0 * self.error[i] => Sight::Deep,
                e if e < -FLOOR => Sight::Hidden,
                e if e > deep => Sight::Unknown,
                _ => Sight::Floor,
            };
            if self.sight[i] != Sight::Floor {
                self.height[i] = f32::NAN;
            }
        }
        self.settle_under(window);
    }

    /// Counts what pictures say of what lies under the floor in sigmas from what they say of most of it, and of most of what lies about
    /// it where that is more: a floor's plane that is tilted has ground under it.
    fn settle_under(&mut self, window: (i64, usize)) {
        let floor = self.sight.iter().zip(&self.under);
        let mut known: Vec<f32> = floor
            .filter(|(sight, under)| **sight == Sight::Floor && !under.is_nan())
            .map(|(_, under)| *under)
            .collect();
        let level = median(&mut known).filter(|_| known.len() >= LEAST_KNOWN);
        let Some(level) = level else {
            self.under.fill(f32::NAN);
            return;
        };
        let mut off: Vec<f32> = known.iter().map(|under| (under - level).abs()).collect();
        let sigma = (1.4826 * median(&mut off).unwrap_or(0.0)).max(LEAST_UNDER);
        let local = self.base(&self.under, window);
        for (under, local) in self.under.iter_mut().zip(local) {
            // What is no number is no maximum.
            *under = (*under - level.max(local)) / sigma;
        }
    }

    /// The level of what is told of the floor about each cell: the median over a window.
    fn base(&self, level: &[f32], (half, stride): (i64, usize)) -> Vec<f32> {
        let [nx, nz] = self.size.map(|n| n as i64);
        let one = |i: usize| {
            if self.excess[i].is_nan() {
                return f32::NAN;
            }
            let (x, z) = (i as i64 % nx, i as i64 / nx);
            let mut around = Vec::new();
            for v in (z - half..=z + half).step_by(stride) {
                for u in (x - half..=x + half).step_by(stride) {
                    if u >= 0 && v >= 0 && u < nx && v < nz {
                        let l = level[(u + nx * v) as usize];
                        if !l.is_nan() {
                            around.push(l);
                        }
                    }
                }
            }
            if around.len() < 9 {
                return f32::NAN;
            }
            let at = around.len() / 2;
            *around.select_nth_unstable_by(at, f32::total_cmp).1
        };
        (0..level.len()).into_par_iter().map(one).collect()
    }
}
