//! Points of a frame followed into many others: by one flow where there is one, farther by flow after flow.

use glam::DVec2;
use rayon::prelude::*;

use super::points::{Grid, Inverse, follow_at};
use crate::motion::{FlowPair, Pairs};
use crate::numeric::scramble;

/// Flows in a row, at most: each adds its own error.
const HOPS: usize = 3;
/// Frames that a point must be seen in beside its own.
const FEWEST: usize = 2;
/// Places that are tried in a cell; the one that is seen most often is taken.
const TRIES: u64 = 4;
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

/// Tracks from every frame, about `each` of them, one in each cell of a grid.
pub(super) fn fans(
    grid: &Grid,
    motion: &Pairs,
    maps: &[Option<Inverse>],
    edge_shift: f32,
    each: usize,
) -> Vec<Fan> {
    let strides = strides(motion);
    (0..maps.len())
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
            for cell in 0..rows * columns {
                let (row, column) = (cell / columns, cell % columns);
                let mut best: Option<Track> = None;
                for attempt in 0..TRIES {
                    let random = scramble(scramble(frame as u64 + 1).wrapping_add(
                        (cell as u64 * TRIES + attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15),
                    ));
                    let fraction = |bits: u64| (bits & 0xFFFF) as f64 / 65536.0;
                    let p = DVec2::new(
                        ((column as f64 + fraction(random)) * w / columns as f64).floor() + 0.5,
                        ((row as f64 + fraction(random >> 16)) * h / rows as f64).floor() + 0.5,
                    );
                    let (u, v) = (p.x / w, p.y / h);
                    let depth = map.sample(u, v);
                    if !depth.is_finite() || map.edge(u, v, edge_shift) {
                        continue;
                    }
                    let seen = follow(grid, motion, &strides, maps.len(), frame, p);
                    let least = best.as_ref().map_or(FEWEST - 1, |t| t.seen.len());
                    if seen.len() > least {
                        best = Some(Track {
                            from: grid.centred(p),
                            depth,
                            seen,
                        });
                    }
                }
                if let Some(track) = best {
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

/// The distances of frames between which there are flows, the longest last.
fn strides(motion: &Pairs) -> Vec<usize> {
    let mut all: Vec<usize> = motion.pairs.iter().map(|p| p.b - p.a).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Where the other frames see `p` of a frame.
fn follow(
    grid: &Grid,
    motion: &Pairs,
    strides: &[usize],
    frames: usize,
    frame: usize,
    p: DVec2,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    for forward in [true, false] {
        let next = |from: usize, stride: usize| match forward {
            true => from.checked_add(stride).filter(|f| *f < frames),
            false => from.checked_sub(stride),
        };
        let step = |from: usize, to: usize, p: DVec2| {
            let pair: &FlowPair = motion.pair(from.min(to), from.max(to))?;
            let (there, back) = match from < to {
                true => (&pair.forward, &pair.backward),
                false => (&pair.backward, &pair.forward),
            };
            follow_at(grid, there, back, p)
        };
        let mut farthest = None;
        for &stride in strides {
            let Some(to) = next(frame, stride) else { break };
            if let Some(q) = step(frame, to, p) {
                seen.push(Seen {
                    frame: to,
                    at: grid.centred(q),
                    weight: 1.0,
                });
                farthest = Some((to, q, stride));
            }
        }
        let Some((mut at, mut q, stride)) = farthest else {
            continue;
        };
        for hop in 1..HOPS {
            let Some(to) = next(at, stride) else { break };
            let Some(there) = step(at, to, q) else { break };
            seen.push(Seen {
                frame: to,
                at: grid.centred(there),
                weight: 1.0 / (1 + hop) as f64,
            });
            (at, q) = (to, there);
        }
    }
    let all: f64 = seen.iter().map(|s| s.weight).sum();
    let share = (MOST / all.max(1e-9)).min(1.0);
    seen.iter_mut().for_each(|s| s.weight *= share);
    seen
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
        let (maps, _) = inverse_depths(&depths).expect("maps");
        let grid = Grid {
            width: SIZE[0],
            height: SIZE[1],
            centre: DVec2::new(32.0, 24.0),
            aspect: 1.0,
        };
        fans(&grid, motion, &maps, 0.0, 40)
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
