//! Where the floor of a mesh is: its lowest level surface that an agent can stand on.

use std::collections::BTreeMap;

use super::Triangle;
use super::voxelise::{corners, dot, normal};

/// Cells of the plan along its longer side.
const CELLS: usize = 96;
/// A floor has at least this share of the largest level surface's area.
const LEAST: f64 = 0.5;
/// A surface of which a larger share is covered from above within the headroom is none.
const COVERED: f64 = 0.5;

/// Level surfaces of about one height.
#[derive(Default)]
struct Level {
    area: f64,
    /// Area times height.
    moment: f64,
    /// Cells of the plan that it lies in.
    plan: Vec<bool>,
}

/// Height of the lowest level surface that has half the area of the largest, and room over it: the underside of a slab has
/// not. `bounds` are low and high along x, y, z.
pub(super) fn find(
    triangles: &[Triangle],
    voxel: f64,
    bounds: [[f64; 2]; 3],
    headroom: f64,
) -> Option<f64> {
    let [[left, right], [low, _], [back, front]] = bounds;
    let cell = ((right - left).max(front - back) / CELLS as f64).max(1e-9);
    let mut levels = BTreeMap::<i64, Level>::new();
    for t in triangles {
        let t = corners(t);
        let n = normal(t);
        let area = dot(n, n).sqrt();
        // Within 15 degrees; the winding of files is not to be relied on.
        if n[1].abs() <= 0.966 * area {
            continue;
        }
        let y = (t[0][1] + t[1][1] + t[2][1]) / 3.0;
        let level = levels
            .entry(((y - low) / voxel).round() as i64)
            .or_default();
        level.area += area;
        level.moment += area * y;
        if level.plan.is_empty() {
            level.plan = vec![false; CELLS * CELLS];
        }
        cover(
            &mut level.plan,
            t.map(|p| [(p[0] - left) / cell, (p[2] - back) / cell]),
        );
    }
    let height = |level: &Level| level.moment / level.area;
    let largest = levels.values().map(|l| l.area).fold(0.0, f64::max);
    let candidates: Vec<&Level> = levels
        .values()
        .filter(|l| l.area > 0.0 && l.area >= LEAST * largest)
        .collect();
    let clear = |floor: &Level| {
        let from = height(floor);
        let over: Vec<&Level> = levels
            .values()
            .filter(|l| {
                l.area > 0.0 && height(l) > from + 0.5 * voxel && height(l) < from + headroom
            })
            .collect();
        let cells = (0..CELLS * CELLS).filter(|&i| floor.plan[i]);
        let (mut all, mut covered) = (0usize, 0usize);
        for i in cells {
            all += 1;
            covered += usize::from(over.iter().any(|l| l.plan[i]));
        }
        covered as f64 <= COVERED * all as f64
    };
    let floor = candidates.iter().find(|l| clear(l));
    // Where nothing has room, as in a shelf, the lowest is as good as any.
    floor.or(candidates.first()).map(|l| height(l))
}

/// Marks the cells whose middle a triangle of the plan holds, and the one of its own middle.
fn cover(plan: &mut [bool], t: [[f64; 2]; 3]) {
    let mut mark = |x: i64, z: i64| {
        let inside = |a: i64| (0..CELLS as i64).contains(&a);
        if inside(x) && inside(z) {
            plan[x as usize + CELLS * z as usize] = true;
        }
    };
    let middle = |a: usize| (t[0][a] + t[1][a] + t[2][a]) / 3.0;
    mark(middle(0).floor() as i64, middle(1).floor() as i64);
    let range = |a: usize| {
        let all = t.map(|p| p[a]);
        let low = all.into_iter().fold(f64::INFINITY, f64::min);
        let high = all.into_iter().fold(f64::NEG_INFINITY, f64::max);
        (low.floor().max(0.0) as i64)..=(high.floor().min(CELLS as f64 - 1.0) as i64)
    };
    let side = |a: [f64; 2], b: [f64; 2], p: [f64; 2]| {
        (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    };
    for z in range(1) {
        for x in range(0) {
            let p = [x as f64 + 0.5, z as f64 + 0.5];
            let sides = [0, 1, 2].map(|k| side(t[k], t[(k + 1) % 3], p));
            if sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0) {
                mark(x, z);
            }
        }
    }
}
