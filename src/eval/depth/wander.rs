//! How depth wanders in time: by how much a clip's frames as wholes are off one another.
//!
//! Each frame is off the truth by some factor; the wander is the standard deviation of its logarithm over the clip. Before
//! cameras are solved one scale and shift serves the whole clip; a solve gives each frame its own. Where there is no
//! truth, solved cameras stand in for it, which is another measure: the two are not to be mixed.

use glam::DVec2;
use serde::{Deserialize, Serialize};

use super::measure::{Pair, fitted, off};
use crate::camera::{Camera, Cameras};
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::numeric::median;

/// Every so many-th pixel is looked at.
const STEP: u32 = 5;
/// Fewest of them that tell how far a frame is off the one before.
const LEAST: usize = 64;

/// The standard deviation; `None` for fewer than three frames.
fn wander(offs: &[f64]) -> Option<f64> {
    let n = offs.len() as f64;
    let mean = offs.iter().sum::<f64>() / n;
    let square = offs.iter().map(|off| (off - mean).powi(2)).sum::<f64>();
    (offs.len() >= 3).then(|| (square / n).sqrt())
}

/// How much a clip wanders.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wander {
    /// Beside the truth; else beside solved cameras.
    pub by_truth: bool,
    /// With one scale and shift for all frames.
    pub clip: Option<f64>,
    /// With each frame's own, as solved cameras have them.
    pub solved: Option<f64>,
    /// Frames most of which these have beyond infinity; they are in neither figure.
    pub beyond: usize,
}

impl Wander {
    /// Beside the truth: `pairs` with their frames.
    pub fn by_truth(pairs: &[(usize, Pair)], cameras: Option<&Cameras>) -> Self {
        let mut beyond = 0;
        let clip = common(pairs).and_then(|line| {
            let offs = pairs.iter().filter_map(|(_, pair)| off(pair, line));
            of(offs, &mut beyond)
        });
        let solved = cameras.and_then(|cameras| {
            let own = |frame: usize| cameras.cameras.iter().find(|c| c.frame == frame);
            let offs = pairs.iter().filter_map(|(frame, pair)| {
                let camera = own(*frame)?;
                off(pair, [camera.depth_scale, camera.depth_shift])
            });
            of(offs, &mut beyond)
        });
        Self {
            by_truth: true,
            clip,
            solved,
            beyond,
        }
    }

    /// Without a truth, beside solved cameras.
    pub fn by_solve(maps: &DepthMaps, cameras: &Cameras) -> Self {
        Self {
            by_truth: false,
            clip: off_solve(maps, cameras),
            solved: along_solve(maps, cameras),
            beyond: 0,
        }
    }
}

/// The deviation of what is finite; counts the rest.
fn of(offs: impl Iterator<Item = f64>, beyond: &mut usize) -> Option<f64> {
    let (finite, rest): (Vec<f64>, Vec<f64>) = offs.partition(|off| off.is_finite());
    *beyond += rest.len();
    wander(&finite)
}

/// One scale and shift for a clip: the medians of what would fit each frame. Least squares over all frames would take a wavering scale for a
/// shift.
fn common(pairs: &[(usize, Pair)]) -> Option<[f64; 2]> {
    let lines: Vec<[f64; 2]> = pairs.iter().filter_map(|(_, pair)| fitted(pair)).collect();
    let middle = |k: usize| median(&mut lines.iter().map(|l| l[k]).collect::<Vec<_>>());
    Some([middle(0)?, middle(1)?])
}

fn map(maps: &DepthMaps, frame: usize) -> Option<&DepthMap> {
    maps.maps.get(frame).and_then(Option::as_ref)
}

/// Without a truth: how far one scale and shift for all frames is off each frame's own, as solved cameras have them.
fn off_solve(maps: &DepthMaps, cameras: &Cameras) -> Option<f64> {
    let registered: Vec<(&Camera, &DepthMap)> = cameras
        .cameras
        .iter()
        .filter_map(|camera| Some((camera, map(maps, camera.frame)?)))
        .collect();
    let middle = |of: &dyn Fn(&Camera) -> f64| {
        median(&mut registered.iter().map(|(c, _)| of(c)).collect::<Vec<_>>())
    };
    let common = Camera {
        depth_scale: middle(&|c| c.depth_scale)?,
        depth_shift: middle(&|c| c.depth_shift)?,
        ..*registered.first()?.0
    };
    let offs: Vec<f64> = registered
        .iter()
        .filter_map(|(camera, map)| {
            let mut logs: Vec<f64> = map
                .values
                .iter()
                .step_by(STEP as usize)
                .filter_map(|&value| {
                    let inverse = |c: &Camera| {
                        c.inverse_depth(maps.kind, f64::from(value))
                            .filter(|r| *r > 0.0)
                    };
                    Some((inverse(camera)? / inverse(&common)?).ln())
                })
                .collect();
            (logs.len() >= LEAST).then(|| median(&mut logs)).flatten()
        })
        .collect();
    wander(&offs)
}

/// Without a truth: how far the aligned depth of each frame is off that of the one before, carried over by the solved
/// poses, added up along the clip. What moves by itself is left to the median. `None` where less than half of the steps are known.
fn along_solve(maps: &DepthMaps, cameras: &Cameras) -> Option<f64> {
    let mut offs = vec![0.0];
    let mut known = 0;
    for pair in cameras.cameras.windows(2) {
        let step = match (map(maps, pair[0].frame), map(maps, pair[1].frame)) {
            (Some(a), Some(b)) => step(maps.kind, (&pair[0], a), (&pair[1], b)),
            _ => None,
        };
        known += usize::from(step.is_some());
        offs.push(offs.last().copied().unwrap_or(0.0) + step.unwrap_or(0.0));
    }
    wander(&offs).filter(|_| 2 * known >= offs.len() - 1)
}

/// Median of the logarithm of what frame `b` says of the depth of places over what `a` has there.
fn step(
    kind: DepthKind,
    (a, from): (&Camera, &DepthMap),
    (b, to): (&Camera, &DepthMap),
) -> Option<f64> {
    let at = |k: u32, n: u32| (f64::from(k) + 0.5) / f64::from(n);
    let mut logs = Vec::new();
    for y in (STEP / 2..from.height).step_by(STEP as usize) {
        for x in (STEP / 2..from.width).step_by(STEP as usize) {
            let size = |c: &Camera| [c.intrinsics.width, c.intrinsics.height].map(f64::from);
            let [w, h] = size(a);
            let pixel = DVec2::new(at(x, from.width) * w, at(y, from.height) * h);
            let value = f64::from(from.values[(y * from.width + x) as usize]);
            let Some(inverse) = a.inverse_depth(kind, value).filter(|r| *r > 0.0) else {
                continue;
            };
            let place = a
                .pose
                .to_world(a.intrinsics.unproject(pixel.x, pixel.y, 1.0 / inverse));
            let seen = b.pose.to_camera(place);
            let [w, h] = size(b);
            let Some(uv) = b.intrinsics.project(seen).map(|p| p / DVec2::new(w, h)) else {
                continue;
            };
            if uv.min_element() < 0.0 || uv.max_element() > 1.0 {
                continue;
            }
            let said = to.sample(uv.x, uv.y);
            let said = said
                .and_then(|v| b.inverse_depth(kind, v))
                .filter(|r| *r > 0.0);
            logs.extend(said.map(|said| -(said * seen.z).ln()));
        }
    }
    (logs.len() >= LEAST).then(|| median(&mut logs)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Intrinsics, LengthUnit, Pose};
    use crate::eval::depth::measure::Truth;
    use glam::DVec3;

    const SIZE: [u32; 2] = [64, 48];

    /// Cameras that go sideways along a wall that slants away, with maps whose scale wavers by `factors`.
    fn clip(factors: &[f64], told: bool) -> (DepthMaps, Cameras, Vec<Truth>) {
        let intrinsics = Intrinsics::from_fov_x(SIZE[0], SIZE[1], 1.0);
        let (mut maps, mut cameras, mut truths) = (Vec::new(), Vec::new(), Vec::new());
        for (frame, factor) in factors.iter().enumerate() {
            let x = 0.1 * frame as f64;
            let pose = Pose {
                position: DVec3::new(x, 0.0, 0.0),
                ..Pose::gauge()
            };
            // The wall z = 3 + .5 x of the world, along the ray (a, b, 1) from (x, 0, 0).
            let depth = |i: u32| {
                let ray = intrinsics.unproject(
                    f64::from(i % SIZE[0]) + 0.5,
                    f64::from(i / SIZE[0]) + 0.5,
                    1.0,
                );
                (3.0 + 0.5 * x) / (1.0 - 0.5 * ray.x)
            };
            let all: Vec<f64> = (0..SIZE[0] * SIZE[1]).map(depth).collect();
            truths.push(Truth {
                width: SIZE[0],
                height: SIZE[1],
                depth: all.iter().map(|d| *d as f32).collect(),
            });
            maps.push(Some(DepthMap {
                width: SIZE[0],
                height: SIZE[1],
                values: all.iter().map(|d| (factor / d) as f32).collect(),
            }));
            cameras.push(Camera {
                frame,
                time: frame as f64,
                intrinsics,
                pose,
                depth_scale: if told { 1.0 / factor } else { 1.0 },
                depth_shift: 0.0,
            });
        }
        let maps = DepthMaps {
            kind: DepthKind::RelativeInverse,
            model: String::new(),
            maps,
        };
        (maps, Cameras::known(cameras, LengthUnit::Metres), truths)
    }

    #[test]
    fn maps_that_waver_wander_and_a_solve_that_knows_it_stills_them() {
        let factors = [1.0, 1.2, 1.0, 1.2, 1.0, 1.2];
        // Of two equally frequent values the deviation is half their distance.
        let half = 1.2f64.ln() / 2.0;
        let (maps, solved, truths) = clip(&factors, true);
        let pairs: Vec<(usize, Pair)> = maps
            .maps
            .iter()
            .zip(&truths)
            .filter_map(|(map, truth)| Pair::new(maps.kind, map.as_ref()?, truth))
            .enumerate()
            .collect();
        let found = Wander::by_truth(&pairs, Some(&solved));
        let [before, after] = [found.clip, found.solved].map(|w| w.expect("frames"));
        assert!((before - half).abs() < 0.01, "{before} {half}");
        assert!(after < 1e-6, "{after}");
        assert_eq!((found.by_truth, found.beyond), (true, 0));
        let found = Wander::by_solve(&maps, &solved);
        let [own, along] = [found.clip, found.solved].map(|w| w.expect("frames"));
        assert!((own - half).abs() < 0.01, "{own}");
        assert!(along < 1e-3, "{along}");
        // A solve that does not know it leaves it in.
        let (maps, blind, _) = clip(&factors, false);
        let after = Wander::by_truth(&pairs, Some(&blind)).solved;
        assert!((after.expect("frames") - half).abs() < 1e-6, "{after:?}");
        let found = Wander::by_solve(&maps, &blind);
        let along = found.solved.expect("frames");
        assert!((along - half).abs() < 1e-3, "{along}");
        assert_eq!(found.clip, Some(0.0));
        // A frame that a solve has beyond infinity is told, and in no figure.
        let mut lost = solved.clone();
        lost.cameras[3].depth_shift = -9.0;
        let found = Wander::by_truth(&pairs, Some(&lost));
        assert_eq!(found.beyond, 1);
        assert!(found.solved.expect("frames") < 1e-6, "{found:?}");
        // Nothing known of most steps is no stillness.
        let (mut maps, solved, _) = clip(&factors, true);
        for k in [1, 3, 5] {
            maps.maps[k] = None;
        }
        assert_eq!(Wander::by_solve(&maps, &solved).solved, None);
    }

    #[test]
    fn two_frames_do_not_wander() {
        assert_eq!(wander(&[0.1, 0.2]), None);
        assert_eq!(wander(&[0.3; 4]), Some(0.0));
    }
}
