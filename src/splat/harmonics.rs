//! Real spherical harmonics of degree 0 to 3, in the order and signs of 3D Gaussian splatting, and how they turn.

use glam::{DMat3, DVec3};
use nalgebra::DMatrix;

/// The highest degree that splats have.
pub const MOST_DEGREE: u32 = 3;
/// Coefficients of that degree.
pub const MOST: usize = 16;

/// The basis of degree 0, which is the same all round.
pub const SH0: f64 = 0.282_094_791_773_878_14;

/// Coefficients of a degree.
pub const fn coefficients(degree: u32) -> usize {
    (degree as usize + 1).pow(2)
}

/// Vectors of four floats that hold a splat's coefficients, RGB one after the other.
pub const fn planes(degree: u32) -> usize {
    (3 * coefficients(degree)).div_ceil(4)
}

/// The basis at a direction of length 1; 0 above the degree.
pub fn basis(d: DVec3, degree: u32) -> [f64; MOST] {
    let DVec3 { x, y, z } = d;
    let (xx, yy, zz) = (x * x, y * y, z * z);
    let mut b = [0.0; MOST];
    b[0] = SH0;
    if degree > 0 {
        let c = 0.4886025119029199;
        b[1..4].copy_from_slice(&[-c * y, c * z, -c * x]);
    }
    if degree > 1 {
        let c = 1.0925484305920792;
        b[4..9].copy_from_slice(&[
            c * x * y,
            -c * y * z,
            0.31539156525252005 * (2.0 * zz - xx - yy),
            -c * x * z,
            0.5462742152960396 * (xx - yy),
        ]);
    }
    if degree > 2 {
        let (c, f) = (-0.5900435899266435, -0.4570457994644658);
        b[9..16].copy_from_slice(&[
            c * y * (3.0 * xx - yy),
            2.890611442640554 * x * y * z,
            f * y * (4.0 * zz - xx - yy),
            0.3731763325901154 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy),
            f * x * (4.0 * zz - xx - yy),
            1.445305721320277 * z * (xx - yy),
            c * x * (xx - 3.0 * yy),
        ]);
    }
    b
}

/// Derivatives of the basis' polynomials.
pub fn slopes(d: DVec3, degree: u32) -> [DVec3; MOST] {
    let DVec3 { x, y, z } = d;
    let (xx, yy, zz) = (x * x, y * y, z * z);
    let v = DVec3::new;
    let mut b = [DVec3::ZERO; MOST];
    if degree > 0 {
        let c = 0.4886025119029199;
        b[1..4].copy_from_slice(&[-c * DVec3::Y, c * DVec3::Z, -c * DVec3::X]);
    }
    if degree > 1 {
        let c = 1.0925484305920792;
        b[4..9].copy_from_slice(&[
            c * v(y, x, 0.0),
            -c * v(0.0, z, y),
            0.31539156525252005 * v(-2.0 * x, -2.0 * y, 4.0 * z),
            -c * v(z, 0.0, x),
            0.5462742152960396 * v(2.0 * x, -2.0 * y, 0.0),
        ]);
    }
    if degree > 2 {
        let (c, f) = (-0.5900435899266435, -0.4570457994644658);
        b[9..16].copy_from_slice(&[
            c * v(6.0 * x * y, 3.0 * xx - 3.0 * yy, 0.0),
            2.890611442640554 * v(y * z, x * z, x * y),
            f * v(-2.0 * x * y, 4.0 * zz - xx - 3.0 * yy, 8.0 * y * z),
            0.3731763325901154 * v(-6.0 * x * z, -6.0 * y * z, 6.0 * zz - 3.0 * xx - 3.0 * yy),
            f * v(4.0 * zz - 3.0 * xx - yy, -2.0 * x * y, 8.0 * x * z),
            1.445305721320277 * v(2.0 * x * z, -2.0 * y * z, xx - yy),
            c * v(3.0 * xx - 3.0 * yy, -6.0 * x * y, 0.0),
        ]);
    }
    b
}

/// Turns coefficients along with what they colour.
pub struct Turn {
    /// By degree from 1 on: the matrix of that degree's coefficients, row by row.
    bands: Vec<Vec<f64>>,
}

impl Turn {
    /// For coefficients of a degree. Of each degree the turned basis is a linear map of the basis, which its values in more directions than it
    /// has dimensions determine.
    pub fn new(rotation: DMat3, degree: u32) -> Self {
        let turn = degree.min(MOST_DEGREE);
        let directions = sphere();
        let bands = (1..=turn as usize).map(|l| {
            let (first, count) = (l * l, 2 * l + 1);
            let at = |turned: bool| {
                DMatrix::from_fn(count, directions.len(), |k, j| {
                    let d = directions[j];
                    // The colour seen along d is what was seen along the direction that turns into d.
                    let d = if turned { rotation.transpose() * d } else { d };
                    basis(d, turn)[first + k]
                })
            };
            let (own, turned) = (at(false), at(true));
            let square = &own * own.transpose();
            // Directions all round a sphere make it a multiple of the identity, nearly.
            let inverse = square
                .try_inverse()
                .unwrap_or_else(|| DMatrix::identity(count, count));
            // Its columns, as they lie, are the rows of what turns coefficients.
            (turned * own.transpose() * inverse).as_slice().to_vec()
        });
        Self {
            bands: bands.collect(),
        }
    }

    /// Turns one splat's coefficients; those above the degree stay.
    pub fn apply(&self, sh: &mut [[f32; 3]]) {
        for (l, matrix) in (1..).zip(&self.bands) {
            let count = 2 * l + 1;
            let Some(band) = sh.get_mut(l * l..l * l + count) else {
                return;
            };
            let mut before = [[0.0; 3]; 2 * MOST_DEGREE as usize + 1];
            before[..count].copy_from_slice(band);
            for (coefficient, row) in band.iter_mut().zip(matrix.chunks_exact(count)) {
                *coefficient = std::array::from_fn(|c| {
                    let sum: f64 = row
                        .iter()
                        .zip(&before)
                        .map(|(m, b)| m * f64::from(b[c]))
                        .sum();
                    sum as f32
                });
            }
        }
    }
}

/// Directions all round, on a spiral.
fn sphere() -> Vec<DVec3> {
    const COUNT: usize = 64;
    let golden = std::f64::consts::PI * (3.0 - 5f64.sqrt());
    (0..COUNT)
        .map(|i| {
            let z = 1.0 - (2 * i + 1) as f64 / COUNT as f64;
            let (s, c) = (golden * i as f64).sin_cos();
            let r = (1.0 - z * z).sqrt();
            DVec3::new(r * c, r * s, z)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basis_is_orthonormal() {
        // Products of two of degree 3 are of degree 6: a grid of Gauss and of even angles integrates them.
        let nodes = [
            (0.932469514203152, 0.1713244923791704),
            (0.6612093864662645, 0.3607615730481386),
            (0.2386191860831969, 0.467913934572691),
        ];
        let mut sums = [[0.0; MOST]; MOST];
        for (node, weight) in nodes {
            for z in [node, -node] {
                for k in 0..8 {
                    let angle = std::f64::consts::TAU * f64::from(k) / 8.0;
                    let r = (1.0f64 - z * z).sqrt();
                    let b = basis(DVec3::new(r * angle.cos(), r * angle.sin(), z), 3);
                    for i in 0..MOST {
                        for j in 0..MOST {
                            sums[i][j] += weight * std::f64::consts::TAU / 8.0 * b[i] * b[j];
                        }
                    }
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                let want = f64::from(u8::from(i == j));
                assert!((sum - want).abs() < 1e-6, "{i} {j}: {sum}");
            }
        }
    }

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let at = DVec3::new(0.3, -0.7, 0.45);
        for degree in 0..=3 {
            let got = slopes(at, degree);
            for axis in 0..3 {
                let mut step = DVec3::ZERO;
                step[axis] = 1e-6;
                let (up, down) = (basis(at + step, degree), basis(at - step, degree));
                for k in 0..MOST {
                    let want = (up[k] - down[k]) / 2e-6;
                    assert!((got[k][axis] - want).abs() < 1e-8, "{degree} {k} {axis}");
                }
            }
        }
    }

    #[test]
    fn what_is_turned_shows_what_it_showed() {
        let rotation = DMat3::from_euler(glam::EulerRot::YXZ, 0.7, -1.1, 2.3);
        let mut sh: Vec<[f32; 3]> = (0..MOST)
            .map(|k| std::array::from_fn(|c| ((7 * k + 5 * c) % 11) as f32 / 11.0 - 0.4))
            .collect();
        let seen = |sh: &[[f32; 3]], d: DVec3| -> f64 {
            let b = basis(d, 3);
            (0..MOST).map(|k| b[k] * f64::from(sh[k][1])).sum()
        };
        let before = sh.clone();
        Turn::new(rotation, 3).apply(&mut sh);
        for d in sphere() {
            let (was, is) = (seen(&before, d), seen(&sh, rotation * d));
            assert!((was - is).abs() < 1e-5, "{was} {is}");
        }
        // Fewer coefficients than the turn knows are turned as far as they go.
        let mut few = before[..4].to_vec();
        Turn::new(rotation, 3).apply(&mut few);
        for (few, all) in few.iter().zip(&sh) {
            assert!((few[0] - all[0]).abs() < 1e-6);
        }
    }
}
