//! Compares a trajectory with the true one: absolute and relative errors, and the focal length.

use std::collections::BTreeMap;

use glam::{DMat3, DVec3};
use nalgebra::Matrix3;
use serde::{Deserialize, Serialize};

use super::{Camera, Cameras};

/// Errors of a trajectory; lengths in the truth's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrajectoryError {
    /// Frames that both have.
    pub frames: usize,
    /// Length of the true path over these frames.
    pub path_length: f64,
    /// Root mean square distance of the camera centres after alignment by a similarity.
    pub ate_rmse: f64,
    /// The same after a rigid alignment, where the scale of the estimate counts.
    pub ate_rmse_rigid: f64,
    /// Scale of the similarity, truth over estimate.
    pub scale: f64,
    /// Root mean square error of the translation between neighbouring frames, at the scale of the similarity.
    pub rpe_translation: f64,
    /// Root mean square error of the rotation between neighbouring frames, in degrees.
    pub rpe_rotation_degrees: f64,
    /// Estimated focal length over the true one, less 1.
    pub focal_error: f64,
}

/// A similarity: `scale * rotation * x + translation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Scale.
    pub scale: f64,
    /// Rotation.
    pub rotation: DMat3,
    /// Translation.
    pub translation: DVec3,
}

impl Similarity {
    /// The image of a point.
    pub fn apply(&self, x: DVec3) -> DVec3 {
        self.scale * (self.rotation * x) + self.translation
    }
}

/// The similarity (or, with `rigid`, the rigid motion) that takes `from` nearest to `to` in least squares
/// (Umeyama, PAMI 1991). The identity for no points; scale 1 where the points of `from` coincide.
pub fn umeyama(from: &[DVec3], to: &[DVec3], rigid: bool) -> Similarity {
    let n = from.len().min(to.len());
    if n == 0 {
        return Similarity {
            scale: 1.0,
            rotation: DMat3::IDENTITY,
            translation: DVec3::ZERO,
        };
    }
    let mean = |p: &[DVec3]| p[..n].iter().sum::<DVec3>() / n as f64;
    let (mf, mt) = (mean(from), mean(to));
    let mut covariance = Matrix3::<f64>::zeros();
    let mut variance = 0.0;
    for (f, t) in from.iter().zip(to) {
        let (f, t) = ((*f - mf).to_array(), (*t - mt).to_array());
        covariance += Matrix3::from_fn(|r, c| t[r] * f[c]) / n as f64;
        variance += f.iter().map(|x| x * x).sum::<f64>() / n as f64;
    }
    let svd = covariance.svd(true, true);
    let (Some(u), Some(vt)) = (svd.u, svd.v_t) else {
        return Similarity {
            scale: 1.0,
            rotation: DMat3::IDENTITY,
            translation: mt - mf,
        };
    };
    // nalgebra sorts the singular values, so the last is the least.
    let sign = if u.determinant() * vt.determinant() < 0.0 {
        -1.0
    } else {
        1.0
    };
    let flip = Matrix3::from_diagonal(&nalgebra::Vector3::new(1.0, 1.0, sign));
    let r = u * flip * vt;
    let s = svd.singular_values;
    let scale = match rigid || variance < 1e-300 {
        true => 1.0,
        false => (s[0] + s[1] + sign * s[2]) / variance,
    };
    let rotation = DMat3::from_cols_array(&[r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]]);
    Similarity {
        scale,
        rotation,
        translation: mt - scale * (rotation * mf),
    }
}

/// Errors of `estimated` against `truth` over the frames that both have, paired by frame index; `None` with
/// fewer than three.
pub fn evaluate(estimated: &Cameras, truth: &Cameras) -> Option<TrajectoryError> {
    let by_frame: BTreeMap<usize, &Camera> = truth.cameras.iter().map(|c| (c.frame, c)).collect();
    let pairs: Vec<(&Camera, &Camera)> = estimated
        .cameras
        .iter()
        .filter_map(|c| by_frame.get(&c.frame).map(|t| (c, *t)))
        .collect();
    if pairs.len() < 3 {
        return None;
    }
    let from: Vec<DVec3> = pairs.iter().map(|(e, _)| e.pose.position).collect();
    let to: Vec<DVec3> = pairs.iter().map(|(_, t)| t.pose.position).collect();
    let rmse = |s: &Similarity| {
        let sum: f64 = from
            .iter()
            .zip(&to)
            .map(|(f, t)| (s.apply(*f) - *t).length_squared())
            .sum();
        (sum / from.len() as f64).sqrt()
    };
    let similarity = umeyama(&from, &to, false);
    let rigid = umeyama(&from, &to, true);
    let (mut shift, mut angle) = (0.0, 0.0);
    for w in pairs.windows(2) {
        let step = |a: &Camera, b: &Camera| {
            let r = a.pose.rotation.transpose();
            (r * b.pose.rotation, r * (b.pose.position - a.pose.position))
        };
        let (re, te) = step(w[0].0, w[1].0);
        let (rt, tt) = step(w[0].1, w[1].1);
        shift += (similarity.scale * te - tt).length_squared();
        let m = re.transpose() * rt;
        let trace = m.x_axis.x + m.y_axis.y + m.z_axis.z;
        angle += ((trace - 1.0) / 2.0)
            .clamp(-1.0, 1.0)
            .acos()
            .to_degrees()
            .powi(2);
    }
    let steps = (pairs.len() - 1) as f64;
    let relative = |c: &Camera| c.intrinsics.fx / f64::from(c.intrinsics.width);
    Some(TrajectoryError {
        frames: pairs.len(),
        path_length: to.windows(2).map(|w| w[0].distance(w[1])).sum(),
        ate_rmse: rmse(&similarity),
        ate_rmse_rigid: rmse(&rigid),
        scale: similarity.scale,
        rpe_translation: (shift / steps).sqrt(),
        rpe_rotation_degrees: (angle / steps).sqrt(),
        focal_error: relative(pairs[0].0) / relative(pairs[0].1) - 1.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Vec<DVec3> {
        (0..12)
            .map(|k| {
                let x = f64::from(k);
                DVec3::new(x.sin() * 2.0, (1.7 * x).cos(), 0.3 * x)
            })
            .collect()
    }

    #[test]
    fn umeyama_recovers_a_similarity() {
        let truth = Similarity {
            scale: 2.5,
            rotation: DMat3::from_euler(glam::EulerRot::YXZ, 2.1, -0.4, 0.9),
            translation: DVec3::new(3.0, -1.0, 0.5),
        };
        let from = points();
        let to: Vec<DVec3> = from.iter().map(|p| truth.apply(*p)).collect();
        let found = umeyama(&from, &to, false);
        assert!((found.scale - truth.scale).abs() < 1e-12);
        assert!(found.translation.distance(truth.translation) < 1e-11);
        assert!(found.rotation.abs_diff_eq(truth.rotation, 1e-12));
        let rigid = umeyama(&from, &to, true);
        assert_eq!(rigid.scale, 1.0);
        assert!(rigid.rotation.abs_diff_eq(truth.rotation, 1e-12));
    }

    #[test]
    fn umeyama_never_mirrors() {
        let from = points();
        let to: Vec<DVec3> = from.iter().map(|p| DVec3::new(-p.x, p.y, p.z)).collect();
        assert!((umeyama(&from, &to, false).rotation.determinant() - 1.0).abs() < 1e-9);
    }
}
