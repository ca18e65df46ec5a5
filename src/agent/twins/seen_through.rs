//! Twin of `kernels/agent/seen_through.wgsl`.

use crate::agent::seen_through::SeenParams;
use crate::gpu::Call;
use crate::world::fuse::GpuView;

/// Adds `p.views` views to the answers of each voxel of the list.
pub fn seen_through(
    p: &SeenParams,
    list: &[u32],
    views: &[GpuView],
    depth: &[f32],
    seen: &mut [[u32; 4]],
) {
    let voxel = p.origin[3];
    for i in 0..p.voxels as usize {
        let (at, [nx, ny, ..]) = (list[i], p.dims);
        let cell = [at % nx, at / nx % ny, at / nx / ny];
        let c: [f32; 3] = std::array::from_fn(|a| p.origin[a] + (cell[a] as f32 + 0.5) * voxel);
        let mut answer = if p.first_view > 0 { seen[i] } else { [0; 4] };
        for k in 0..p.views {
            let view = &views[k as usize];
            let along = |r: [f32; 4]| r[0] * c[0] + r[1] * c[1] + r[2] * c[2] + r[3];
            let (x, y, z) = (along(view.row0), along(view.row1), along(view.row2));
            if z < 2.0 * voxel {
                continue;
            }
            let [fx, fy, cx, cy] = view.intrinsics;
            let (u, v) = (fx * x / z + cx, fy * y / z + cy);
            let (du, dv) = (fx * 2.0 * voxel / z, fy * 2.0 * voxel / z);
            let [width, height, first, _] = view.size;
            let beyond = |u: f32, v: f32| {
                u >= 0.0
                    && v >= 0.0
                    && u < width as f32
                    && v < height as f32
                    && depth[(first + v as u32 * width + u as u32) as usize] > z + p.margin
            };
            if beyond(u, v)
                && beyond(u - du, v)
                && beyond(u + du, v)
                && beyond(u, v - dv)
                && beyond(u, v + dv)
            {
                answer[0] += 1;
                if answer[1] == 0 || z < f32::from_bits(answer[2]) {
                    answer[1] = p.first_view + k + 1;
                    answer[2] = z.to_bits();
                }
            }
        }
        seen[i] = answer;
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let seen = call.write(3);
    seen_through(
        &call.params(),
        call.read(0),
        call.read(1),
        call.read(2),
        seen,
    );
}
