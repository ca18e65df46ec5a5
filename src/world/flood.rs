//! Free space reached from a place, brick by brick.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bricks::{Bricks, EDGE};
use super::{Voxel, World};

const X_FIRST: u64 = 0x1111_1111_1111_1111;
const Y_FIRST: u64 = 0x000f_000f_000f_000f;
const X_LAST: u64 = X_FIRST << 3;
const Y_LAST: u64 = Y_FIRST << 12;

/// What voxels of a brick reach within it, six neighbours each, through those that are `open`.
fn spread(mut reached: u64, open: u64) -> u64 {
    loop {
        let m = reached;
        let x = (m & !X_LAST) << 1 | (m & !X_FIRST) >> 1;
        let y = (m & !Y_LAST) << 4 | (m & !Y_FIRST) >> 4;
        let next = (m | x | y | m << 16 | m >> 16) & open;
        if next == reached {
            return reached;
        }
        reached = next;
    }
}

/// What reached voxels of a brick touch in the brick on a side, the sides in the order of [`SIDES`].
fn over(m: u64, side: usize) -> u64 {
    match side {
        0 => (m & X_FIRST) << 3,
        1 => (m & X_LAST) >> 3,
        2 => (m & Y_FIRST) << 12,
        3 => (m & Y_LAST) >> 12,
        4 => m << 48,
        _ => m >> 48,
    }
}

const SIDES: [[i64; 3]; 6] = [
    [-1, 0, 0],
    [1, 0, 0],
    [0, -1, 0],
    [0, 1, 0],
    [0, 0, -1],
    [0, 0, 1],
];

/// Voxels that are reached from places without passing solid.
pub(super) struct Flood<'a> {
    bricks: &'a Bricks,
    /// Of each brick.
    reached: Vec<u64>,
    waiting: Vec<bool>,
    /// The last flood that came to each brick.
    came: Vec<u32>,
    floods: u32,
}

impl<'a> Flood<'a> {
    pub fn new(bricks: &'a Bricks) -> Self {
        let n = bricks.tags().len();
        Self {
            bricks,
            reached: vec![0; n],
            waiting: vec![false; n],
            came: vec![0; n],
            floods: 0,
        }
    }

    /// The first voxel that nothing reached, from a brick on, and the number of its brick.
    pub fn unreached(&self, from: usize) -> Option<(usize, [u32; 3])> {
        (from..self.reached.len()).find_map(|at| {
            let b = self.bricks.place(at);
            let open = self.bricks.open_of(b) & !self.reached[at];
            let i = open.trailing_zeros();
            let p = [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE];
            (open != 0).then(|| (at, std::array::from_fn(|a| EDGE * b[a] + p[a])))
        })
    }

    /// Goes on from seeds; answers what is newly reached: numbers of bricks, and voxels of each.
    pub fn from(&mut self, seeds: &[[u32; 3]]) -> Vec<(usize, u64)> {
        let bricks = self.bricks;
        let size = bricks.size().map(i64::from);
        self.floods += 1;
        // What was reached before of each brick that this flood comes to.
        let mut touched: Vec<(usize, u64)> = Vec::new();
        let mut open = VecDeque::new();
        let mut reach = |this: &mut Self, b: [u32; 3], new: u64, open: &mut VecDeque<[u32; 3]>| {
            let at = this.bricks.number(b);
            if std::mem::replace(&mut this.came[at], this.floods) != this.floods {
                touched.push((at, this.reached[at]));
            }
            this.reached[at] |= new;
            if !std::mem::replace(&mut this.waiting[at], true) {
                open.push_back(b);
            }
        };
        for &seed in seeds {
            let inside = seed.iter().zip(bricks.dims()).all(|(&a, n)| a < n);
            if inside && bricks.at(seed) != Voxel::Solid {
                let [x, y, z] = seed.map(|a| a % EDGE);
                let bit = 1 << (x + EDGE * (y + EDGE * z));
                reach(self, seed.map(|a| a / EDGE), bit, &mut open);
            }
        }
        while let Some(b) = open.pop_front() {
            let at = bricks.number(b);
            self.waiting[at] = false;
            let all = spread(self.reached[at], bricks.open_of(b));
            self.reached[at] = all;
            for (side, step) in SIDES.iter().enumerate() {
                let c: [i64; 3] = std::array::from_fn(|a| i64::from(b[a]) + step[a]);
                if (0..3).any(|a| c[a] < 0 || c[a] >= size[a]) {
                    continue;
                }
                let c = c.map(|a| a as u32);
                let new = over(all, side) & bricks.open_of(c) & !self.reached[bricks.number(c)];
                if new != 0 {
                    reach(self, c, new, &mut open);
                }
            }
        }
        for (at, voxels) in &mut touched {
            *voxels = self.reached[*at] & !*voxels;
        }
        touched
    }
}

impl World {
    /// Turns unknown voxels that are reached from `seeds` without passing solid into free ones.
    pub fn flood(&mut self, seeds: &[[u32; 3]]) {
        let mut flood = Flood::new(&self.bricks);
        flood.from(seeds);
        let reached = flood.reached;
        Arc::make_mut(&mut self.bricks).free(&reached);
    }

    /// Turns voxels of bricks, by their numbers, solid.
    pub(super) fn solidify(&mut self, voxels: &[(usize, u64)]) {
        Arc::make_mut(&mut self.bricks).solidify(voxels);
    }
}
