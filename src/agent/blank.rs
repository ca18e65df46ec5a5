//! Where the floor ends before what shows nothing: a wall without any texture, or the open sky.
//!
//! No parallax tells the two apart, and depth networks may take both for a wall. So such an end is neither a wall nor a fault: it is not known,
//! and a world that has one wide enough for an agent is not accepted. Where depth shows nothing there either it is an open end. Where depth was
//! measured nobody looks for it.

use rayon::prelude::*;

use super::cluster::regions;
use super::inspect::Field;
use crate::numeric::median;
use crate::world::ground::{FLOOR, VOID};
use crate::world::{DepthView, Ground};

// What follows was set by three openings of tuning seeds and by held-out takes 010, 015 and 038, and is no fit: figures of these takes do not judge it.

/// Most that light may differ within a window that shows nothing, of 255.
const FLAT: u8 = 5;
/// Half a side of that window, in pixels of a view of 320. What shows nothing is at least as large as two of them.
const REACH: f64 = 2.0 / 320.0;
/// Rows between what shows nothing and the floor before it, as a share of the picture's: blurred edges take them.
const GAP: f64 = 1.0 / 15.0;
/// Rows that an edge amid it takes, as the line where the sky meets a cloud, in half sides of the window. Not more than one: courses of bricks
/// are many.
const EDGE: usize = 4;
/// Heights over the floor, as shares of the agent's, from which and to which nothing must be shown.
const FROM: f64 = 0.4;
const TO: f64 = 0.7;
/// What reaches the picture's upper border need not reach so far.
const TO_BORDER: f64 = 0.4;
/// Views that must agree on a cell, and the least share of those that meet it.
const LEAST_VIEWS: u16 = 3;
const LEAST_SHARE: f64 = 0.15;
/// Share of its places from which on depth shows nothing there either.
const VOIDS: f64 = 0.5;
/// Cells apart that still are one end: a pole may stand before it.
const APART: i64 = 2;

/// An end of the floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Blank {
    /// The cell nearest to its middle, x and z in the world's unit.
    pub middle: [f64; 2],
    /// Extent along x and z in the world's unit: the median over the views.
    pub size: [f64; 2],
    /// Cells of the ground that it takes.
    pub cells: usize,
    /// Share of the views that meet them which show it so.
    pub share: f64,
    /// Frames that show it, the widest first, at most eight.
    pub frames: Vec<usize>,
    /// Where the first shows it, as in `Evidence::pixel`.
    pub pixel: Option<[u32; 4]>,
    /// Where depth shows nothing there either: sigmas of the floor's noise by which it does, the 90th percentile of such places.
    pub open: Option<f64>,
}

/// A place on the ground before what shows nothing, in one view.
#[derive(Clone, Copy, Debug)]
struct End {
    /// Pixel of the floor.
    column: usize,
    row: usize,
    cell: usize,
    at: [f64; 2],
    /// Median logarithm of the depth seen over the floor's own level, of what lies under the horizon of what shows nothing; NaN where none does.
    log: f32,
}

/// Ends of the floor that an agent fits through, as far as anything tells; `None` where no view has a picture.
pub fn blank_ends(ground: &Ground, field: &Field<'_>) -> Option<Vec<Blank>> {
    if !field.views.iter().any(pictured) {
        return None;
    }
    let seen: Vec<Vec<End>> = field
        .views
        .par_iter()
        .map(|view| ends(view, ground, field.body.height))
        .collect();
    let nx = ground.size[0];
    let place = |i: usize| [(i % nx) as i64, 0, (i / nx) as i64];
    // Far off a row of pixels covers more than a cell, so that views may find it in the next one.
    let mut votes = vec![0u16; ground.sight.len()];
    let mut own = vec![false; ground.sight.len()];
    for view in &seen {
        let mut near: Vec<usize> = Vec::new();
        for end in view {
            own[end.cell] = true;
            let [x, _, z] = place(end.cell);
            for (dx, dz) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dz| (dx, dz))) {
                let (x, z) = (x + dx, z + dz);
                if x >= 0 && z >= 0 && x < nx as i64 && z < ground.size[1] as i64 {
                    near.push(x as usize + nx * z as usize);
                }
            }
        }
        near.sort_unstable();
        near.dedup();
        for i in near {
            votes[i] = votes[i].saturating_add(1);
        }
    }
    let enough = |i: &usize| {
        own[*i]
            && votes[*i].min(ground.views[*i]) >= LEAST_VIEWS
            && f64::from(votes[*i]) >= LEAST_SHARE * f64::from(ground.views[*i])
    };
    let cells: Vec<[i64; 3]> = (0..own.len()).filter(enough).map(place).collect();
    let found = regions(&cells, APART)
        .into_iter()
        .filter_map(|region| {
            let of: std::collections::BTreeSet<usize> = region
                .iter()
                .map(|[x, _, z]| *x as usize + nx * *z as usize)
                .collect();
            let inside = |view: &Vec<End>| -> Vec<End> {
                let inside = view.iter().filter(|end| of.contains(&end.cell));
                inside.copied().collect()
            };
            let by_view = field.views.iter().zip(seen.iter().map(inside));
            let mut shown: Vec<_> = by_view.filter(|(_, ends)| !ends.is_empty()).collect();
            // Stable: of equals the earlier frame.
            shown.sort_by_key(|(_, ends)| std::cmp::Reverse(ends.len()));
            let one = |(view, ends): &(&DepthView, Vec<End>)| stretch(ends, reach(view));
            let each: Vec<[[f64; 2]; 2]> = shown.iter().filter_map(one).collect();
            let all = shown.iter().map(|(_, ends)| ends.len()).sum::<usize>();
            let logs = shown
                .iter()
                .flat_map(|(_, ends)| ends.iter().map(|end| end.log));
            let mut void: Vec<f32> = logs.filter(|log| *log >= VOID).collect();
            void.sort_by(f32::total_cmp);
            let open = (void.len() as f64 >= VOIDS * all as f64)
                .then(|| void.get(void.len() * 9 / 10))
                .flatten()
                .map(|log| f64::from(log / ground.sigma));
            let over_views = |which: usize, a: usize| {
                median(&mut each.iter().map(|v| v[which][a]).collect::<Vec<_>>())
            };
            let size = [over_views(0, 0)?, over_views(0, 1)?];
            // Of an end that goes round a corner the middle is none of it.
            let (x, z) = (over_views(1, 0)?, over_views(1, 1)?);
            let off = |i: &usize| {
                let at = ground.middle(*i);
                (at[0] - x).hypot(at[1] - z)
            };
            let nearest = of.iter().min_by(|a, b| off(a).total_cmp(&off(b)))?;
            let middle = ground.middle(*nearest);
            let of = of.iter();
            let [told, met] = of.fold([0.0, 0.0], |sum, &i| {
                let met = f64::from(ground.views[i].max(votes[i]));
                [sum[0] + f64::from(votes[i]), sum[1] + met]
            });
            (size[0].hypot(size[1]) >= 2.0 * field.body.radius).then(|| Blank {
                middle,
                size,
                cells: region.len(),
                share: told / met,
                frames: shown.iter().take(8).map(|(v, _)| v.camera.frame).collect(),
                pixel: shown.first().map(|(view, ends)| {
                    let end = ends[ends.len() / 2];
                    [end.column as u32, end.row as u32, view.width, view.height]
                }),
                open,
            })
        })
        .collect();
    Some(found)
}

/// Whether a view has the frame's pixels.
fn pictured(view: &DepthView) -> bool {
    !view.colour.is_empty() && view.colour.len() == view.width as usize * view.height as usize
}

/// Half a side of the window of a view, in pixels.
fn reach(view: &DepthView) -> usize {
    (REACH * f64::from(view.width.max(view.height)))
        .round()
        .max(1.0) as usize
}

/// Extent along x and z, and the middle, of what one view shows of an end, in the order of its columns; `reach` as that of the view.
fn stretch(ends: &[End], reach: usize) -> Option<[[f64; 2]; 2]> {
    let (first, last) = (ends.first()?, ends.last()?);
    // Windows of its last columns show what is beside it, too.
    let columns = (last.column - first.column + 1) as f64;
    let whole = (columns + 2.0 * reach as f64) / columns;
    // The middles of both outer thirds lie two thirds of it apart.
    let third = (ends.len() / 3).max(1);
    let at = |some: &[End], a: usize| median(&mut some.iter().map(|e| e.at[a]).collect::<Vec<_>>());
    let (mut size, mut middle) = ([0.0; 2], [0.0; 2]);
    for a in 0..2 {
        let left = at(&ends[..third], a)?;
        let right = at(&ends[ends.len() - third..], a)?;
        size[a] = 1.5 * whole * (right - left).abs();
        middle[a] = 0.5 * (left + right);
    }
    Some([size, middle])
}

/// Where a view sees the floor end before what shows nothing up to an agent's height, a place a column of pixels at most.
fn ends(view: &DepthView, ground: &Ground, height: f64) -> Vec<End> {
    let (w, h) = (view.width as usize, view.height as usize);
    if !pictured(view) {
        return Vec::new();
    }
    let reach = reach(view);
    let nothing = nothing(&view.colour, w, h, reach);
    let (k, pose) = (view.intrinsics(), &view.camera.pose);
    let gap = (GAP * h as f64).ceil() as usize;
    // Height over the floor of a ray so far from the camera along the ground; the upper border of a row's pixels.
    let over = |x: usize, y: usize, far: f64| {
        let ray = pose.rotation * k.unproject(x as f64 + 0.5, y as f64, 1.0);
        pose.position.y + far * ray.y / ray.x.hypot(ray.z).max(1e-9)
    };
    let mut found = Vec::new();
    for x in 0..w {
        let meets = |y: usize| view.meets_floor(&k, x as u32, y as u32);
        // Whether it moves, nothing in it tells: masks take such places by what is beside them. Its foot may be too narrow for a window, and what
        // depth has as nothing belongs to it.
        let is = |y: usize| nothing[y * w + x] || meets(y).is_some_and(|(_, log)| log >= VOID);
        for (top, y) in runs(h, EDGE * reach, is) {
            // A plain floor shows nothing either: the end begins where it ends.
            let floor = |y: usize| {
                let (to, log) = meets(y)?;
                // What was seen there, which may be the foot of a wall before the plane.
                let seen = f64::from(log).exp();
                (log.abs() <= FLOOR).then_some([seen * to[0], seen * to[1]])
            };
            let mut bottom = y;
            while bottom > top && floor(bottom - 1).is_some() {
                bottom -= 1;
            }
            let floor = (bottom..h.min(bottom + gap)).find_map(|y| Some((y, floor(y)?)));
            let Some((row, to)) = floor else { continue };
            let far = to[0].hypot(to[1]);
            let (from, up_to) = (over(x, bottom, far), over(x, top, far));
            let tall = up_to >= TO * height || top <= reach && up_to >= TO_BORDER * height;
            let at = [pose.position.x + to[0], pose.position.z + to[1]];
            if let Some(cell) = ground.cell_of(at[0], at[1])
                && from <= FROM * height
                && tall
            {
                let logs = (top..bottom).filter_map(|y| Some(meets(y)?.1 - ground.level[cell]));
                found.push(End {
                    column: x,
                    row,
                    cell,
                    at,
                    log: median(&mut logs.collect::<Vec<_>>()).unwrap_or(f32::NAN),
                });
                break;
            }
        }
    }
    found
}

/// Stretches of rows that are, from the top, each from and up to; each with the one above it where no more than `edge` rows part them, and no more than
/// either has.
fn runs(rows: usize, edge: usize, is: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for y in (0..rows).filter(|y| is(*y)) {
        match runs.last_mut() {
            Some((_, to)) if *to == y => *to += 1,
            _ => runs.push((y, y + 1)),
        }
    }
    let mut above: Option<(usize, usize)> = None;
    let joined = runs.into_iter().map(|(from, to)| {
        let top = above.filter(|&(top, until)| {
            let gap = from - until;
            gap <= edge && (until - top).min(to - from) >= gap
        });
        above = Some((from, to));
        (top.map_or(from, |(top, _)| top), to)
    });
    joined.collect()
}

/// Pixels that lie in a window whose own windows all show nothing. Clear ones are no part of the picture.
fn nothing(rgba: &[u32], w: usize, h: usize, reach: usize) -> Vec<bool> {
    let light: Vec<u8> = rgba
        .iter()
        .map(|c| {
            let [r, g, b, _] = c.to_le_bytes().map(u32::from);
            ((77 * r + 150 * g + 29 * b) >> 8) as u8
        })
        .collect();
    let high = widest(&light, w, h, reach, u8::max);
    let low = widest(&light, w, h, reach, u8::min);
    let flat: Vec<u8> = (0..w * h)
        .map(|i| u8::from(high[i] - low[i] <= FLAT && rgba[i] >> 24 > 0))
        .collect();
    let inner = widest(&flat, w, h, reach, u8::min);
    widest(&inner, w, h, reach, u8::max)
        .into_iter()
        .map(|v| v > 0)
        .collect()
}

/// The most by `of` over a window about each pixel, as much of it as lies in the picture.
fn widest(values: &[u8], w: usize, h: usize, reach: usize, of: fn(u8, u8) -> u8) -> Vec<u8> {
    let span = |at: usize, n: usize| at.saturating_sub(reach)..(at + reach + 1).min(n);
    let across: Vec<u8> = (0..w * h)
        .map(|i| {
            let line = &values[i / w * w..][..w];
            line[span(i % w, w)].iter().copied().fold(line[i % w], of)
        })
        .collect();
    (0..w * h)
        .map(|i| {
            let column = span(i / w, h).map(|y| across[y * w + i % w]);
            column.fold(across[i], of)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn an_edge_joins_two_and_no_more() {
        let of = |rows: &str| runs(rows.len(), 4, |y| rows.as_bytes()[y] == b'#');
        assert_eq!(of("..####.."), [(2, 6)]);
        assert_eq!(of("#####...#####"), [(0, 5), (0, 13)]);
        // Too wide a gap, too low a part over it and under it.
        assert_eq!(of("#####.....#####"), [(0, 5), (10, 15)]);
        assert_eq!(of("##...#####"), [(0, 2), (5, 10)]);
        assert_eq!(of("#####...##"), [(0, 5), (8, 10)]);
        // Of bricks two at most.
        assert_eq!(of("###..###..###"), [(0, 3), (0, 8), (5, 13)]);
        assert_eq!(of("....").len(), 0);
    }
}
