//! Twin of `kernels/splat/update.wgsl`, written with matrices where the kernel has scalars.

use crate::gpu::Call;
use glam::{DMat2, DMat3, DVec2, DVec3};

use super::project::{pose, project, rotation};
use super::raster_back::Sums;
use super::{FLOATS, Flat, Seen, flat, unflat};
use crate::splat::harmonics::{basis, coefficients, slopes};
use crate::splat::records::{Splat, ViewParams};
use crate::splat::relocate::Credit;
use crate::splat::training::{Moments, UpdateParams};

/// Derivative by the floats of a splat that `project` sees as `Some`, from the sum over its slots.
pub fn project_back(s: &Flat, view: &ViewParams, sums: &Sums) -> Flat {
    let mut g: Flat = [0.0; FLOATS];
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
    let (basis, slopes) = (basis(dir, view.sh_degree), slopes(dir, view.sh_degree));
    let count = coefficients(view.sh_degree);
    for c in 0..3 {
        let at_k = |k: usize| s[12 + 3 * k + c];
        let raw: f64 = 0.5 + (0..count).map(|k| basis[k] * at_k(k)).sum::<f64>();
        if raw <= 0.0 {
            continue;
        }
        let by = sums[8 + c];
        for k in 0..count {
            g[12 + 3 * k + c] = basis[k] * by;
        }
        let by_dir: DVec3 = (1..count).map(|k| by * at_k(k) * slopes[k]).sum();
        at += (by_dir - dir * dir.dot(by_dir)) / d.length();
    }
    g[..3].copy_from_slice(&at.to_array());
    g
}

/// One step for one splat: values, first and second moments in the order of the record. None, and false, by a gradient that is not
/// finite.
pub fn adam(
    grad: &Flat,
    s: &mut Flat,
    first: &mut Flat,
    second: &mut Flat,
    params: &UpdateParams,
) -> bool {
    if grad.iter().any(|v| !v.is_finite()) {
        return false;
    }
    let rate = |k: usize| {
        f64::from(match k {
            0..=2 => params.centre,
            3 => params.opacity,
            4..=6 => params.scale,
            8..=11 => params.rotation,
            12..=14 => params.sh0,
            15.. => params.sh1,
            _ => 0.0,
        })
    };
    let (b1, b2) = (f64::from(params.beta1), f64::from(params.beta2));
    let steps = first[7] + 1.0;
    let (fix1, fix2) = (1.0 - b1.powf(steps), 1.0 - b2.powf(steps));
    for k in 0..12 + 3 * coefficients(params.sh_degree) {
        first[k] = b1 * first[k] + (1.0 - b1) * grad[k];
        second[k] = b2 * second[k] + (1.0 - b2) * grad[k] * grad[k];
        s[k] -=
            rate(k) * (first[k] / fix1) / ((second[k] / fix2).sqrt() + f64::from(params.epsilon));
    }
    for value in &mut s[4..7] {
        *value = value.max(params.least.into()).min(params.most.into());
    }
    let norm = s[8..12].iter().map(|v| v * v).sum::<f64>().sqrt();
    for value in &mut s[8..12] {
        *value /= norm.max(1e-12);
    }
    first[7] = steps;
    true
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let params: UpdateParams = call.params();
    let view = params.view();
    let offsets: &[u32] = call.read(2);
    let moments: &[Moments] = call.read(3);
    let [splats, mean, square] = [0, 4, 5].map(|i| call.write::<Splat>(i));
    let [sh, sh_mean, sh_square] = [1, 6, 7].map(|i| call.write::<[f32; 4]>(i));
    let credit: &mut [Credit] = call.write(8);
    for i in 0..view.n as usize {
        if !(view.first..view.last).contains(&offsets[i]) {
            continue;
        }
        let [first, last] = [i, i + 1].map(|k| offsets[k].min(view.capacity) as usize);
        if first >= last {
            continue;
        }
        let mut sums = Sums::default();
        let from = view.first as usize;
        for slot in &moments[first - from..last - from] {
            let slot: [f32; 12] = bytemuck::cast(*slot);
            sums.iter_mut()
                .zip(slot)
                .for_each(|(s, m)| *s += f64::from(m));
        }
        let mut s = flat(splats, sh, i);
        let (mut m, mut v) = (flat(mean, sh_mean, i), flat(square, sh_square, i));
        let g = project_back(&s, &view, &sums);
        if adam(&g, &mut s, &mut m, &mut v, &params) {
            credit[i].weight = credit[i].weight.max(sums[7] as f32);
            credit[i].views += 1.0;
        }
        unflat(&s, splats, sh, i);
        unflat(&m, mean, sh_mean, i);
        unflat(&v, square, sh_square, i);
    }
}
