//! Which flow correspondences the solver uses: consistent both ways, off depth edges, spread over the image.

use glam::DVec2;
use rayon::prelude::*;

use super::CameraError;
use super::overlay::Overlay;
use super::residual::Observation;
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::motion::{FlowPair, Pairs};
use crate::numeric::{bilinear, median, scramble};

/// Inverse depth of one frame, divided by the clip's median; NaN where unknown.
pub(super) struct Inverse {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Inverse {
    fn new(map: &DepthMap, kind: DepthKind) -> Self {
        let values = map
            .values
            .iter()
            .map(|&v| match kind {
                DepthKind::Metric if v > 0.0 && v.is_finite() => 1.0 / v,
                DepthKind::RelativeInverse if v.is_finite() => v,
                _ => f32::NAN,
            })
            .collect();
        Self {
            width: map.width as usize,
            height: map.height as usize,
            values,
        }
    }

    /// Forgets what an overlay covers.
    fn uncovered(&mut self, overlay: &Overlay) {
        let (w, h) = (self.width, self.height);
        for (at, value) in self.values.iter_mut().enumerate() {
            let [u, v] = [(at % w, w), (at / w, h)].map(|(k, n)| (k as f64 + 0.5) / n as f64);
            if overlay.covers(u, v) {
                *value = f32::NAN;
            }
        }
    }

    /// Bilinear sample at normalised image coordinates; NaN where one of the four is unknown.
    pub(super) fn sample(&self, u: f64, v: f64) -> f64 {
        let (w, h) = (self.width, self.height);
        let x = (u * w as f64 - 0.5).clamp(0.0, (w - 1) as f64);
        let y = (v * h as f64 - 0.5).clamp(0.0, (h - 1) as f64);
        bilinear(w, h, x, y, |i| f64::from(self.values[i]))
    }

    /// True where the 5x5 neighbourhood spans more than 15% in inverse depth (with `shift` added), or has a hole.
    pub(super) fn edge(&self, u: f64, v: f64, shift: f32) -> bool {
        let (w, h) = (self.width as isize, self.height as isize);
        let (x, y) = ((u * w as f64) as isize, (v * h as f64) as isize);
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for row in (y - 2).max(0)..=(y + 2).min(h - 1) {
            for column in (x - 2).max(0)..=(x + 2).min(w - 1) {
                let value = self.values[(row * w + column) as usize] + shift;
                if value.is_nan() || value <= 0.0 {
                    return true;
                }
                (low, high) = (low.min(value), high.max(value));
            }
        }
        high - low > 0.15 * high
    }
}

/// Normalised inverse depth of all frames, unknown where an overlay covers them, and the median they were divided by.
pub(super) fn inverse_depths(
    depths: &DepthMaps,
    overlay: Option<&Overlay>,
) -> Result<(Vec<Option<Inverse>>, f64), CameraError> {
    for (frame, map) in depths.maps.iter().enumerate() {
        if let Some(map) = map
            && (map.width < 5
                || map.height < 5
                || map.values.len() != map.width as usize * map.height as usize)
        {
            return Err(CameraError::Mismatch(format!(
                "the depth map of frame {frame} has {} values for {}x{} pixels (at least 5x5 are needed): estimate depth anew",
                map.values.len(),
                map.width,
                map.height
            )));
        }
    }
    let mut maps: Vec<Option<Inverse>> = depths
        .maps
        .par_iter()
        .map(|map| {
            let mut map = Inverse::new(map.as_ref()?, depths.kind);
            if let Some(overlay) = overlay {
                map.uncovered(overlay);
            }
            Some(map)
        })
        .collect();
    let mut sample: Vec<f32> = maps
        .iter()
        .flatten()
        .flat_map(|m| m.values.iter().copied().step_by(97))
        .filter(|v| *v > 0.0)
        .collect();
    let Some(median) = median(&mut sample) else {
        let mend = match depths.model == "known" {
            true => {
                "the depth beside the pictures is 0 or unknown throughout; take it away, or use --ignore-known-depth"
            }
            false => "estimate depth anew, or take another network with --model",
        };
        return Err(CameraError::Mismatch(format!(
            "no depth map holds a usable value: {mend}"
        )));
    };
    for map in maps.iter_mut().flatten() {
        map.values.iter_mut().for_each(|v| *v /= median);
    }
    Ok((maps, f64::from(median)))
}

/// Correspondences from frame `i` to frame `j`.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub i: usize,
    pub j: usize,
    pub points: Vec<Observation>,
}

/// Size of the flow fields and what turns a pixel into a centred one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub width: usize,
    pub height: usize,
    /// Principal point in pixels of the motion size.
    pub centre: DVec2,
    /// fy / fx at the motion size.
    pub aspect: f64,
}

impl Grid {
    /// Pixels per pixel of an image 640 wide: residual scales are given for that width.
    pub fn unit(&self) -> f64 {
        self.width as f64 / 640.0
    }

    /// A place whose pixel centres lie at +.5 as indices of pixels, inside the picture.
    fn index(&self, p: DVec2) -> DVec2 {
        let last = DVec2::new((self.width - 1) as f64, (self.height - 1) as f64);
        (p - 0.5).clamp(DVec2::ZERO, last)
    }

    pub(super) fn centred(&self, p: DVec2) -> DVec2 {
        let d = p - self.centre;
        DVec2::new(d.x, d.y / self.aspect)
    }
}

/// Where `p` of one frame is seen in the other, if the flow there and back agrees to 1 px (at a width of 640)
/// and 1% of its length; the second value tells whether the target was inside at all.
fn follow(
    grid: &Grid,
    there: &[[f32; 2]],
    back: &[[f32; 2]],
    x: usize,
    y: usize,
) -> (Option<DVec2>, bool) {
    let f = there[y * grid.width + x];
    let f = DVec2::new(f64::from(f[0]), f64::from(f[1]));
    returned(grid, back, DVec2::new(x as f64, y as f64), f)
}

/// The same from between pixels, in pixels whose centres lie at +.5.
pub(super) fn follow_at(
    grid: &Grid,
    there: &[[f32; 2]],
    back: &[[f32; 2]],
    p: DVec2,
) -> Option<DVec2> {
    returned(grid, back, grid.index(p), sample(grid, there, p)).0
}

/// Flow between pixels, in pixels whose centres lie at +.5; that of the nearest pixel beyond the edge.
pub(super) fn sample(grid: &Grid, flow: &[[f32; 2]], p: DVec2) -> DVec2 {
    let (w, h) = (grid.width, grid.height);
    let p = grid.index(p);
    let [x, y] = [0, 1].map(|k| bilinear(w, h, p.x, p.y, |i| f64::from(flow[i][k])));
    DVec2::new(x, y)
}

fn returned(grid: &Grid, back: &[[f32; 2]], from: DVec2, f: DVec2) -> (Option<DVec2>, bool) {
    let (w, h) = (grid.width, grid.height);
    let target = from + f;
    let inside = target.x >= 0.0
        && target.y >= 0.0
        && target.x <= (w - 1) as f64
        && target.y <= (h - 1) as f64;
    if !inside {
        return (None, false);
    }
    let b = DVec2::new(
        bilinear(w, h, target.x, target.y, |i| f64::from(back[i][0])),
        bilinear(w, h, target.x, target.y, |i| f64::from(back[i][1])),
    );
    let agrees = (f + b).length() < grid.unit() + 0.01 * f.length();
    (agrees.then_some(target + DVec2::splat(0.5)), true)
}

/// Share of the flow inside both frames that passes the two-way test, on every fourth pixel of every fourth row.
pub(super) fn consistent_share(grid: &Grid, pair: &FlowPair) -> f64 {
    let (mut passed, mut inside) = (0u64, 0u64);
    for y in (2..grid.height).step_by(4) {
        for x in (2..grid.width).step_by(4) {
            let (target, within) = follow(grid, &pair.forward, &pair.backward, x, y);
            passed += u64::from(target.is_some());
            inside += u64::from(within);
        }
    }
    // A pair whose flow leaves the image almost everywhere shows nothing in common.
    let seen = (grid.height.div_ceil(4) * grid.width.div_ceil(4)) as u64;
    passed as f64 / inside.max(seen / 4).max(1) as f64
}

/// Median flow length of a pair's consistent pixels, in pixels at a width of 640; `None` with too few of them.
/// What an overlay covers is left out.
pub(super) fn median_flow(grid: &Grid, pair: &FlowPair, overlay: Option<&Overlay>) -> Option<f64> {
    let mut lengths = Vec::new();
    for y in (2..grid.height).step_by(4) {
        for x in (2..grid.width).step_by(4) {
            let [u, v] = [(x, grid.width), (y, grid.height)].map(|(k, n)| k as f64 / n as f64);
            if overlay.is_some_and(|overlay| overlay.covers(u, v)) {
                continue;
            }
            if let (Some(target), _) = follow(grid, &pair.forward, &pair.backward, x, y) {
                lengths.push((target - DVec2::new(x as f64 + 0.5, y as f64 + 0.5)).length());
            }
        }
    }
    let middle = median(&mut lengths).filter(|_| lengths.len() >= 20);
    middle.map(|m| m / grid.unit())
}

/// Links of both directions of every pair, at most `per_link` points each, one in each cell of a grid.
pub(super) fn links(
    grid: &Grid,
    motion: &Pairs,
    maps: &[Option<Inverse>],
    edge_shift: f32,
    per_link: usize,
) -> Vec<Link> {
    let count = (motion.pairs.len() * 2) as u64;
    (0..count)
        .into_par_iter()
        .map(|index| {
            let pair = &motion.pairs[index as usize / 2];
            let (i, j, there, back) = match index % 2 {
                0 => (pair.a, pair.b, &pair.forward, &pair.backward),
                _ => (pair.b, pair.a, &pair.backward, &pair.forward),
            };
            let points = match &maps[i] {
                Some(from) => choose(
                    grid,
                    there,
                    back,
                    from,
                    maps[j].as_ref(),
                    edge_shift,
                    per_link,
                    index,
                ),
                None => Vec::new(),
            };
            Link { i, j, points }
        })
        .collect()
}

#[expect(clippy::too_many_arguments, reason = "one caller, all of it needed")]
fn choose(
    grid: &Grid,
    there: &[[f32; 2]],
    back: &[[f32; 2]],
    from: &Inverse,
    to: Option<&Inverse>,
    edge_shift: f32,
    per_link: usize,
    seed: u64,
) -> Vec<Observation> {
    let (w, h) = (grid.width as f64, grid.height as f64);
    let rows = ((per_link as f64 * h / w).sqrt().round() as usize).max(1);
    let columns = (per_link / rows).max(1);
    let mut points = Vec::with_capacity(rows * columns);
    for cell in 0..rows * columns {
        let (row, column) = (cell / columns, cell % columns);
        for attempt in 0..8u64 {
            let random = scramble(
                scramble(seed + 1)
                    .wrapping_add((cell as u64 * 8 + attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            );
            let fraction = |bits: u64| (bits & 0xFFFF) as f64 / 65536.0;
            let x = ((column as f64 + fraction(random)) * w / columns as f64) as usize;
            let y = ((row as f64 + fraction(random >> 16)) * h / rows as f64) as usize;
            let (Some(target), _) = follow(grid, there, back, x, y) else {
                continue;
            };
            let p = DVec2::new(x as f64 + 0.5, y as f64 + 0.5);
            let (u, v) = (p.x / w, p.y / h);
            let depth_from = from.sample(u, v);
            if !depth_from.is_finite() || from.edge(u, v, edge_shift) {
                continue;
            }
            let (tu, tv) = (target.x / w, target.y / h);
            let depth_to = match to {
                Some(to) if !to.edge(tu, tv, edge_shift) => to.sample(tu, tv),
                _ => f64::NAN,
            };
            points.push(Observation {
                from: grid.centred(p),
                to: grid.centred(target),
                depth_from,
                depth_to,
                relief_to: 1.0 / (depth_to + f64::from(edge_shift)),
            });
            break;
        }
    }
    points
}
