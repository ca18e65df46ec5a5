//! What splats show of one frame beside its true depth.

use glam::DVec2;
use serde::{Deserialize, Serialize};

use crate::camera::{Camera, evaluate::Similarity};
use crate::eval::depth::measure::FAR;
use crate::splat::Rendering;

/// Opacity under which splats show nothing.
const SHOWN: f32 = 0.5;
/// True metres from y = 0 within which a point is of the floor.
const FLOOR: f64 = 1e-3;

/// What is true of a frame, pixel by pixel of the rendering.
pub struct Truth<'a> {
    /// Metres along the true camera's z; infinite where nothing is.
    pub depth: &'a [f32],
    /// Whether the pixel shows what stays; what does not is not compared.
    pub still: Vec<bool>,
    /// The true camera, in metres with the floor at y = 0.
    pub camera: &'a Camera,
    /// Takes the splats' world to the truth's.
    pub to_truth: &'a Similarity,
}

/// Errors of all pixels that were compared.
#[derive(Default)]
pub struct Errors {
    /// `|d / truth - 1|` where something stands within [`FAR`] and splats show it.
    relative: Vec<f64>,
    /// Metres between what splats show of the floor and the floor.
    floor: Vec<f64>,
    /// Pixels where something stands within [`FAR`], and those of them where splats show nothing.
    stands: [usize; 2],
    /// Pixels where nothing stands, and those of them where splats show something within [`FAR`].
    nothing: [usize; 2],
}

impl Errors {
    /// Adds a frame.
    pub fn add(&mut self, camera: &Camera, seen: &Rendering, truth: &Truth<'_>) {
        let width = seen.width as usize;
        let own = camera.intrinsics.resized(seen.width, seen.height);
        let its = truth.camera.intrinsics.resized(seen.width, seen.height);
        for (i, &depth) in truth.depth.iter().enumerate() {
            if truth.still.get(i) == Some(&false) {
                continue;
            }
            let shown = seen.alpha[i] >= SHOWN;
            let said = f64::from(seen.depth[i]);
            let depth = f64::from(depth);
            let metres = said * truth.to_truth.scale;
            if !(depth <= FAR) {
                self.nothing[0] += 1;
                self.nothing[1] += usize::from(shown && metres <= FAR);
                continue;
            }
            self.stands[0] += 1;
            if !shown {
                self.stands[1] += 1;
                continue;
            }
            self.relative.push((metres / depth - 1.0).abs());
            let at = DVec2::new((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
            let real = truth.camera.pose.to_world(its.unproject(at.x, at.y, depth));
            if real.y.abs() <= FLOOR {
                let here = camera.pose.to_world(own.unproject(at.x, at.y, said));
                self.floor.push(truth.to_truth.apply(here).y.abs());
            }
        }
    }
}

/// The depth that splats show beside the true one, over held-out frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Depth {
    /// Pixels that were compared.
    pub pixels: usize,
    /// Median of `|d / truth - 1|`.
    pub median: f64,
    /// Its 95th percentile.
    pub high: f64,
    /// Median distance of what is shown of the floor from the floor, in an agent's highest steps; `None` where no floor is seen.
    pub floor_median: Option<f64>,
    /// Its 95th percentile.
    pub floor_high: Option<f64>,
    /// Share of what stands that splats do not show.
    pub unseen: f64,
    /// Share of the open where splats show something within 100 m; `None` where there is no open.
    pub clutter: Option<f64>,
}

impl Depth {
    /// Of all frames' errors; `step` is an agent's highest, in metres. `None` where nothing could be compared.
    pub fn of(mut errors: Errors, step: f64) -> Option<Self> {
        let share = |[all, some]: [usize; 2]| (all > 0).then(|| some as f64 / all as f64);
        let [median, high] = quantiles(&mut errors.relative)?;
        let floor = quantiles(&mut errors.floor);
        Some(Self {
            pixels: errors.relative.len(),
            median,
            high,
            floor_median: floor.map(|f| f[0] / step),
            floor_high: floor.map(|f| f[1] / step),
            unseen: share(errors.stands).unwrap_or(0.0),
            clutter: share(errors.nothing),
        })
    }
}

/// Median and 95th percentile; `None` of nothing.
fn quantiles(values: &mut [f64]) -> Option<[f64; 2]> {
    let last = values.len().checked_sub(1)?;
    let mut at = |share: f64| {
        let k = (share * last as f64).round() as usize;
        *values.select_nth_unstable_by(k, f64::total_cmp).1
    };
    Some([at(0.5), at(0.95)])
}

#[cfg(test)]
mod tests {
    use glam::{DMat3, DVec3};

    use super::*;
    use crate::camera::{Intrinsics, Pose};

    /// A camera one metre over the floor that looks down at it by 45 degrees.
    fn camera() -> Camera {
        let (s, c) = 45f64.to_radians().sin_cos();
        Camera {
            frame: 0,
            time: 0.0,
            depth_scale: 1.0,
            depth_shift: 0.0,
            intrinsics: Intrinsics::from_fov_x(8, 8, 0.5),
            pose: Pose {
                // Columns: right, down, ahead.
                rotation: DMat3::from_cols(
                    DVec3::X,
                    DVec3::new(0.0, -c, s),
                    DVec3::new(0.0, -s, -c),
                ),
                position: DVec3::Y,
            },
        }
    }

    fn floor_depth(camera: &Camera) -> Vec<f32> {
        let k = &camera.intrinsics;
        (0..64)
            .map(|i| {
                let at = [f64::from(i % 8) + 0.5, f64::from(i / 8) + 0.5];
                let ray = camera.pose.rotation * k.unproject(at[0], at[1], 1.0);
                (-1.0 / ray.y) as f32
            })
            .collect()
    }

    #[test]
    fn depth_that_is_off_by_a_share_is_told_in_shares_and_steps() {
        let camera = camera();
        let depth = floor_depth(&camera);
        // The splats' world is half as large, and they show all 2% too far.
        let to_truth = Similarity {
            scale: 2.0,
            rotation: DMat3::IDENTITY,
            translation: DVec3::ZERO,
        };
        let mut own = camera;
        own.pose.position /= 2.0;
        let mut seen = Rendering {
            width: 8,
            height: 8,
            rgba: vec![0; 64],
            depth: depth.iter().map(|d| d * 1.02 / 2.0).collect(),
            alpha: vec![1.0; 64],
        };
        // Nothing is shown of one pixel, another moves, and a third is open with something before it.
        seen.alpha[3] = 0.2;
        let mut still = vec![true; 64];
        still[4] = false;
        let mut open = depth.clone();
        open[5] = f32::INFINITY;
        let truth = Truth {
            depth: &open,
            still,
            camera: &camera,
            to_truth: &to_truth,
        };
        let mut errors = Errors::default();
        errors.add(&own, &seen, &truth);
        let found = Depth::of(errors, 0.1).expect("pixels");
        assert_eq!(found.pixels, 61);
        assert!((found.median - 0.02).abs() < 1e-6 && (found.high - 0.02).abs() < 1e-6);
        assert!((found.unseen - 1.0 / 62.0).abs() < 1e-12);
        assert_eq!(found.clutter, Some(1.0));
        // 2% beyond the floor along the ray from one metre over it is two centimetres under it: a fifth of a step.
        assert!((found.floor_high.expect("floor") - 0.2).abs() < 1e-5);
        assert!(Depth::of(Errors::default(), 0.1).is_none());
    }
}
