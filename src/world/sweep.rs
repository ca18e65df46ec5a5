//! Capsules moved through a world, and what they first touch.

use rayon::prelude::*;

use super::World;
use super::bricks::EDGE;
use super::rays::{HitState, NOWHERE};
use super::walk::{Grid, sane};

/// Voxels that a capsule moves at most before what lies around it is looked for again.
const PIECE: f32 = 4.0;
/// Pieces of a motion at most; longer ones are cut into longer pieces.
const PIECES: f32 = 4096.0;

/// An upright capsule and its motion.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sweep {
    /// Middle of the capsule.
    pub middle: [f32; 3],
    /// From its lowest to its highest point; a ball where that is no more than twice the radius.
    pub height: f32,
    /// Radius.
    pub radius: f32,
    /// Where it moves, from its middle.
    pub motion: [f32; 3],
}

/// What a capsule first touched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// Share of the motion before; 1 where nothing is met.
    pub t: f32,
    /// `Solid`, `Unknown` (where that stops it), `None` or `Invalid`.
    pub state: HitState,
    /// Index of the voxel, [`NOWHERE`] where nothing is met. Of several touched at once the first by index.
    pub voxel: u32,
    /// From the voxel to the capsule, of length 1; 0 where the capsule's core lies in it.
    pub normal: [f32; 3],
}

const NOTHING: Contact = Contact {
    t: 1.0,
    state: HitState::None,
    voxel: NOWHERE,
    normal: [0.0; 3],
};

/// A capsule in voxels: its core is an upright line of `half` up and down from `start`.
struct Moving {
    start: [f32; 3],
    step: [f32; 3],
    half: f32,
    radius: f32,
}

/// Bits of the places `low..=high` of four along each axis.
fn span(low: [i32; 3], high: [i32; 3]) -> u64 {
    let line = |a: usize| (1u64 << (high[a] + 1)) - (1u64 << low[a]);
    let row = line(0);
    let mut plane = 0;
    for y in low[1]..=high[1] {
        plane |= row << (4 * y);
    }
    (low[2]..=high[2]).fold(0, |m, z| m | plane << (16 * z))
}

/// The places of `at`'s four along each axis that lie in `low..=high`; places are `edge` voxels wide.
fn part(at: [i32; 3], edge: i32, low: [i32; 3], high: [i32; 3]) -> u64 {
    let clamp = |a: i32, x: i32| ((x - 4 * edge * a).div_euclid(edge)).clamp(0, 3);
    span(
        std::array::from_fn(|a| clamp(at[a], low[a])),
        std::array::from_fn(|a| clamp(at[a], high[a])),
    )
}

fn bits(mut mask: u64) -> impl Iterator<Item = [i32; 3]> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as i32)?;
        mask &= mask - 1;
        Some([bit & 3, bit >> 2 & 3, bit >> 4])
    })
}

impl Moving {
    /// Squared distance of the core from a voxel at `t`, and the way from the voxel to it.
    fn apart(&self, cell: [i32; 3], t: f32) -> (f32, [f32; 3]) {
        let way = std::array::from_fn(|a| {
            let (low, high) = self.bounds(cell, a);
            let p = self.start[a] + self.step[a] * t;
            p - p.clamp(low, high)
        });
        (way.iter().map(|d| d * d).sum(), way)
    }

    /// A voxel, as far as the core's middle is concerned.
    fn bounds(&self, cell: [i32; 3], a: usize) -> (f32, f32) {
        let more = if a == 1 { self.half } else { 0.0 };
        (cell[a] as f32 - more, (cell[a] + 1) as f32 + more)
    }

    /// The first `t` of `from..=to` at which the capsule reaches into a voxel.
    fn touches(&self, cell: [i32; 3], from: f32, to: f32) -> Option<f32> {
        let reach = self.radius * self.radius;
        // The distance is a quadratic between the times at which the core passes the planes of the voxel.
        let mut times = [to; 7];
        let (mut enter, mut leave) = (from, to);
        for a in 0..3 {
            let (low, high) = self.bounds(cell, a);
            if self.step[a] == 0.0 {
                if self.start[a] + self.radius <= low || self.start[a] - self.radius >= high {
                    return None;
                }
                continue;
            }
            let when = |x: f32| (x - self.start[a]) / self.step[a];
            let (p, q) = (when(low - self.radius), when(high + self.radius));
            (enter, leave) = (enter.max(p.min(q)), leave.min(p.max(q)));
            (times[2 * a], times[2 * a + 1]) = (when(low), when(high));
        }
        if enter > leave {
            return None;
        }
        times.sort_unstable_by(f32::total_cmp);
        let mut first = enter;
        for time in times {
            let last = time.min(leave);
            if last < first || last == first && first < leave {
                continue;
            }
            let (mut a2, mut b, mut c) = (0.0, 0.0, -reach);
            let mid = self.apart(cell, 0.5 * (first + last)).1;
            let start = self.apart(cell, first).1;
            for a in 0..3 {
                if mid[a] != 0.0 {
                    a2 += self.step[a] * self.step[a];
                    b += start[a] * self.step[a];
                    c += start[a] * start[a];
                }
            }
            if c < 0.0 {
                return Some(first);
            }
            let root = b * b - a2 * c;
            if b < 0.0 && root > 0.0 {
                let t = first + c / (root.sqrt() - b);
                if t <= last {
                    return Some(t);
                }
            }
            first = last;
            if first >= leave {
                break;
            }
        }
        None
    }
}

impl Grid<'_> {
    /// What a capsule first touches.
    pub fn sweep(&self, sweep: &Sweep, stop_unknown: bool) -> Contact {
        let [ox, oy, oz, per] = self.origin;
        let numbers = [sweep.middle, sweep.motion].concat();
        let lengths = [sweep.height, sweep.radius];
        let whole = numbers.iter().chain(&lengths).all(|&x| sane(x));
        if !whole || lengths.iter().any(|&x| x < 0.0) || sweep.radius == 0.0 {
            return Contact {
                t: 0.0,
                state: HitState::Invalid,
                ..NOTHING
            };
        }
        if self.dims.contains(&0) {
            return NOTHING;
        }
        let moving = Moving {
            start: std::array::from_fn(|a| (sweep.middle[a] - [ox, oy, oz][a]) * per),
            step: sweep.motion.map(|x| x * per),
            half: (0.5 * sweep.height - sweep.radius).max(0.0) * per,
            radius: sweep.radius * per,
        };
        let length = moving.step.iter().map(|x| x * x).sum::<f32>().sqrt();
        // Only what lies in the grid is met: the motion before and after is passed at once.
        let (mut from, mut to) = (0.0f32, 1.0f32);
        for a in 0..3 {
            let more = moving.radius + if a == 1 { moving.half } else { 0.0 };
            let (low, high) = (-more, self.dims[a] as f32 + more);
            let (p, e) = (moving.start[a], moving.step[a]);
            if e == 0.0 {
                if p < low || p > high {
                    return NOTHING;
                }
                continue;
            }
            let (q, r) = ((low - p) / e, (high - p) / e);
            (from, to) = (from.max(q.min(r)), to.min(q.max(r)));
        }
        if from > to {
            return NOTHING;
        }
        let pieces = (length * (to - from) / PIECE).ceil().clamp(1.0, PIECES) as u32;
        for piece in 0..pieces {
            let at = |k: u32| from + (to - from) * (k as f32 / pieces as f32);
            let found = self.piece(&moving, at(piece), at(piece + 1), stop_unknown);
            if found.voxel != NOWHERE {
                return found;
            }
        }
        NOTHING
    }

    /// What is first touched in `from..=to`.
    fn piece(&self, moving: &Moving, from: f32, to: f32, stop_unknown: bool) -> Contact {
        let end = |a: usize, t: f32| moving.start[a] + moving.step[a] * t;
        let more = |a: usize| moving.radius + if a == 1 { moving.half } else { 0.0 };
        let cell = |a: usize, x: f32| x.floor().clamp(0.0, self.dims[a] as f32 - 1.0) as i32;
        let low = std::array::from_fn(|a| cell(a, end(a, from).min(end(a, to)) - more(a)));
        let high = std::array::from_fn(|a| cell(a, end(a, from).max(end(a, to)) + more(a)));
        let mut best = NOTHING;
        let edge = EDGE as i32;
        let blocks = |a: usize| low[a] / (edge * edge)..=high[a] / (edge * edge);
        for z in blocks(2) {
            for y in blocks(1) {
                for x in blocks(0) {
                    let block = [x, y, z];
                    let held = self.block(block.map(|a| a as u32), stop_unknown);
                    for b in bits(held & part(block, edge, low, high)) {
                        let brick: [i32; 3] = std::array::from_fn(|a| edge * block[a] + b[a]);
                        let (solid, stops) = self.brick(brick.map(|a| a as u32), stop_unknown);
                        for v in bits(stops & part(brick, 1, low, high)) {
                            let cell = std::array::from_fn(|a| edge * brick[a] + v[a]);
                            let Some(t) = moving.touches(cell, from, to.min(best.t)) else {
                                continue;
                            };
                            let voxel = self.index(cell);
                            if best.voxel == NOWHERE || (t, voxel) < (best.t, best.voxel) {
                                let (square, way) = moving.apart(cell, t);
                                let length = square.sqrt().max(f32::MIN_POSITIVE);
                                let [x, y, z] = v;
                                let solid = solid >> (x + 4 * (y + 4 * z)) & 1 == 1;
                                best = Contact {
                                    t,
                                    state: if solid {
                                        HitState::Solid
                                    } else {
                                        HitState::Unknown
                                    },
                                    voxel,
                                    normal: way.map(|d| d / length),
                                };
                            }
                        }
                    }
                }
            }
        }
        best
    }
}

impl World {
    /// What each capsule first touches on its way, in order, on every core. A capsule that only touches a voxel and does
    /// not move into it goes on; one that starts in a voxel ends at 0. Outside the grid there is nothing to touch.
    pub fn sweep(&self, sweeps: &[Sweep], stop_unknown: bool) -> Vec<Contact> {
        let grid = self.grid();
        sweeps
            .par_iter()
            .map(|sweep| grid.sweep(sweep, stop_unknown))
            .collect()
    }
}
