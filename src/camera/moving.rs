//! What moves by itself, by solved cameras: flow that no depth of a still scene explains (Sampson's cue, against the true
//! epipolar lines), and flow along the line that the frame's own depth does not.
//!
//! Of every flow to a near frame the part across the epipolar line counts in full, that along it as far as it is more than
//! an error of the depth makes. Both over the flow's own noise, robustly told from all pixels of that pair, not over their
//! maximum: a pair in which nothing moves has no movers. The median over the near frames, then the median along the flow
//! over the frames beside, so that a flow that failed once and a foot that stands for a step do not count.

use std::collections::BTreeMap;

use glam::{DMat3, DVec2, DVec3};
use rayon::prelude::*;

use super::overlay::{self, Overlay};
use super::{Camera, Cameras};
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::motion::{FlowPair, MOVING, Mask, Masks, Pairs};
use crate::numeric::{bilinear, median};

/// A depth may be so wrong, as a share of it, before the motion along the epipolar line tells of a mover.
const DEPTH_ERROR: f64 = 0.2;
/// Least noise of a flow, in pixels at a width of 640.
const LEAST_NOISE: f64 = 0.16;
/// Noise is that of the quieter part of the pixels: this quantile of the distances across, over the normal's own.
const QUIET: f64 = 0.4;
const QUIET_SIGMA: f64 = 0.5244;
/// The same of distances in both directions (Rayleigh), which count where a camera does not travel.
const QUIET_LENGTH: f64 = 1.0108;
/// Excess in sigmas at which a pixel is as likely moving as not. Fitted with `director eval masks --half tuning`.
const EVEN: f32 = 13.0;
/// Excess under this many sigmas is none.
const LEAST_EXCESS: f32 = 0.5;
/// Farther off than by this share of the median inverse depth a thing may be told by its looks alone.
const FAR_OFF: f64 = 0.15;
/// Grey levels by which it may look less alike where a still scene has it than where its flow leads.
const ALIKE: f64 = 2.0;
/// Nearest strides that are looked at, each to both sides.
const STRIDES: usize = 3;
/// Half a side of the window of the last median, in pixels at a width of 320.
const WINDOW: f64 = 2.0;
/// A thing in one frame and one in the next are the same where this share of the smaller is taken onto the other.
const SAME: f64 = 0.3;
/// A thing smaller than this share of the picture in every frame has no number.
const LEAST_THING: f64 = 0.001;

/// Pixels at a width of 640 by which what is no overlay should move in a pair, to tell.
const SHOULD: f64 = 3.0;
/// Pixels at a width of 640 within which cameras explain a flow.
const EXPLAINED: f64 = 2.0;
/// Every so many pixels both ways cameras are held against an overlay.
const SPARSE: usize = 4;

/// Masks of the frames that have a camera, at the size of the flow; `depths` has one map a frame, as for
/// [`super::solve()`]. Frames without a camera or a map, or whose flow to the frames beside is missing, have none.
pub fn moving(motion: &Pairs, depths: &DepthMaps, cameras: &Cameras) -> Masks {
    let size = Size {
        w: motion.width as usize,
        h: motion.height as usize,
    };
    let mut masks = Masks {
        width: motion.width,
        height: motion.height,
        frames: vec![None; motion.times.len()],
    };
    let by_frame: BTreeMap<usize, &Camera> = cameras.cameras.iter().map(|c| (c.frame, c)).collect();
    let near = near(motion);
    // Logarithms of the excess; each frame's own first.
    let own: Vec<Option<Vec<f32>>> = (0..masks.frames.len())
        .into_par_iter()
        .map(|i| {
            let camera = by_frame.get(&i)?;
            let map = depths.maps.get(i)?.as_ref()?;
            let inverse = size.inverse(map, depths.kind, camera);
            let known = inverse.iter().copied().filter(|r| r.is_finite());
            let far = FAR_OFF * median(&mut known.collect::<Vec<f64>>()).unwrap_or(0.0);
            let excesses: Vec<Vec<f32>> = near
                .get(&i)?
                .iter()
                .filter_map(|to| {
                    let other = by_frame.get(&to.frame)?;
                    let mut excess = size.excess(&inverse, to, camera, other);
                    let lumas = [i, to.frame].map(|k| motion.luma.get(k).filter(|l| !l.is_empty()));
                    if let [Some(from), Some(there)] = lumas {
                        let still = Still::new(size, camera, other);
                        size.stand(&mut excess, (&inverse, far), to, &still, [from, there]);
                    }
                    Some(excess)
                })
                .collect();
            size.joined(&excesses)
        })
        .collect();
    let steady: Vec<Option<Vec<f32>>> = (0..own.len())
        .into_par_iter()
        .map(|i| {
            let mine = own[i].as_ref()?;
            let beside: Vec<(&To<'_>, &Vec<f32>)> = near
                .get(&i)?
                .iter()
                .filter_map(|to| Some((to, own.get(to.frame)?.as_ref()?)))
                .collect();
            let mut all = Vec::with_capacity(beside.len() + 1);
            let along = (0..mine.len()).map(|p| {
                all.clear();
                all.push(mine[p]);
                for (to, theirs) in &beside {
                    let [x, y] = size.target(p, to.flow[p]);
                    all.push(bilinear(size.w, size.h, x, y, |q| f64::from(theirs[q])) as f32);
                }
                middle(&mut all)
            });
            Some(size.smooth(&along.collect::<Vec<f32>>()))
        })
        .collect();
    for (mask, excess) in masks.frames.iter_mut().zip(&steady) {
        *mask = excess.as_ref().map(|excess| Mask {
            moving: excess.iter().map(|&z| probability(z)).collect(),
            objects: vec![0; excess.len()],
        });
    }
    if let Some(overlay) = overlaid(size, motion, depths, &by_frame) {
        let all = masks.frames.iter_mut().flatten();
        for mask in all {
            let each = mask.moving.iter_mut().enumerate();
            each.filter(|(at, _)| overlay.has(*at))
                .for_each(|(_, moving)| *moving = u8::MAX);
        }
    }
    number(&mut masks, motion);
    masks
}

/// Pairs whose cameras and first frame's depth are known, with that depth and what a still scene does.
fn posed<'m>(
    size: Size,
    motion: &'m Pairs,
    depths: &'m DepthMaps,
    by_frame: &'m BTreeMap<usize, &Camera>,
) -> impl ParallelIterator<Item = (&'m FlowPair, Vec<f64>, Still)> {
    motion.pairs.par_iter().filter_map(move |pair| {
        let (from, to) = (by_frame.get(&pair.a)?, by_frame.get(&pair.b)?);
        let map = depths.maps.get(pair.a)?.as_ref()?;
        let inverse = size.inverse(map, depths.kind, from);
        Some((pair, inverse, Still::new(size, from, to)))
    })
}

/// What stands still in the picture though by these cameras and depths it should move, as a caption does, and black bars.
fn overlaid(
    size: Size,
    motion: &Pairs,
    depths: &DepthMaps,
    by_frame: &BTreeMap<usize, &Camera>,
) -> Option<Overlay> {
    let least = SHOULD * size.w as f64 / 640.0;
    let none = || vec![[0u32; 2]; size.w * size.h];
    let told = posed(size, motion, depths, by_frame)
        .fold(none, |mut told, (pair, inverse, still)| {
            for (at, told) in told.iter_mut().enumerate() {
                let goes = still.goes(size.pixel(at), inverse[at]);
                if goes.is_some_and(|to| (to - size.pixel(at)).length() >= least) {
                    told[0] += 1;
                    told[1] += u32::from(overlay::stands(pair, at, size.w));
                }
            }
            told
        })
        .reduce(none, |mut a, b| {
            for (a, b) in a.iter_mut().zip(b) {
                *a = [a[0] + b[0], a[1] + b[1]];
            }
            a
        });
    Overlay::standing(motion, &told)
}

/// Whether cameras that travel are not those of the picture but for an overlay, black bars apart: most of it should move by them, or they do not explain
/// most of the rest.
pub(super) fn contradicts(
    motion: &Pairs,
    depths: &DepthMaps,
    cameras: &Cameras,
    overlay: &Overlay,
    bars: Option<&Overlay>,
) -> bool {
    let size = Size {
        w: motion.width as usize,
        h: motion.height as usize,
    };
    let by_frame: BTreeMap<usize, &Camera> = cameras.cameras.iter().map(|c| (c.frame, c)).collect();
    let unit = size.w as f64 / 640.0;
    // Of the overlay those that should move, of the rest those that are explained; and all of each.
    let counts = posed(size, motion, depths, &by_frame)
        .map(|(pair, inverse, still)| {
            let mut counts = [[0u32; 2]; 2];
            for (x, y) in (0..size.h)
                .step_by(SPARSE)
                .flat_map(|y| (0..size.w).step_by(SPARSE).map(move |x| (x, y)))
            {
                let at = y * size.w + x;
                if bars.is_some_and(|bars| bars.has(at)) {
                    continue;
                }
                let pixel = size.pixel(at);
                let Some(goes) = still.goes(pixel, inverse[at]) else {
                    continue;
                };
                let flow = DVec2::from_array(pair.forward[at].map(f64::from));
                let (kind, counts_for) = match overlay.has(at) {
                    true => (0, (goes - pixel).length() >= SHOULD * unit),
                    false => (1, (goes - pixel - flow).length() <= EXPLAINED * unit),
                };
                counts[kind][0] += u32::from(counts_for);
                counts[kind][1] += 1;
            }
            counts
        })
        .reduce(
            || [[0; 2]; 2],
            |a, b| [0, 1].map(|k| [a[k][0] + b[k][0], a[k][1] + b[k][1]]),
        );
    let [[should, overlaid], [explained, rest]] = counts;
    2 * should > overlaid || 2 * explained < rest
}

/// The probability, in 255ths, of a logarithm of an excess.
fn probability(log: f32) -> u8 {
    (255.0 / (1.0 + (2.0 * (EVEN.ln() - log)).exp())).round() as u8
}

/// The lower of the middle two.
fn middle(values: &mut [f32]) -> f32 {
    let k = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(k, f32::total_cmp).1
}

/// Flow from one frame to another.
struct To<'a> {
    frame: usize,
    flow: &'a [[f32; 2]],
    back: &'a [[f32; 2]],
}

/// Of every frame the flows over the nearest strides, to both sides.
fn near(motion: &Pairs) -> BTreeMap<usize, Vec<To<'_>>> {
    let mut strides: Vec<usize> = motion.pairs.iter().map(|p| p.b - p.a).collect();
    strides.sort_unstable();
    strides.dedup();
    strides.truncate(STRIDES);
    let mut all: BTreeMap<usize, Vec<To<'_>>> = BTreeMap::new();
    let within = |p: &&FlowPair| strides.contains(&(p.b - p.a));
    for pair in motion.pairs.iter().filter(within) {
        let (flow, back) = (&pair.forward[..], &pair.backward[..]);
        all.entry(pair.a).or_default().push(To {
            frame: pair.b,
            flow,
            back,
        });
        all.entry(pair.b).or_default().push(To {
            frame: pair.a,
            flow: back,
            back: flow,
        });
    }
    all
}

#[derive(Clone, Copy)]
struct Size {
    w: usize,
    h: usize,
}

impl Size {
    /// The middle of a pixel.
    fn pixel(self, at: usize) -> DVec2 {
        DVec2::new((at % self.w) as f64, (at / self.w) as f64) + 0.5
    }

    /// Where flow takes a pixel, on the grid of pixel indices, inside the picture.
    fn target(self, p: usize, flow: [f32; 2]) -> [f64; 2] {
        let at = [p % self.w, p / self.w];
        let last = [self.w - 1, self.h - 1];
        [0, 1].map(|a| {
            let to = at[a] as f64 + f64::from(flow[a]);
            // Not a number goes to 0.
            to.max(0.0).min(last[a] as f64)
        })
    }

    /// Aligned inverse depth of each pixel; NaN where it is unknown.
    fn inverse(self, map: &DepthMap, kind: DepthKind, camera: &Camera) -> Vec<f64> {
        let (mw, mh) = (map.width as usize, map.height as usize);
        (0..self.w * self.h)
            .map(|p| {
                let place = |at: usize, of: usize, size: usize| {
                    ((at as f64 + 0.5) / of as f64 * size as f64 - 0.5)
                        .clamp(0.0, (size - 1) as f64)
                };
                let x = place(p % self.w, self.w, mw);
                let y = place(p / self.w, self.h, mh);
                bilinear(mw, mh, x, y, |q| {
                    let value = f64::from(map.values[q]);
                    camera.inverse_depth(kind, value).unwrap_or(f64::NAN)
                })
            })
            .collect()
    }

    /// The test of Sundaram et al. (ECCV 2010), as `kernels/motion/check` makes it.
    fn consistent(self, p: usize, to: &To<'_>) -> bool {
        let f = to.flow[p].map(f64::from);
        let x = (p % self.w) as f64 + f[0];
        let y = (p / self.w) as f64 + f[1];
        if !(x >= 0.0 && y >= 0.0 && x <= (self.w - 1) as f64 && y <= (self.h - 1) as f64) {
            return false;
        }
        let g = [0, 1].map(|c| bilinear(self.w, self.h, x, y, |q| f64::from(to.back[q][c])));
        let square = |v: [f64; 2]| v[0] * v[0] + v[1] * v[1];
        square([f[0] + g[0], f[1] + g[1]]) < 0.01 * (square(f) + square(g)) + 0.5
    }

    /// Sigmas of the flow's noise by which each pixel's flow is another than a still scene's; NaN where it is unknown.
    fn excess(self, inverse: &[f64], to: &To<'_>, from: &Camera, other: &Camera) -> Vec<f32> {
        let still = Still::new(self, from, other);
        let parts: Vec<Option<[f64; 3]>> = inverse
            .iter()
            .enumerate()
            .map(|(p, &inverse)| {
                let there = self.consistent(p, to).then(|| {
                    let pixel = self.pixel(p);
                    let flow = DVec2::from_array(to.flow[p].map(f64::from));
                    still.parts(pixel, pixel + flow, inverse)
                });
                there.flatten()
            })
            .collect();
        let mut across: Vec<f64> = parts.iter().flatten().map(|p| p[0]).collect();
        if across.is_empty() {
            return vec![f32::NAN; inverse.len()];
        }
        let at = (QUIET * (across.len() - 1) as f64) as usize;
        let quiet = *across.select_nth_unstable_by(at, f64::total_cmp).1;
        let own = match still.near == DVec3::ZERO {
            true => QUIET_LENGTH,
            false => QUIET_SIGMA,
        };
        let noise = (quiet / own).max(LEAST_NOISE * self.w as f64 / 640.0);
        parts
            .iter()
            .map(|part| {
                part.map_or(f32::NAN, |[across, along, parallax]| {
                    let more = (along.abs() - DEPTH_ERROR * parallax).max(0.0);
                    (across.hypot(more) / noise) as f32
                })
            })
            .collect()
    }

    /// Takes back the excess of what is far off and looks the same where a still scene has it: blank sky has no flow of its own, and takes that
    /// of the edges beside it, as in an opening.
    fn stand(
        self,
        excess: &mut [f32],
        (inverse, far): (&[f64], f64),
        to: &To<'_>,
        still: &Still,
        lumas: [&Vec<f32>; 2],
    ) {
        for (p, excess) in excess.iter_mut().enumerate() {
            let off = inverse[p] <= far && *excess > 0.0;
            let goes = still.goes(self.pixel(p), inverse[p]);
            let Some(goes) = goes.filter(|_| off) else {
                continue;
            };
            let led = self.pixel(p) + DVec2::from_array(to.flow[p].map(f64::from));
            let [own, other] = [goes, led].map(|at| self.unlike(p, at, lumas));
            if own.is_some_and(|own| other.is_some_and(|other| own <= other + ALIKE)) {
                *excess = 0.0;
            }
        }
    }

    /// Mean difference in grey levels of the pictures about a pixel and about a place in the other; `None` outside.
    fn unlike(self, p: usize, at: DVec2, [from, to]: [&Vec<f32>; 2]) -> Option<f64> {
        let (x, y) = ((p % self.w) as i64, (p / self.w) as i64);
        let last = [self.w - 1, self.h - 1].map(|n| n as f64);
        let (mut sum, mut count) = (0.0, 0u32);
        for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
            let here = [x + dx, y + dy];
            let there = [at.x - 0.5 + dx as f64, at.y - 0.5 + dy as f64];
            let inside =
                (0..self.w as i64).contains(&here[0]) && (0..self.h as i64).contains(&here[1]);
            let seen = (0..2).all(|a| there[a] >= 0.0 && there[a] <= last[a]);
            if inside && seen {
                let own = from[here[0] as usize + self.w * here[1] as usize];
                let other = bilinear(self.w, self.h, there[0], there[1], |q| f64::from(to[q]));
                sum += (f64::from(own) - other).abs();
                count += 1;
            }
        }
        (count > 0).then(|| sum / f64::from(count))
    }

    /// The logarithm of the median excess; what no flow tells is as the nearest pixel of which one does. `None` where
    /// none does at all.
    fn joined(self, excesses: &[Vec<f32>]) -> Option<Vec<f32>> {
        let mut known = vec![f32::NAN; self.w * self.h];
        let mut told = Vec::new();
        for (p, value) in known.iter_mut().enumerate() {
            told.clear();
            told.extend(excesses.iter().map(|e| e[p]).filter(|z| !z.is_nan()));
            if !told.is_empty() {
                *value = middle(&mut told).max(LEAST_EXCESS).ln();
            }
        }
        // Breadth first from all that is known.
        let mut edge: Vec<usize> = (0..known.len()).filter(|&p| !known[p].is_nan()).collect();
        if edge.is_empty() {
            return None;
        }
        while !edge.is_empty() {
            let mut next = Vec::new();
            for &p in &edge {
                for q in self.beside(p).into_iter().flatten() {
                    if known[q].is_nan() {
                        known[q] = known[p];
                        next.push(q);
                    }
                }
            }
            edge = next;
        }
        Some(known)
    }

    /// The four pixels beside one.
    fn beside(self, p: usize) -> [Option<usize>; 4] {
        let (x, y) = (p % self.w, p / self.w);
        [
            (x > 0).then(|| p - 1),
            (x + 1 < self.w).then(|| p + 1),
            (y > 0).then(|| p - self.w),
            (y + 1 < self.h).then(|| p + self.w),
        ]
    }

    /// The median of the window about each pixel.
    fn smooth(self, values: &[f32]) -> Vec<f32> {
        let half = (WINDOW * self.w as f64 / 320.0).round() as usize;
        let mut window = Vec::new();
        (0..values.len())
            .map(|p| {
                let (x, y) = (p % self.w, p / self.w);
                window.clear();
                for row in y.saturating_sub(half)..=(y + half).min(self.h - 1) {
                    let (left, right) = (x.saturating_sub(half), (x + half).min(self.w - 1));
                    window.extend_from_slice(&values[row * self.w + left..=row * self.w + right]);
                }
                middle(&mut window)
            })
            .collect()
    }
}

/// Where a still scene's pixels go from one camera to another: at inverse depth r to A p + r b (Hartley and Zisserman,
/// Multiple View Geometry, 13.4).
struct Still {
    far: DMat3,
    near: DVec3,
}

impl Still {
    fn new(size: Size, from: &Camera, to: &Camera) -> Self {
        let matrix = |camera: &Camera| {
            let k = camera.intrinsics.resized(size.w as u32, size.h as u32);
            DMat3::from_cols(
                DVec3::new(k.fx, 0.0, 0.0),
                DVec3::new(0.0, k.fy, 0.0),
                DVec3::new(k.cx, k.cy, 1.0),
            )
        };
        let world_to = to.pose.rotation.transpose();
        Self {
            far: matrix(to) * world_to * from.pose.rotation * matrix(from).inverse(),
            near: matrix(to) * (world_to * (from.pose.position - to.pose.position)),
        }
    }

    /// Where a still pixel goes by its inverse depth, which must be known; `None` behind the camera.
    fn goes(&self, pixel: DVec2, inverse: f64) -> Option<DVec2> {
        let y = self.far * pixel.extend(1.0) + inverse.max(0.0) * self.near;
        (inverse.is_finite() && y.z > 1e-3).then(|| y.truncate() / y.z)
    }

    /// Pixels that the flow's target lies across the epipolar line and along it from where the depth has it, and the parallax
    /// of that depth; `None` where the point lies behind the camera. Of an unknown depth the line alone tells.
    fn parts(&self, pixel: DVec2, target: DVec2, inverse: f64) -> Option<[f64; 3]> {
        let known = inverse.is_finite();
        // What an error of the alignment has beyond infinity lies there.
        let inverse = if known { inverse.max(0.0) } else { 0.0 };
        let y = self.far * pixel.extend(1.0) + inverse * self.near;
        if y.z.is_nan() || y.z <= 1e-3 {
            return None;
        }
        let at = y.truncate() / y.z;
        let slope = (self.near.truncate() - at * self.near.z) / y.z;
        let off = target - at;
        let way = slope.normalize_or_zero();
        // Without travel there is no line, and all of it counts.
        let (across, along) = match way == DVec2::ZERO {
            true => (off.length(), 0.0),
            false if known => (off.perp_dot(way).abs(), off.dot(way)),
            false => (off.perp_dot(way).abs(), 0.0),
        };
        let parallax = slope.length() * inverse;
        (across.is_finite() && along.is_finite()).then_some([across, along, parallax])
    }
}

/// Gives things their numbers: connected pixels that more likely move than not, and the same thing in the frames beside
/// where the flow takes one onto the other.
fn number(masks: &mut Masks, motion: &Pairs) {
    let size = Size {
        w: motion.width as usize,
        h: motion.height as usize,
    };
    // Connected pixels of each frame, numbered through all frames from 1.
    let mut count = 0u32;
    let mut sizes = vec![0u32];
    let labels: Vec<Vec<u32>> = masks
        .frames
        .iter()
        .map(|mask| {
            let Some(mask) = mask else {
                return Vec::new();
            };
            let mut label = vec![0u32; mask.moving.len()];
            for seed in 0..label.len() {
                if label[seed] != 0 || mask.moving[seed] < MOVING {
                    continue;
                }
                count += 1;
                sizes.push(0);
                let mut stack = vec![seed];
                label[seed] = count;
                while let Some(p) = stack.pop() {
                    sizes[count as usize] += 1;
                    for q in size.beside(p).into_iter().flatten() {
                        if label[q] == 0 && mask.moving[q] >= MOVING {
                            label[q] = count;
                            stack.push(q);
                        }
                    }
                }
            }
            label
        })
        .collect();
    let mut parent: Vec<u32> = (0..=count).collect();
    let find = |parent: &mut Vec<u32>, mut a: u32| {
        while parent[a as usize] != a {
            parent[a as usize] = parent[parent[a as usize] as usize];
            a = parent[a as usize];
        }
        a
    };
    for pair in motion.pairs.iter().filter(|p| p.b == p.a + 1) {
        let (from, to) = (&labels[pair.a], &labels[pair.b]);
        if from.is_empty() || to.is_empty() {
            continue;
        }
        let mut shared: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for (p, &a) in from.iter().enumerate().filter(|(_, a)| **a != 0) {
            let [x, y] = size.target(p, pair.forward[p]).map(|v| v.round() as usize);
            let b = to[y * size.w + x];
            if b != 0 {
                *shared.entry((a, b)).or_default() += 1;
            }
        }
        for ((a, b), n) in shared {
            let smaller = sizes[a as usize].min(sizes[b as usize]);
            if f64::from(n) >= SAME * f64::from(smaller) {
                let (a, b) = (find(&mut parent, a), find(&mut parent, b));
                // The earlier number stays.
                parent[a.max(b) as usize] = a.min(b);
            }
        }
    }
    let least = LEAST_THING * (size.w * size.h) as f64;
    let mut largest: BTreeMap<u32, u32> = BTreeMap::new();
    for a in 1..=count {
        let root = find(&mut parent, a);
        let most = largest.entry(root).or_default();
        *most = (*most).max(sizes[a as usize]);
    }
    let numbers: BTreeMap<u32, u16> = largest
        .into_iter()
        .filter(|(_, most)| f64::from(*most) >= least)
        .zip(1..=u16::MAX)
        .map(|((root, _), number)| (root, number))
        .collect();
    for (mask, label) in masks.frames.iter_mut().zip(&labels) {
        let Some(mask) = mask else {
            continue;
        };
        for (object, &a) in mask.objects.iter_mut().zip(label) {
            if a != 0 {
                let root = find(&mut parent, a);
                *object = numbers.get(&root).copied().unwrap_or(0);
            }
        }
    }
}

/// The mean share of the picture that more likely moves than not; `None` without masks.
pub fn moving_share(masks: &Masks) -> Option<f64> {
    let shares: Vec<f64> = masks
        .frames
        .iter()
        .flatten()
        .map(|mask| {
            let moving = mask.moving.iter().filter(|m| **m >= MOVING).count();
            moving as f64 / mask.moving.len().max(1) as f64
        })
        .collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}
