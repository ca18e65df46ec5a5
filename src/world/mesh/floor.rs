//! Where the floor of a mesh is: its lowest level surface that an agent can stand on.

use std::collections::BTreeMap;

use super::Triangle;
use super::parted::{corners, dot, normal};
use super::rooms::is_matter;
use super::shells::{Look, Shells};

/// Cells of the plan along its longer side.
const CELLS: usize = 96;
/// A floor has at least this share of the room of the level surface that has most.
const LEAST: f64 = 0.5;
/// A surface with nothing above this share of it, over rooms in as much of it, is a roof.
const ROOF: f64 = 0.5;
/// Where windings do not tell a slab from a room, what is lower than this share of an agent's height is a slab.
const SLAB: f64 = 0.5;
/// Height of a person, for agents that are higher: what is no slab for a person is none.
const PERSON: f64 = 1.7;
/// Places over a level surface that are looked around from.
const SAMPLES: usize = 3;

/// Level surfaces of about one height.
#[derive(Default)]
struct Level {
    area: f64,
    /// Area times height.
    moment: f64,
    /// Area of what faces up less that of what faces down.
    up: f64,
    /// Cells of the plan that it lies in.
    plan: Vec<bool>,
}

impl Level {
    fn height(&self) -> f64 {
        self.moment / self.area
    }
}

/// A floor that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub height: f64,
    /// Whether it has room for an agent; else this is the highest that a room under a roof is over its floor.
    pub low: Option<f64>,
}

/// The lowest level surface that has half as much room over it as the one that has most: the underside of a slab has none,
/// and a roof is no floor where there are rooms beneath it. Where no room is high enough, the lowest of their floors.
/// `bounds` are low and high along x, y, z.
pub(super) fn find(
    triangles: &[Triangle],
    voxel: f64,
    bounds: [[f64; 2]; 3],
    headroom: f64,
) -> Option<Found> {
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
        level.area += 0.5 * area;
        level.moment += 0.5 * area * y;
        level.up += 0.5 * n[1];
        if level.plan.is_empty() {
            level.plan = vec![false; CELLS * CELLS];
        }
        cover(
            &mut level.plan,
            t.map(|p| [(p[0] - left) / cell, (p[2] - back) / cell]),
        );
    }
    let levels: Vec<Level> = levels.into_values().filter(|l| l.area > 0.0).collect();
    let heights: Vec<f64> = levels.iter().map(Level::height).collect();
    // What lies next over and under each cell of a level.
    let beside = |i: usize, cell: usize, up: bool| {
        let apart = 0.5 * voxel;
        let holds = |j: &usize| levels[*j].plan[cell] && (heights[*j] - heights[i]).abs() > apart;
        match up {
            true => (i + 1..levels.len()).find(holds),
            false => (0..i).rev().find(holds),
        }
    };
    let plans: Vec<&[bool]> = levels.iter().map(|l| &l.plan[..]).collect();
    let cells = |i: usize| {
        (0..CELLS * CELLS).filter({
            let plan = plans[i];
            move |&c| plan[c]
        })
    };
    let room = |i: usize| {
        let (mut all, mut clear) = (0usize, 0usize);
        for c in cells(i) {
            all += 1;
            let over = beside(i, c, true).map(|j| heights[j] - heights[i]);
            clear += usize::from(over.is_none_or(|over| over >= headroom));
        }
        // Faces may lie on one another.
        let area = levels[i].area.min(all as f64 * cell * cell);
        area * clear as f64 / all.max(1) as f64
    };
    let shells = std::cell::OnceCell::new();
    let coherent = || shells.get_or_init(|| Shells::of(triangles)).coherent();
    // A space between two surfaces that is meant to be in: high enough, or looked into by both.
    let is_room = |floor: usize, top: usize| {
        let high = heights[top] - heights[floor];
        high >= headroom
            || match coherent() {
                true => levels[floor].up > 0.0 && levels[top].up < 0.0,
                false => high >= SLAB * headroom.min(PERSON),
            }
    };
    let is_roof = |i: usize| {
        let (mut all, mut bare, mut over) = (0usize, 0usize, 0usize);
        for c in cells(i) {
            all += 1;
            bare += usize::from(beside(i, c, true).is_none());
            // Down through what is a slab, to a room.
            let (mut top, mut below) = (i, beside(i, c, false));
            while let Some(floor) = below {
                if is_room(floor, top) {
                    over += 1;
                    break;
                }
                (top, below) = (floor, beside(floor, c, false));
            }
        }
        let most = |n: usize| n as f64 > ROOF * all as f64;
        most(bare) && most(over)
    };
    let floors: Vec<usize> = (0..levels.len()).filter(|&i| !is_roof(i)).collect();
    let rooms: Vec<f64> = floors.iter().map(|&i| room(i)).collect();
    let most = rooms.iter().copied().fold(0.0, f64::max);
    // Less than an agent's foot is no room.
    let least = (LEAST * most).max(1e-3 * headroom * headroom);
    let mut fit: Vec<usize> = (0..floors.len()).filter(|&k| rooms[k] >= least).collect();
    if fit.len() > 1 {
        // The bottom of a wall, seen from within the wall, is no floor.
        let shells = shells.get_or_init(|| Shells::of(triangles));
        let places = |i: usize| {
            let clear =
                |c: &usize| beside(i, *c, true).is_none_or(|j| heights[j] - heights[i] >= headroom);
            let all: Vec<usize> = cells(i).filter(clear).collect();
            let some = (1..=SAMPLES).filter_map(|k| all.get(k * all.len() / (SAMPLES + 1)));
            let middle = |low: f64, k: usize| low + (k as f64 + 0.5) * cell;
            let place = |&c: &usize| {
                let y = heights[i] + 0.5 * headroom;
                [middle(left, c % CELLS), y, middle(back, c / CELLS)]
            };
            some.map(place).collect::<Vec<_>>()
        };
        let look = |&k: &usize| shells.look_from(&places(floors[k])).unwrap_or_default();
        let looks: Vec<Look> = fit.iter().map(look).collect();
        let coherent = shells.coherent();
        let winding = |k: usize| if coherent { looks[k].winding } else { 0 };
        let main = (0..fit.len()).min_by(|&a, &b| {
            let most = rooms[fit[b]].total_cmp(&rooms[fit[a]]);
            winding(a).cmp(&winding(b)).then(most)
        });
        if let Some(main) = main {
            let mut looks_of = looks.iter();
            fit.retain(|_| {
                let look = looks_of.next();
                !look.is_some_and(|look| is_matter(look, &looks[main], coherent))
            });
        }
    }
    if let Some(&k) = fit.first() {
        let height = heights[floors[k]];
        return Some(Found { height, low: None });
    }
    // The lowest of what is large: nothing has room.
    let largest = floors.iter().map(|&i| levels[i].area).fold(0.0, f64::max);
    let floor = floors
        .iter()
        .copied()
        .find(|&i| levels[i].area >= LEAST * largest)?;
    let over = cells(floor).filter_map(|c| beside(floor, c, true));
    let low = over
        .map(|j| heights[j] - heights[floor])
        .fold(0.0, f64::max);
    Some(Found {
        height: heights[floor],
        low: Some(low),
    })
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
