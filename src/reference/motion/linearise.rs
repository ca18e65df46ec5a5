//! Twin of `kernels/motion/linearise.wgsl`.

use super::clamped;
use crate::motion::kernels::LineariseParams;

fn small(v: &[f32], limit: f32) -> bool {
    v.iter().all(|v| v.abs() < limit)
}

/// Per pixel (A11, A12, A22, smoothness weight) and A w - b.
pub fn linearise(
    p: &LineariseParams,
    a: &[f32],
    warped: &[[f32; 2]],
    flow: &[[f32; 2]],
) -> (Vec<[f32; 4]>, Vec<[f32; 2]>) {
    let at = |x, y| clamped(x, y, p.width, p.height);
    let mean = |x, y| 0.5 * (a[at(x, y)] + warped[at(x, y)][0]);
    let diff = |x, y| warped[at(x, y)][0] - a[at(x, y)];
    let z2 = p.zeta * p.zeta;
    let e2 = p.epsilon * p.epsilon;
    let (mut system, mut right) = (Vec::new(), Vec::new());
    for y in 0..i64::from(p.height) {
        for x in 0..i64::from(p.width) {
            let here = at(x, y);
            let ix = 0.5 * (mean(x + 1, y) - mean(x - 1, y));
            let iy = 0.5 * (mean(x, y + 1) - mean(x, y - 1));
            let iz = diff(x, y);
            let ixz = 0.5 * (diff(x + 1, y) - diff(x - 1, y));
            let iyz = 0.5 * (diff(x, y + 1) - diff(x, y - 1));
            let ixx = mean(x + 1, y) - 2.0 * mean(x, y) + mean(x - 1, y);
            let iyy = mean(x, y + 1) - 2.0 * mean(x, y) + mean(x, y - 1);
            let ixy = 0.25
                * (mean(x + 1, y + 1) - mean(x + 1, y - 1) - mean(x - 1, y + 1)
                    + mean(x - 1, y - 1));
            let n0 = 1.0 / (ix * ix + iy * iy + z2);
            let nx = 1.0 / (ixx * ixx + ixy * ixy + z2);
            let ny = 1.0 / (ixy * ixy + iyy * iyy + z2);
            let w0 = p.delta * n0 / (iz * iz * n0 + e2).sqrt();
            let w1 = p.gamma / (ixz * ixz * nx + iyz * iyz * ny + e2).sqrt();
            let seen = warped[here][1];
            let mut m = [
                w0 * ix * ix + w1 * (ixx * ixx * nx + ixy * ixy * ny),
                w0 * ix * iy + w1 * (ixx * ixy * nx + ixy * iyy * ny),
                w0 * iy * iy + w1 * (ixy * ixy * nx + iyy * iyy * ny),
            ]
            .map(|v| v * seen);
            let mut s = [
                w0 * ix * iz + w1 * (ixx * ixz * nx + ixy * iyz * ny),
                w0 * iy * iz + w1 * (ixy * ixz * nx + iyy * iyz * ny),
            ]
            .map(|v| v * seen);
            let u = flow[here];
            let mut bend = e2;
            let half = |p: [f32; 2], q: [f32; 2]| [0.5 * (p[0] - q[0]), 0.5 * (p[1] - q[1])];
            let ux = half(flow[at(x + 1, y)], flow[at(x - 1, y)]);
            let uy = half(flow[at(x, y + 1)], flow[at(x, y - 1)]);
            bend += ux[0] * ux[0] + ux[1] * ux[1] + uy[0] * uy[0] + uy[1] * uy[1];
            let ax = 0.5 * (a[at(x + 1, y)] - a[at(x - 1, y)]);
            let ay = 0.5 * (a[at(x, y + 1)] - a[at(x, y - 1)]);
            let edge = 1.0 + p.edge * (ax * ax + ay * ay).sqrt();
            let mut weight = p.alpha / (bend.sqrt() * edge);
            if !small(&[m[0], m[2], s[0], s[1]], 1e12) {
                (m, s) = ([0.0; 3], [0.0; 2]);
            }
            if weight.is_nan() || weight >= 1e12 {
                weight = p.alpha;
            }
            let mut rhs = [
                m[0] * u[0] + m[1] * u[1] - s[0],
                m[1] * u[0] + m[2] * u[1] - s[1],
            ];
            if !small(&rhs, 1e15) {
                (m, rhs) = ([0.0; 3], [0.0; 2]);
            }
            system.push([m[0], m[1], m[2], weight]);
            right.push(rhs);
        }
    }
    (system, right)
}
