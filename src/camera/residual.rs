//! Residuals of one flow correspondence and their derivatives.
//!
//! A point of frame i at normalised ray r = ((u - c) / f, 1) with inverse depth rho_i = a_i d_i + b_i is, in
//! homogeneous camera coordinates of frame j, Y = R_j R_i^T (r - rho_i t_i) + rho_i t_j (Hartley and
//! Zisserman, Multiple View Geometry, ch. 6, with the point at infinity kept finite). Two residuals are
//! f Y_xy / Y_z + c - u', one is (rho_j - rho_i / Y_z) / a_j / (d_j + d_0) with rho_j = a_j d_j + b_j read at u':
//! the difference in the network's own units, as a share of its value over d_0. A difference of ln(rho) would
//! shrink with a / b, so that the solve could lower it by flattening the scene.

use glam::{DMat3, DVec2, DVec3};

/// Columns of the Jacobian: frame i (rotation, translation, a, b), frame j (the same), ln f.
pub(super) const COLUMNS: usize = 17;

/// World-to-camera pose and depth alignment of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    pub rotation: DMat3,
    pub translation: DVec3,
    pub scale: f64,
    pub shift: f64,
}

impl View {
    /// The pose moved by a left-multiplied twist, orthonormal again; scale and shift moved by addition.
    pub fn stepped(&self, step: &[f64]) -> Self {
        let omega = DVec3::new(step[0], step[1], step[2]);
        let turn = DMat3::from_quat(glam::DQuat::from_scaled_axis(omega));
        Self {
            rotation: orthonormal(turn * self.rotation),
            translation: turn * self.translation + DVec3::new(step[3], step[4], step[5]),
            scale: self.scale + step[6],
            shift: self.shift + step[7],
        }
    }
}

/// Degrees between two orientations.
pub(super) fn degrees(a: &DMat3, b: &DMat3) -> f64 {
    let m = a.transpose() * *b;
    let trace = m.x_axis.x + m.y_axis.y + m.z_axis.z;
    ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees()
}

/// The rotation nearest to a matrix that is almost one (Gram-Schmidt; the error is second order).
pub(super) fn orthonormal(m: DMat3) -> DMat3 {
    let x = m.x_axis.normalize();
    let y = (m.y_axis - x * x.dot(m.y_axis)).normalize();
    DMat3::from_cols(x, y, x.cross(y))
}

/// One correspondence in pixels relative to the principal point, of the motion size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// Pixel in frame i; y is divided by the pixel aspect, so one focal length serves both axes.
    pub from: DVec2,
    /// Pixel in frame j.
    pub to: DVec2,
    /// Normalised inverse depth value in frame i.
    pub depth_from: f64,
    /// The same at `to` in frame j; NaN where unknown.
    pub depth_to: f64,
    /// 1 / (depth_to + d_0).
    pub relief_to: f64,
}

/// Residuals with optional rows of the Jacobian.
pub(super) struct Residual {
    /// Reprojection error in pixels.
    pub pixel: DVec2,
    /// Relative difference of inverse depths; `None` where the second depth is unknown.
    pub depth: Option<f64>,
}

/// Smallest aligned inverse depth that is believed, as a share of the clip's median.
pub(super) const MIN_INVERSE: f64 = 1e-3;

/// The residuals; `None` where the point lies behind a camera or its depth has no meaning.
pub(super) fn residual(i: &View, j: &View, focal: f64, o: &Observation) -> Option<Residual> {
    let rho = i.scale * o.depth_from + i.shift;
    let ray = (o.from / focal).extend(1.0);
    let y =
        j.rotation * (i.rotation.transpose() * (ray - rho * i.translation)) + rho * j.translation;
    if !(rho > MIN_INVERSE && y.z > 1e-2) {
        return None;
    }
    let to = j.scale * o.depth_to + j.shift;
    Some(Residual {
        pixel: y.truncate() / y.z * focal - o.to,
        depth: (to > MIN_INVERSE && j.scale > MIN_INVERSE)
            .then(|| (to - rho / y.z) / j.scale * o.relief_to),
    })
}

/// The residuals and, in `rows`, their derivatives: two rows of pixels and one of depth (zeros where unknown).
pub(super) fn linearise(
    i: &View,
    j: &View,
    focal: f64,
    o: &Observation,
    rows: &mut [[f64; COLUMNS]; 3],
) -> Option<Residual> {
    let found = residual(i, j, focal, o)?;
    let rho = i.scale * o.depth_from + i.shift;
    let ray = (o.from / focal).extend(1.0);
    let relative = j.rotation * i.rotation.transpose();
    let baseline = j.translation - relative * i.translation;
    let y = relative * ray + rho * baseline;
    // Derivatives of Y, column by column. Left twists: T <- exp(xi) T, so a point X moves by w x X + v.
    let unit = [DVec3::X, DVec3::Y, DVec3::Z];
    let mut dy = [DVec3::ZERO; COLUMNS];
    for axis in 0..3 {
        dy[axis] = relative * -unit[axis].cross(ray);
        dy[3 + axis] = relative * (-rho * unit[axis]);
        dy[8 + axis] = unit[axis].cross(y);
        dy[11 + axis] = rho * unit[axis];
    }
    dy[6] = baseline * o.depth_from;
    dy[7] = baseline;
    dy[16] = relative * DVec3::new(-ray.x, -ray.y, 0.0);
    let inverse = 1.0 / y.z;
    let (u, v) = (y.x * inverse, y.y * inverse);
    let per_inverse = o.relief_to / j.scale;
    for (column, d) in dy.iter().enumerate() {
        rows[0][column] = focal * inverse * (d.x - u * d.z);
        rows[1][column] = focal * inverse * (d.y - v * d.z);
        rows[2][column] = if found.depth.is_some() {
            per_inverse * rho * inverse * inverse * d.z
        } else {
            0.0
        };
    }
    rows[0][16] += focal * u;
    rows[1][16] += focal * v;
    if let Some(difference) = found.depth {
        rows[2][6] -= per_inverse * inverse * o.depth_from;
        rows[2][7] -= per_inverse * inverse;
        rows[2][14] += per_inverse * o.depth_to - difference / j.scale;
        rows[2][15] += per_inverse;
    }
    Some(found)
}

/// Cauchy's loss of a squared residual at scale `c`, and its weight (Holland and Welsch, 1977).
pub(super) fn cauchy(squared: f64, c: f64) -> (f64, f64) {
    let ratio = squared / (c * c);
    (0.5 * c * c * ratio.ln_1p(), 1.0 / (1.0 + ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jacobian_agrees_with_finite_differences() {
        let view = |x: f64| View {
            rotation: DMat3::from_euler(glam::EulerRot::XYZ, 0.1 * x, -0.07 * x, 0.05 * x),
            translation: DVec3::new(0.2 * x, -0.1, 0.15 * x),
            scale: 0.7 + 0.05 * x,
            shift: 0.2 - 0.03 * x,
        };
        let (i, j, focal) = (view(1.0), view(-1.3), 430.0);
        for o in [
            Observation {
                from: DVec2::new(-120.0, 80.0),
                to: DVec2::new(-100.0, 60.0),
                depth_from: 1.3,
                depth_to: 1.1,
                relief_to: 1.0 / 2.3,
            },
            Observation {
                from: DVec2::new(200.0, -33.0),
                to: DVec2::new(180.0, -30.0),
                depth_from: 0.4,
                depth_to: f64::NAN,
                relief_to: f64::NAN,
            },
        ] {
            let mut rows = [[f64::NAN; COLUMNS]; 3];
            linearise(&i, &j, focal, &o, &mut rows).expect("in front of both cameras");
            let at = |column: usize, eps: f64| {
                let mut step = [0.0; 8];
                let (mut a, mut b, mut f) = (i, j, focal);
                match column {
                    0..8 => {
                        step[column] = eps;
                        a = i.stepped(&step);
                    }
                    8..16 => {
                        step[column - 8] = eps;
                        b = j.stepped(&step);
                    }
                    _ => f *= eps.exp(),
                }
                let r = residual(&a, &b, f, &o).expect("in front of both cameras");
                [r.pixel.x, r.pixel.y, r.depth.unwrap_or(0.0)]
            };
            for column in 0..COLUMNS {
                let (low, high) = (at(column, -1e-6), at(column, 1e-6));
                for (row, values) in rows.iter().enumerate() {
                    let want = (high[row] - low[row]) / 2e-6;
                    let got = values[column];
                    assert!(
                        (got - want).abs() < 1e-4 + 1e-6 * want.abs(),
                        "row {row} column {column}: {got} {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn long_products_stay_rotations() {
        let mut view = View {
            rotation: DMat3::IDENTITY,
            translation: DVec3::ZERO,
            scale: 1.0,
            shift: 0.0,
        };
        for k in 0..2000 {
            view = view.stepped(&[0.3, 0.01 * f64::from(k % 7), -0.2, 0.0, 0.0, 0.0, 0.0, 0.0]);
        }
        let off = view.rotation * view.rotation.transpose() - DMat3::IDENTITY;
        assert!(off.to_cols_array().iter().all(|x| x.abs() < 1e-14));
    }
}
