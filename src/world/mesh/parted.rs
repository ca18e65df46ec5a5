//! Triangles as the voxeliser sees them: their normals, and what cubes they touch.

use super::Triangle;

/// A triangle's shadow on an axis: what a cube's centre must be within, for a cube of half an edge 1.
struct Axis {
    n: [f64; 3],
    low: f64,
    high: f64,
    reach: f64,
}

/// A triangle against cubes, by the axes that can part them (Akenine-Moeller 2001).
pub(super) struct Parted([Axis; 13]);

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
    pub fn new(t: [[f64; 3]; 3]) -> Self {
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

    /// Low and high along an axis of the grid.
    pub fn range(&self, a: usize) -> [f64; 2] {
        [self.0[a].low, self.0[a].high]
    }

    /// Whether the triangle and a cube touch.
    pub fn meets(&self, centre: [f64; 3], half: f64) -> bool {
        self.0.iter().all(|axis| {
            let (at, reach) = (dot(centre, axis.n), axis.reach * half);
            axis.low <= at + reach && axis.high >= at - reach
        })
    }
}
