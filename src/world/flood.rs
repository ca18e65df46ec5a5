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

impl World {
    /// Turns unknown voxels that are reached from `seeds` without passing solid into free ones.
    pub fn flood(&mut self, seeds: &[[u32; 3]]) {
        let bricks: &mut Bricks = Arc::make_mut(&mut self.bricks);
        let [nx, ny, nz] = bricks.size();
        let index = |[x, y, z]: [u32; 3]| {
            x as usize + nx as usize * (y as usize + ny as usize * z as usize)
        };
        let mut reached = vec![0u64; nx as usize * ny as usize * nz as usize];
        let mut waiting = vec![false; reached.len()];
        let mut open = VecDeque::new();
        for &seed in seeds {
            let inside = seed.iter().zip(bricks.dims()).all(|(&a, n)| a < n);
            if inside && bricks.at(seed) != Voxel::Solid {
                let b = seed.map(|a| a / EDGE);
                let [x, y, z] = seed.map(|a| a % EDGE);
                reached[index(b)] |= 1 << (x + EDGE * (y + EDGE * z));
                if !std::mem::replace(&mut waiting[index(b)], true) {
                    open.push_back(b);
                }
            }
        }
        while let Some(b) = open.pop_front() {
            let at = index(b);
            waiting[at] = false;
            let all = spread(reached[at], bricks.open_of(b));
            reached[at] = all;
            for (side, step) in SIDES.iter().enumerate() {
                let c: [i64; 3] = std::array::from_fn(|a| i64::from(b[a]) + step[a]);
                if (0..3).any(|a| c[a] < 0 || c[a] >= [nx, ny, nz].map(i64::from)[a]) {
                    continue;
                }
                let c = c.map(|a| a as u32);
                let new = over(all, side) & bricks.open_of(c) & !reached[index(c)];
                if new != 0 {
                    reached[index(c)] |= new;
                    if !std::mem::replace(&mut waiting[index(c)], true) {
                        open.push_back(c);
                    }
                }
            }
        }
        bricks.free(&reached);
    }
}
