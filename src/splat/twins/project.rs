//! Twin of `kernels/splat/project.wgsl`.

use crate::gpu::Call;
use glam::{DMat3, DVec3};

use super::emit::tiles;
use super::{Flat, Seen, flat};
use crate::splat::harmonics::{basis, coefficients};
use crate::splat::records::{Projected, Splat, ViewParams};

/// A view in f64: world-to-camera rotation and the camera's centre.
pub fn pose(view: &ViewParams) -> (DMat3, DVec3) {
    let row = |r: [f32; 4]| DVec3::new(r[0].into(), r[1].into(), r[2].into());
    let rotation = DMat3::from_cols(row(view.row_x), row(view.row_y), row(view.row_z)).transpose();
    let centre = DVec3::new(
        view.row_x[3].into(),
        view.row_y[3].into(),
        view.row_z[3].into(),
    );
    (rotation, centre)
}

/// Rotation matrix of a normalised quaternion w, x, y, z.
pub fn rotation(q: [f64; 4]) -> DMat3 {
    let [w, x, y, z] = q;
    DMat3::from_cols(
        DVec3::new(
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y + z * w),
            2.0 * (x * z - y * w),
        ),
        DVec3::new(
            2.0 * (x * y - z * w),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z + x * w),
        ),
        DVec3::new(
            2.0 * (x * z + y * w),
            2.0 * (y * z - x * w),
            1.0 - 2.0 * (x * x + y * y),
        ),
    )
}

/// Projects one splat; `None` when it is culled.
pub fn project(s: &Flat, view: &ViewParams) -> Option<Seen> {
    let (w, eye) = pose(view);
    let d = DVec3::new(s[0], s[1], s[2]) - eye;
    let t = w * d;
    let q = [s[8], s[9], s[10], s[11]];
    let norm = q.iter().map(|v| v * v).sum::<f64>();
    let near = f64::from(view.near);
    if !(t.z > near && t.z.is_finite() && norm > 0.0 && norm.is_finite() && s[3] > -80.0) {
        return None;
    }
    let m = rotation(q.map(|v| v / norm.sqrt()))
        * DMat3::from_diagonal(DVec3::new(s[4], s[5], s[6]).exp());
    let [fx, fy, cx, cy] = view.focal.map(f64::from);
    let [low_u, high_u, low_v, high_v] = view.limits.map(f64::from);
    let u = (t.x / t.z).max(low_u).min(high_u);
    let v = (t.y / t.z).max(low_v).min(high_v);
    let wt = w.transpose();
    let b0 = m.transpose() * (fx / t.z * (wt.x_axis - u * wt.z_axis));
    let b1 = m.transpose() * (fy / t.z * (wt.y_axis - v * wt.z_axis));
    let (cxx, cxy, cyy) = (b0.dot(b0) + 0.3, b0.dot(b1), b1.dot(b1) + 0.3);
    let det = cxx * cyy - cxy * cxy;
    let opacity = 1.0 / (1.0 + (-s[3]).exp());
    if !(det > 0.0 && det.is_finite() && opacity * 255.0 > 1.0) {
        return None;
    }
    let basis = basis(d.normalize(), view.sh_degree);
    let colour: [f64; 3] = std::array::from_fn(|c| {
        0.5 + (0..coefficients(view.sh_degree))
            .map(|k| basis[k] * s[12 + 3 * k + c])
            .sum::<f64>()
    });
    if colour.iter().any(|c| !c.is_finite()) {
        return None;
    }
    Some(Seen {
        centre: [fx * t.x / t.z + cx, fy * t.y / t.z + cy, t.z, opacity],
        conic: [
            cyy / det,
            -cxy / det,
            cxx / det,
            2.0 * (255.0 * opacity).ln(),
        ],
        colour: colour.map(|c| c.max(0.0)),
    })
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let view: ViewParams = call.params();
    let n = view.n as usize;
    let splats: &[Splat] = &call.read(0)[..n];
    let sh: &[[f32; 4]] = call.read(1);
    let seen: Vec<Projected> = (0..n)
        .map(|i| match project(&flat(splats, sh, i), &view) {
            Some(seen) => seen.to_record(),
            None => Projected {
                conic: [0.0, 0.0, 0.0, -1.0],
                ..Projected::default()
            },
        })
        .collect();
    // The prefix sum leaves the total behind the last.
    let counts: Vec<u32> = seen
        .iter()
        .map(|p| tiles(p, view.size).len() as u32)
        .chain([0])
        .collect();
    call.put(2, 0, &seen);
    call.put(3, 0, &counts);
}
