//! Twin of `kernels/world/integrate.wgsl`.

use crate::gpu::Call;
use crate::world::fuse::{GpuView, IntegrateParams};

/// Adds `p.views` views to the evidence of each voxel.
pub fn integrate(
    p: &IntegrateParams,
    views: &[GpuView],
    surface: &[[f32; 4]],
    evidence: &mut [[f32; 4]],
) {
    let [nx, ny, _, n] = p.dims;
    let (voxel, tau) = (p.origin[3], p.truncation);
    for i in 0..n {
        let at = p.first + i;
        let cell = [at % nx, at / nx % ny, at / nx / ny];
        let c: [f32; 3] = std::array::from_fn(|a| p.origin[a] + (cell[a] as f32 + 0.5) * voxel);
        let mut sum = if p.reset == 0 {
            evidence[i as usize]
        } else {
            [0.0; 4]
        };
        for view in &views[..p.views as usize] {
            vote(view, c, surface, voxel, tau, &mut sum);
        }
        evidence[i as usize] = sum;
    }
}

fn vote(
    view: &GpuView,
    c: [f32; 3],
    surface: &[[f32; 4]],
    voxel: f32,
    tau: f32,
    sum: &mut [f32; 4],
) {
    let along = |r: [f32; 4]| r[0] * c[0] + r[1] * c[1] + r[2] * c[2] + r[3];
    let p = [along(view.row0), along(view.row1), along(view.row2)];
    if p[2] < voxel {
        return;
    }
    let [fx, fy, cx, cy] = view.intrinsics;
    let [width, height, first, _] = view.size;
    let (u, v) = (fx * p[0] / p[2] + cx, fy * p[1] / p[2] + cy);
    if !(u >= 0.0 && v >= 0.0 && u < width as f32 && v < height as f32) {
        return;
    }
    let (px, py) = (u as u32, v as u32);
    let [a, b, c, depth] = surface[(first + py * width + px) as usize];
    if depth <= 0.0 {
        return;
    }
    let ahead = depth - p[2];
    if [a, b, c] == [0.0; 3] {
        if ahead > tau {
            sum[2] += 1.0;
        }
        return;
    }
    let q = [
        (px as f32 + 0.5 - cx) / fx * depth,
        (py as f32 + 0.5 - cy) / fy * depth,
        depth,
    ];
    let distance = a * (p[0] - q[0]) + b * (p[1] - q[1]) + c * (p[2] - q[2]);
    if distance > tau {
        sum[2] += 1.0;
    } else if distance >= -tau && ahead > -4.0 * tau {
        let foot = [
            p[0] - a * distance,
            p[1] - b * distance,
            p[2] - c * distance,
        ];
        if ahead < -voxel && !goes_on(view, foot, surface, tau) {
            return;
        }
        let mut weight = (8.0 * voxel / depth).min(1.0);
        if distance < -voxel {
            weight *= (tau + distance) / (tau - voxel);
        }
        sum[0] += weight * distance;
        sum[1] += weight;
        if distance <= voxel {
            sum[3] += 1.0;
        }
    }
}

fn goes_on(view: &GpuView, p: [f32; 3], surface: &[[f32; 4]], tau: f32) -> bool {
    if p[2] <= 0.0 {
        return false;
    }
    let [fx, fy, cx, cy] = view.intrinsics;
    let [width, height, first, _] = view.size;
    let (u, v) = (fx * p[0] / p[2] + cx, fy * p[1] / p[2] + cy);
    if !(u >= 0.0 && v >= 0.0 && u < width as f32 && v < height as f32) {
        return false;
    }
    let depth = surface[(first + v as u32 * width + u as u32) as usize][3];
    depth > 0.0 && (depth - p[2]).abs() <= tau
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    integrate(&call.params(), call.read(0), call.read(1), call.write(2));
}
