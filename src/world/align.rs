//! Finds the floor in posed depth and turns the world so that it is y = 0 with +Y up.

use glam::{DMat3, DQuat, DVec3};
use nalgebra::{Matrix3, SymmetricEigen};

use super::DepthView;
use crate::camera::{Cameras, LengthUnit, Pose};
use crate::numeric::{self, Rng};

const SAMPLES: usize = 30_000;
const HYPOTHESES: usize = 400;
/// Depth errors grow with depth: a point belongs to a plane within this share of its depth.
const TOLERANCE: f64 = 0.02;
/// Least share of all sampled points that make a floor.
const LEAST_SHARE: f64 = 0.03;

/// A similarity `p -> scale * rotation * p + translation` from the solver's gauge to the aligned world.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Alignment {
    /// Turns the floor's normal to +Y.
    pub rotation: DMat3,
    /// Puts the floor at y = 0 and the first camera at x = z = 0.
    pub translation: DVec3,
    /// 1 where the unit was known.
    pub scale: f64,
    /// Whether a floor was found; otherwise height 0 is the second percentile of what was seen.
    pub floor_found: bool,
    /// Median height of the cameras over the floor, in `unit`.
    pub camera_height: f64,
    /// Unit after alignment.
    pub unit: LengthUnit,
    /// Share of the sampled points that lie on the floor.
    pub floor_share: f64,
    /// Angle between the floor's normal and the mean up of the cameras, in degrees.
    pub tilt_degrees: f64,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Alignment {
    /// The aligned position of a point.
    pub fn point(&self, p: DVec3) -> DVec3 {
        self.scale * (self.rotation * p) + self.translation
    }

    /// The aligned pose of a camera.
    pub fn pose(&self, pose: &Pose) -> Pose {
        Pose {
            rotation: self.rotation * pose.rotation,
            position: self.point(pose.position),
        }
    }

    /// Aligned cameras: poses, depth alignment (lengths grow by `scale`) and unit; the notes are added.
    pub fn apply_to_cameras(&self, cameras: &Cameras) -> Cameras {
        let mut aligned = cameras.clone();
        for camera in &mut aligned.cameras {
            camera.pose = self.pose(&camera.pose);
            // Inverse depth shrinks by `scale` in both meanings of the two numbers.
            camera.depth_scale /= self.scale;
            camera.depth_shift /= self.scale;
        }
        aligned.unit = self.unit;
        aligned.notes.extend(self.notes.iter().cloned());
        aligned
    }

    /// Aligned views: poses and depths.
    pub fn apply_to_views(&self, views: &[DepthView]) -> Vec<DepthView> {
        let mut aligned = views.to_vec();
        for view in &mut aligned {
            view.camera.pose = self.pose(&view.camera.pose);
            view.camera.depth_scale /= self.scale;
            view.camera.depth_shift /= self.scale;
            for d in &mut view.depth {
                *d *= self.scale as f32;
            }
        }
        aligned
    }
}

struct Sample {
    point: DVec3,
    normal: DVec3,
    depth: f64,
}

/// Points with normals in the world, at most about [`SAMPLES`], evenly spread over the views' pixels.
fn sample(views: &[DepthView]) -> Vec<Sample> {
    let pixels: usize = views.iter().map(|v| v.depth.len()).sum();
    let step = ((pixels as f64 / SAMPLES as f64).sqrt().ceil() as usize).max(1);
    let mut samples = Vec::new();
    for view in views {
        let (k, pose) = (view.intrinsics(), &view.camera.pose);
        let camera_point = |x: u32, y: u32| {
            let d = f64::from(view.still(x, y)?);
            Some(k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, d))
        };
        // Two pixels either way: network depth is smooth, and a wider base makes steadier normals.
        for y in (2..view.height.saturating_sub(2)).step_by(step) {
            for x in (2..view.width.saturating_sub(2)).step_by(step) {
                let around = (
                    camera_point(x, y),
                    camera_point(x - 2, y),
                    camera_point(x + 2, y),
                    camera_point(x, y - 2),
                    camera_point(x, y + 2),
                );
                let (Some(c), Some(l), Some(r), Some(t), Some(b)) = around else {
                    continue;
                };
                let bend = |a: DVec3, e: DVec3| (1.0 / a.z - 2.0 / c.z + 1.0 / e.z).abs() * c.z;
                if bend(l, r) > 0.08 || bend(t, b) > 0.08 {
                    continue;
                }
                let normal = (b - t).cross(r - l).normalize_or_zero();
                let world = pose.to_world(c);
                if normal != DVec3::ZERO && world.is_finite() {
                    samples.push(Sample {
                        point: world,
                        normal: pose.rotation * normal,
                        depth: c.z,
                    });
                }
            }
        }
    }
    samples
}

/// The median of what is finite.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|v| v.is_finite());
    numeric::median(&mut values)
}

/// Plane `normal . p = offset`, by inliers less twice the points under it: a floor has nothing below.
fn score(samples: &[Sample], normal: DVec3, offset: f64, cos: f64) -> f64 {
    let mut score = 0.0;
    for s in samples {
        let distance = normal.dot(s.point) - offset;
        let tolerance = TOLERANCE * s.depth;
        if distance.abs() <= tolerance {
            score += if s.normal.dot(normal) >= cos {
                1.0
            } else {
                0.0
            };
        } else if distance < -4.0 * tolerance {
            score -= 2.0;
        }
    }
    score
}

/// Least-squares plane through the inliers, its normal on the side of `normal`.
fn refine(samples: &[Sample], normal: DVec3, offset: f64, cos: f64) -> Option<(DVec3, f64, usize)> {
    let inliers: Vec<_> = samples
        .iter()
        .filter(|s| {
            (normal.dot(s.point) - offset).abs() <= TOLERANCE * s.depth
                && s.normal.dot(normal) >= cos
        })
        .collect();
    if inliers.len() < 16 {
        return None;
    }
    // Errors grow with depth, so near points weigh more.
    let weight = |s: &Sample| 1.0 / (s.depth * s.depth).max(1e-12);
    let total: f64 = inliers.iter().map(|s| weight(s)).sum();
    let mean = inliers.iter().map(|s| s.point * weight(s)).sum::<DVec3>() / total;
    let mut m = Matrix3::<f64>::zeros();
    for s in &inliers {
        let d = s.point - mean;
        let d = nalgebra::Vector3::new(d.x, d.y, d.z);
        m += weight(s) * d * d.transpose();
    }
    let eigen = SymmetricEigen::new(m);
    let least = eigen.eigenvalues.imin();
    let v = eigen.eigenvectors.column(least);
    let fitted = DVec3::new(v[0], v[1], v[2]).normalize_or_zero();
    let fitted = if fitted.dot(normal) < 0.0 {
        -fitted
    } else {
        fitted
    };
    (fitted.dot(normal) > 0.9).then(|| (fitted, fitted.dot(mean), inliers.len()))
}

/// Finds the floor by RANSAC over points that lie below the cameras and whose normals are within 30 degrees of
/// the cameras' mean up, and answers the similarity that makes it y = 0. `cameras` are in the same gauge as
/// `views`; where their unit is arbitrary the median camera height becomes 1. Deterministic. Without a floor, or without
/// views, the answer says so in `floor_found` and `notes`.
pub fn align(views: &[DepthView], cameras: &Cameras) -> Alignment {
    let prior = cameras
        .cameras
        .iter()
        .map(|c| -c.pose.rotation.y_axis)
        .sum::<DVec3>()
        .try_normalize()
        .unwrap_or(DVec3::Y);
    let samples = sample(views);
    let floor = find_floor(&samples, cameras, prior);
    let mut notes = Vec::new();
    let heights = |normal: DVec3| {
        let mut heights: Vec<f64> = samples.iter().map(|s| s.point.dot(normal)).collect();
        heights.sort_by(f64::total_cmp);
        heights
    };
    let (normal, offset, share) = match floor {
        Some(found) => found,
        None => {
            notes.push(
                "no floor was found: up is the cameras' mean up, and height 0 is a guess at the lowest surfaces"
                    .to_owned(),
            );
            let all = heights(prior);
            let guess = all.get(all.len() / 50).copied().unwrap_or(0.0);
            (prior, guess, 0.0)
        }
    };
    let rotation = DMat3::from_quat(DQuat::from_rotation_arc(normal, DVec3::Y));
    let above = |c: &crate::camera::Camera| normal.dot(c.pose.position) - offset;
    let camera_height = median(cameras.cameras.iter().map(above).collect()).unwrap_or(0.0);
    let depth = median(samples.iter().map(|s| s.depth).collect()).unwrap_or(1.0);
    let (mut scale, mut unit) = (1.0, cameras.unit);
    if unit == LengthUnit::Arbitrary {
        if camera_height > 0.02 * depth {
            scale = 1.0 / camera_height;
            unit = LengthUnit::CameraHeights;
            notes.push(
                "the scale is unknown: lengths are in heights of the camera above the floor"
                    .to_owned(),
            );
        } else {
            notes.push(
                "the cameras are not above the lowest surfaces: lengths stay in arbitrary units"
                    .to_owned(),
            );
        }
    }
    let first = cameras
        .cameras
        .first()
        .map_or(DVec3::ZERO, |c| scale * (rotation * c.pose.position));
    Alignment {
        rotation,
        translation: DVec3::new(-first.x, -scale * offset, -first.z),
        scale,
        floor_found: floor.is_some(),
        camera_height: camera_height * scale,
        unit,
        floor_share: share,
        tilt_degrees: normal.dot(prior).clamp(-1.0, 1.0).acos().to_degrees(),
        notes,
    }
}

/// Normal, offset and share of the points of the floor.
fn find_floor(samples: &[Sample], cameras: &Cameras, prior: DVec3) -> Option<(DVec3, f64, f64)> {
    let cos30 = 30f64.to_radians().cos();
    let cameras_at = median(
        cameras
            .cameras
            .iter()
            .map(|c| c.pose.position.dot(prior))
            .collect(),
    )?;
    let candidates: Vec<&Sample> = samples
        .iter()
        .filter(|s| {
            s.normal.dot(prior) >= cos30 && s.point.dot(prior) < cameras_at - 0.02 * s.depth
        })
        .collect();
    if candidates.len() < 64 {
        return None;
    }
    // Score on a part of the points, for speed; refine on all.
    let part: Vec<Sample> = samples
        .iter()
        .step_by((samples.len() / 6000).max(1))
        .map(|s| Sample { ..*s })
        .collect();
    let mut rng = Rng::new(0x5EED);
    let mut best = (0.0, DVec3::ZERO, 0.0);
    for _ in 0..HYPOTHESES {
        // Three points make a plane; one point with its normal makes another: noise decides which is better.
        let pick: [&Sample; 3] =
            std::array::from_fn(|_| candidates[(rng.next() % candidates.len() as u64) as usize]);
        let [a, b, c] = pick.map(|s| s.point);
        let across = (b - a).cross(c - a).normalize_or_zero();
        for normal in [
            if across.dot(prior) < 0.0 {
                -across
            } else {
                across
            },
            pick[0].normal,
        ] {
            if normal.dot(prior) < cos30 {
                continue;
            }
            let offset = normal.dot(a);
            let value = score(&part, normal, offset, cos30);
            if value > best.0 {
                best = (value, normal, offset);
            }
        }
    }
    let (_, mut normal, mut offset) = best;
    if normal == DVec3::ZERO {
        return None;
    }
    let mut inliers = 0;
    for _ in 0..3 {
        (normal, offset, inliers) = refine(samples, normal, offset, cos30)?;
    }
    let share = inliers as f64 / samples.len() as f64;
    let above = median(
        cameras
            .cameras
            .iter()
            .map(|c| normal.dot(c.pose.position) - offset)
            .collect(),
    )?;
    (share >= LEAST_SHARE && above > 0.0 && normal.dot(prior) >= cos30)
        .then_some((normal, offset, share))
}
