//! Points of a frame followed into many others: by one flow where there is one, farther by flow after flow.

use glam::{DMat2, DVec2};
use rayon::prelude::*;

use self::patch::{CORNER, Patch, Picture, Shown};
use super::points::{Grid, Inverse, follow_at, sample};
use crate::motion::{FlowPair, Pairs};
use crate::numeric::scramble;

mod patch;

/// Flows in a row, at most: each adds its own error.
const HOPS: usize = 3;
/// Frames that a point must be seen in beside its own.
const FEWEST: usize = 2;
/// Places that are tried in a cell beside its best corner; the one that is seen best is taken.
const TRIES: u64 = 4;
/// A place that the picture tells counts as so many that flow alone tells.
const EXACT: f64 = 16.0;
/// Pixels over which the flow tells how a patch is warped, and the largest change of it that is believed.
const REACH: f64 = 3.0;
const WARP: f64 = 0.4;
/// All of a track counts as so many frames that see it, at most: who walks and is followed is in every picture, walls
/// are not.
const MOST: f64 = 4.0;
/// Of so many points one takes no part in the solve, and judges it.
const HELD_OUT: u64 = 8;

/// Where a point is seen in another frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The frame.
    pub frame: usize,
    /// In pixels relative to the principal point, of the motion size; y divided by the pixel aspect.
    pub at: DVec2,
    /// What the observation counts: less after several flows.
    pub weight: f64,
}

/// A point of one frame and where others see it.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Where its own frame sees it, as [`Seen::at`].
    pub from: DVec2,
    /// The depth map's value there, over the clip's median.
    pub depth: f64,
    /// In other frames.
    pub seen: Vec<Seen>,
}

/// The tracks that begin in one frame.
#[derive(Clone, Debug)]
pub(super) struct Fan {
    /// The frame.
    pub frame: usize,
    /// Those that are solved for.
    pub tracks: Vec<Track>,
    /// Those that judge.
    pub held_out: Vec<Track>,
}

/// Tracks from every frame, about `each` of them, one in each cell of a grid; none into those that are `blank`.
pub(super) fn fans(
    grid: &Grid,
    motion: &Pairs,
    maps: &[Option<Inverse>],
    blank: &[bool],
    edge_shift: f32,
    each: usize,
) -> Vec<Fan> {
    let clip = Clip {
        grid,
        motion,
        strides: strides(motion),
        frames: maps.len(),
        blank,
    };
    (0..clip.frames)
        .into_par_iter()
        .map(|frame| {
            let mut fan = Fan {
                frame,
                tracks: Vec::new(),
                held_out: Vec::new(),
            };
            let Some(map) = &maps[frame] else { return fan };
            let (w, h) = (grid.width as f64, grid.height as f64);
            let rows = ((each as f64 * h / w).sqrt().round() as usize).max(1);
            let columns = (each / rows).max(1);
            let corners = clip.picture(frame).map(|p| p.corners());
            for cell in 0..rows * columns {
                let (row, column) = (cell / columns, cell % columns);
                let within = |fx: f64, fy: f64| {
                    let x = (column as f64 + fx) * w / columns as f64;
                    let y = (row as f64 + fy) * h / rows as f64;
                    DVec2::new(x.floor() + 0.5, y.floor() + 0.5)
                };
                let random = (0..TRIES).map(|attempt| {
                    let random = scramble(scramble(frame as u64 + 1).wrapping_add(
                        (cell as u64 * TRIES + attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15),
                    ));
                    let fraction = |bits: u64| (bits & 0xFFFF) as f64 / 65536.0;
                    within(fraction(random), fraction(random >> 16))
                });
                let corner = corners
                    .as_ref()
                    .and_then(|c| best_corner(c, grid.width, within(0.0, 0.0), within(1.0, 1.0)));
                let mut best: Option<(f64, Track)> = None;
                for p in corner.into_iter().chain(random) {
                    let (u, v) = (p.x / w, p.y / h);
                    let depth = map.sample(u, v);
                    if !depth.is_finite() || map.edge(u, v, edge_shift) {
                        continue;
                    }
                    let at = p.y as usize * grid.width + p.x as usize;
                    let tells = corners.as_ref().is_some_and(|c| c[at] >= CORNER);
                    let (worth, seen) = clip.follow(frame, p, tells);
                    let better = best.as_ref().is_none_or(|(most, _)| worth > *most);
                    if seen.len() >= FEWEST && better {
                        let from = grid.centred(p);
                        best = Some((worth, Track { from, depth, seen }));
                    }
                }
                if let Some((_, track)) = best {
                    match scramble((frame * rows * columns + cell) as u64 + 0x5EED) % HELD_OUT {
                        0 => fan.held_out.push(track),
                        _ => fan.tracks.push(track),
                    }
                }
            }
            fan
        })
        .collect()
}

/// The pixel of a cell about which the picture changes the most in all directions, if it tells a place.
fn best_corner(corners: &[f32], width: usize, from: DVec2, to: DVec2) -> Option<DVec2> {
    let rows = from.y as usize..(to.y as usize).min(corners.len() / width);
    let pixels =
        rows.flat_map(|y| (from.x as usize..(to.x as usize).min(width)).map(move |x| (x, y)));
    let best =
        pixels.max_by(|&(x, y), &(u, v)| corners[y * width + x].total_cmp(&corners[v * width + u]));
    let (x, y) = best.filter(|&(x, y)| corners[y * width + x] >= CORNER)?;
    Some(DVec2::new(x as f64, y as f64) + 0.5)
}

/// The distances of frames between which there are flows, the longest last.
fn strides(motion: &Pairs) -> Vec<usize> {
    let mut all: Vec<usize> = motion.pairs.iter().map(|p| p.b - p.a).collect();
    all.sort_unstable();
    all.dedup();
    all
}

struct Clip<'a> {
    grid: &'a Grid,
    motion: &'a Pairs,
    strides: Vec<usize>,
    frames: usize,
    /// Frames in which nothing is seen.
    blank: &'a [bool],
}

/// A place that a point was followed to.
#[derive(Clone, Copy)]
struct Followed {
    frame: usize,
    at: DVec2,
    /// Turns an offset in the point's own frame into one here, as the flow has it.
    warp: DMat2,
    /// Whether the picture told the place.
    exact: bool,
}

impl Clip<'_> {
    fn picture(&self, frame: usize) -> Option<Picture<'_>> {
        let luma = self.motion.luma.get(frame)?;
        let (width, height) = (self.grid.width, self.grid.height);
        (luma.len() == width * height).then_some(Picture {
            width,
            height,
            luma,
        })
    }

    /// Where the other frames see `p` of a frame, and what that is worth. Where the patch about it tells, places are those where the
    /// pictures show it, and none where they show something else.
    fn follow(&self, frame: usize, p: DVec2, tells: bool) -> (f64, Vec<Seen>) {
        let own = self.picture(frame).filter(|_| tells);
        let patch = own.and_then(|picture| Patch::new(picture, p));
        let start = Followed {
            frame,
            at: p,
            warp: DMat2::IDENTITY,
            exact: true,
        };
        let mut seen = Vec::new();
        let (mut all, mut worth) = (0.0f64, 0.0);
        for forward in [true, false] {
            let next = |from: usize, stride: usize| match forward {
                true => from.checked_add(stride).filter(|f| *f < self.frames),
                false => from.checked_sub(stride),
            };
            let mut push = |to: &Followed, hops: usize| {
                let at = self.grid.centred(to.at);
                let [weight, counts] = match to.exact {
                    true => [1.0, EXACT],
                    false => [1.0 / hops as f64, 1.0],
                };
                all += weight;
                worth += weight * counts;
                seen.push(Seen {
                    frame: to.frame,
                    at,
                    weight: weight * counts,
                });
            };
            let mut farthest = None;
            for &stride in &self.strides {
                let Some(to) = next(frame, stride) else { break };
                if self.blank[to] {
                    continue;
                }
                if let Some(found) = self.step(&start, to, patch.as_ref()) {
                    push(&found, 1);
                    farthest = Some((found, stride));
                }
            }
            let Some((mut from, stride)) = farthest else {
                continue;
            };
            for hop in 1..HOPS {
                let Some(to) = next(from.frame, stride).filter(|to| !self.blank[*to]) else {
                    break;
                };
                let Some(found) = self.step(&from, to, patch.as_ref()) else {
                    break;
                };
                push(&found, 1 + hop);
                from = found;
            }
        }
        let share = (MOST / all.max(1e-9)).min(1.0);
        seen.iter_mut().for_each(|s| s.weight *= share);
        (worth, seen)
    }

    fn step(&self, from: &Followed, frame: usize, patch: Option<&Patch>) -> Option<Followed> {
        let pair: &FlowPair = self
            .motion
            .pair(from.frame.min(frame), from.frame.max(frame))?;
        let (there, back) = match from.frame < frame {
            true => (&pair.forward, &pair.backward),
            false => (&pair.backward, &pair.forward),
        };
        let at = follow_at(self.grid, there, back, from.at)?;
        let warp = warp_at(self.grid, there, from.at) * from.warp;
        let flowed = Followed {
            frame,
            at,
            warp,
            exact: false,
        };
        let Some((patch, picture)) = patch.zip(self.picture(frame)) else {
            return Some(flowed);
        };
        match patch.find(picture, at, warp) {
            Shown::Here(at) => Some(Followed {
                at,
                exact: true,
                ..flowed
            }),
            Shown::Unclear => Some(flowed),
            Shown::Other => None,
        }
    }
}

/// How the flow warps what is about `p`; not at all where it changes too much to be of one surface.
fn warp_at(grid: &Grid, flow: &[[f32; 2]], p: DVec2) -> DMat2 {
    let change =
        |by: DVec2| (sample(grid, flow, p + by) - sample(grid, flow, p - by)) / (2.0 * REACH);
    let [x, y] = [DVec2::X, DVec2::Y].map(|axis| change(axis * REACH));
    match x.length().max(y.length()) <= WARP {
        true => DMat2::from_cols(DVec2::X + x, DVec2::Y + y),
        false => DMat2::IDENTITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::points::inverse_depths;
    use crate::depth::{DepthKind, DepthMap, DepthMaps};

    const SIZE: [usize; 2] = [64, 48];
    const FRAMES: usize = 9;
    /// What all moves by from frame to frame.
    const FLOW: [f32; 2] = [1.5, -0.5];

    fn motion(torn: Option<[usize; 2]>) -> Pairs {
        let count = SIZE[0] * SIZE[1];
        let mut pairs = Vec::new();
        for stride in [1, 2] {
            for a in 0..FRAMES - stride {
                let by = |sign: f32| FLOW.map(|f| sign * f * stride as f32);
                let back = if torn == Some([a, a + stride]) {
                    [9.0; 2]
                } else {
                    by(-1.0)
                };
                pairs.push(FlowPair {
                    a,
                    b: a + stride,
                    forward: vec![by(1.0); count],
                    backward: vec![back; count],
                    valid: vec![1; count],
                    consistent: 1.0,
                });
            }
        }
        Pairs {
            width: SIZE[0] as u32,
            height: SIZE[1] as u32,
            times: (0..FRAMES).map(|k| k as f64 / 8.0).collect(),
            luma: Vec::new(),
            pairs,
        }
    }

    fn made(motion: &Pairs) -> Vec<Fan> {
        let map = DepthMap {
            width: 32,
            height: 24,
            values: vec![2.0; 32 * 24],
        };
        let depths = DepthMaps {
            kind: DepthKind::Metric,
            model: "known".to_owned(),
            maps: vec![Some(map); FRAMES],
        };
        let (maps, _) = inverse_depths(&depths, None).expect("maps");
        let grid = Grid {
            width: SIZE[0],
            height: SIZE[1],
            centre: DVec2::new(32.0, 24.0),
            aspect: 1.0,
        };
        fans(&grid, motion, &maps, &[false; FRAMES], 0.0, 40)
    }

    #[test]
    fn points_are_followed_by_flow_after_flow_and_their_weights_are_bounded() {
        let fans = made(&motion(None));
        let (mut far, mut held_out, mut all) = (0, 0, 0);
        for fan in &fans {
            (held_out, all) = (held_out + fan.held_out.len(), all + fan.tracks.len());
            for track in fan.tracks.iter().chain(&fan.held_out) {
                assert!(track.seen.len() >= FEWEST);
                let weight: f64 = track.seen.iter().map(|s| s.weight).sum();
                assert!(weight <= MOST + 1e-9 && track.depth == 1.0);
                for seen in &track.seen {
                    let by = seen.frame as f64 - fan.frame as f64;
                    let want = track.from + by * DVec2::new(1.5, -0.5);
                    assert!(seen.at.distance(want) < 1e-5, "{track:?}");
                    far = far.max(seen.frame.abs_diff(fan.frame));
                }
            }
        }
        // Two steps of one, one of two, and two more of two behind it.
        assert_eq!(far, 6);
        assert!(
            all > 100 && held_out * 5 < all && held_out * 12 > all,
            "{held_out} of {all}"
        );
    }

    #[test]
    fn flow_that_does_not_come_back_is_not_followed() {
        let fans = made(&motion(Some([4, 5])));
        let over = |f: &&Fan| f.frame == 4;
        let fan = fans.iter().find(over).expect("a fan");
        assert!(!fan.tracks.is_empty());
        let next = |t: &Track| t.seen.iter().any(|s| s.frame == 5);
        assert!(!fan.tracks.iter().any(next));
    }
}
