//! Twin of `kernels/splat/project_back.wgsl`, written with matrices where the kernel has scalars.

use crate::gpu::Call;
use glam::{DMat2, DMat3, DVec2, DVec3};

use super::project::{SH1, basis, pose, project, rotation};
use super::raster_back::Sums;
use super::{Flat, Seen, flat, record};
use crate::splat::records::{Splat, ViewParams};
use crate::splat::training::Moments;

/// Derivative by the 24 floats of a splat that `project` sees as `Some`, from the sum over its slots; element 7
/// holds the sum of blending weights.
pub fn project_back(s: &Flat, view: &ViewParams, sums: &Sums) -> Flat {
    let mut g: Flat = [0.0; 24];
    let Some(Seen { conic, centre, .. }) = project(s, view) else {
        return g;
    };
    let (w, eye) = pose(view);
    let d = DVec3::new(s[0], s[1], s[2]) - eye;
    let t = w * d;
    let raw = [s[8], s[9], s[10], s[11]];
    let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
    let q = raw.map(|v| v / norm);
    let r = rotation(q);
    let scale = DVec3::new(s[4], s[5], s[6]).exp();
    let m = r * DMat3::from_diagonal(scale);
    let [fx, fy, ..] = view.focal.map(f64::from);
    let [low_u, high_u, low_v, high_v] = view.limits.map(f64::from);
    let (tu, tv) = (t.x / t.z, t.y / t.z);
    let (u, v) = (tu.max(low_u).min(high_u), tv.max(low_v).min(high_v));
    let wt = w.transpose();
    let a = [
        fx / t.z * (wt.x_axis - u * wt.z_axis),
        fy / t.z * (wt.y_axis - v * wt.z_axis),
    ];
    let b = a.map(|row| m.transpose() * row);

    g[3] = (1.0 - centre[3]) * sums[0];
    g[7] = sums[7];
    let inverse = DMat2::from_cols(
        DVec2::new(conic[0], conic[1]),
        DVec2::new(conic[1], conic[2]),
    );
    let image = inverse * DVec2::new(sums[1], sums[2]);
    let by_inverse =
        -0.5 * DMat2::from_cols(DVec2::new(sums[3], sums[4]), DVec2::new(sums[4], sums[5]));
    let h = -1.0 * (inverse * by_inverse * inverse);
    let db = [
        2.0 * (h.x_axis.x * b[0] + h.y_axis.x * b[1]),
        2.0 * (h.x_axis.y * b[0] + h.y_axis.y * b[1]),
    ];
    let da = db.map(|row| m * row);
    // dM = A^T dB, column by column.
    let dm = |j: usize| a[0] * db[0][j] + a[1] * db[1][j];
    let dr = DMat3::from_cols(dm(0) * scale.x, dm(1) * scale.y, dm(2) * scale.z);
    for j in 0..3 {
        g[4 + j] = dm(j).dot(m.col(j));
    }
    // Each derivative of the rotation matrix is linear in the quaternion.
    let [qw, qx, qy, qz] = q;
    let along = |rows: [[f64; 3]; 3]| {
        let by = DMat3::from_cols_array_2d(&rows).transpose();
        2.0 * (0..3).map(|j| by.col(j).dot(dr.col(j))).sum::<f64>()
    };
    let dq = [
        along([[0.0, -qz, qy], [qz, 0.0, -qx], [-qy, qx, 0.0]]),
        along([[0.0, qy, qz], [qy, -2.0 * qx, -qw], [qz, qw, -2.0 * qx]]),
        along([[-2.0 * qy, qx, qw], [qx, 0.0, qz], [-qw, qz, -2.0 * qy]]),
        along([[-2.0 * qz, -qw, qx], [qw, -2.0 * qz, qy], [qx, qy, 0.0]]),
    ];
    let radial: f64 = q.iter().zip(dq).map(|(q, d)| q * d).sum();
    for k in 0..4 {
        g[8 + k] = (dq[k] - q[k] * radial) / norm;
    }
    let mut dt = DVec3::new(
        image.x * fx / t.z,
        image.y * fy / t.z,
        sums[6]
            - (image.x * fx * t.x + image.y * fy * t.y) / (t.z * t.z)
            - (da[0].dot(a[0]) + da[1].dot(a[1])) / t.z,
    );
    let du = -fx / t.z * da[0].dot(wt.z_axis);
    let dv = -fy / t.z * da[1].dot(wt.z_axis);
    if u == tu {
        dt += du * DVec3::new(1.0 / t.z, 0.0, -tu / t.z);
    }
    if v == tv {
        dt += dv * DVec3::new(0.0, 1.0 / t.z, -tv / t.z);
    }
    let mut at = wt * dt;
    let dir = d.normalize();
    let basis = basis(dir, view.sh_degree);
    for c in 0..3 {
        let raw: f64 = 0.5 + (0..4).map(|k| basis[k] * s[12 + 3 * k + c]).sum::<f64>();
        if raw <= 0.0 {
            continue;
        }
        let by = sums[8 + c];
        for k in 0..4 {
            g[12 + 3 * k + c] = basis[k] * by;
        }
        if view.sh_degree > 0 {
            let by_dir = SH1 * by * DVec3::new(-s[21 + c], -s[15 + c], s[18 + c]);
            at += (by_dir - dir * dir.dot(by_dir)) / d.length();
        }
    }
    g[..3].copy_from_slice(&at.to_array());
    g
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let view: ViewParams = call.params();
    let (splats, offsets): (&[Splat], &[u32]) = (call.read(0), call.read(1));
    let moments: &[Moments] = call.read(2);
    let grads: Vec<Option<Splat>> = (0..view.n as usize)
        .map(|i| {
            if !(view.first..view.last).contains(&offsets[i]) {
                return None;
            }
            let [first, last] = [i, i + 1].map(|k| offsets[k].min(view.capacity) as usize);
            let mut g: Flat = [0.0; 24];
            g[7] = -1.0;
            if first < last {
                let mut sums = Sums::default();
                let from = view.first as usize;
                for slot in &moments[first - from..last - from] {
                    let slot: [f32; 12] = bytemuck::cast(*slot);
                    sums.iter_mut()
                        .zip(slot)
                        .for_each(|(s, m)| *s += f64::from(m));
                }
                g = project_back(&flat(&splats[i]), &view, &sums);
            }
            Some(record(&g))
        })
        .collect();
    for (to, g) in call.write(3).iter_mut().zip(grads) {
        *to = g.unwrap_or(*to);
    }
}
