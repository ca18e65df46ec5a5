//! Twin of `kernels/mock/flow.wgsl`.

use crate::gpu::Call;
use glam::{Vec2, Vec3, Vec4};

use crate::mock::flow::FlowParams;

fn resized(q: Vec3, a: Vec4, b: Vec4) -> Vec3 {
    if a.w > 0.0 {
        let y = q.y.clamp(-a.y, a.y);
        let c = q - Vec3::Y * y;
        let along = if a.y > 0.0 {
            b.y / a.y.max(1.0e-9)
        } else {
            1.0
        };
        return c * (b.w / a.w) + Vec3::Y * y * along;
    }
    q * (b.truncate() / a.truncate().max(Vec3::splat(1.0e-9)))
}

/// Flow of one frame; `depth` and `ids` hold both frames, `out` of the parameters is ignored.
pub fn flow(params: &FlowParams, depth: &[f32], ids: &[u32]) -> Vec<[f32; 4]> {
    let [width, height] = params.size;
    let poses = params.poses.as_flattened().as_flattened();
    let xyz = |v: [f32; 4]| Vec4::from(v).truncate();
    let [fx, fy, cx, cy] = params.focal;
    let mut out = Vec::new();
    for py in 0..height {
        for px in 0..width {
            let at = params.base as usize + (py * width + px) as usize;
            let centre = Vec2::new(px as f32 + 0.5, py as f32 + 0.5);
            let ray = xyz(params.axis_z)
                + (centre.x - cx) / fx * xyz(params.axis_x)
                + (centre.y - cy) / fy * xyz(params.axis_y);
            let who = ids[at] >> 16;
            let (mut to, mut stays) = (ray, true);
            if who > 0 && who <= params.count {
                let pose = |k: usize| Vec4::from(poses[(who as usize - 1) * 8 + k]);
                let p = (xyz(params.position) + depth[at] * ray).extend(1.0);
                let mut q = Vec3::new(pose(0).dot(p), pose(1).dot(p), pose(2).dot(p));
                stays = pose(7).w >= 0.0;
                if stays {
                    q = resized(q, pose(3), pose(7));
                }
                to = -xyz(params.next_position);
                for k in 0..3 {
                    let row = pose(4 + k);
                    to += row.truncate() * (q[k] - row.w);
                }
            }
            let c = Vec3::new(
                xyz(params.next_x).dot(to),
                xyz(params.next_y).dot(to),
                xyz(params.next_z).dot(to),
            );
            if c.z.is_nan() || c.z <= 1.0e-4 {
                out.push([0.0, 0.0, 0.0, -1.0]);
                continue;
            }
            let there = Vec2::new(fx * c.x / c.z + cx, fy * c.y / c.z + cy);
            let last = Vec2::new(width as f32, height as f32) - 1.0;
            let mut visible =
                stays && there.cmpge(Vec2::ZERO).all() && there.cmplt(last + 1.0).all();
            if visible {
                let low = (there - 0.5).floor().clamp(Vec2::ZERO, last);
                let around: Vec<usize> = (0..4u8)
                    .map(|k| (low + Vec2::new(f32::from(k & 1), f32::from(k >> 1))).min(last))
                    .map(|p| params.next as usize + (p.y as u32 * width + p.x as u32) as usize)
                    .filter(|&j| ids[j] >> 16 == who)
                    .collect();
                let nearest = around.iter().map(|&j| depth[j]).fold(3.0e38, f32::min);
                let farthest = around.iter().map(|&j| depth[j]).fold(0.0, f32::max);
                let slack = 0.02 * c.z + 0.01;
                visible = !around.is_empty()
                    && (who == 0 || (c.z >= nearest - slack && c.z <= farthest + slack));
            }
            let z = if who == 0 { 0.0 } else { c.z };
            out.push([
                there.x - centre.x,
                there.y - centre.y,
                f32::from(u8::from(visible)),
                z,
            ]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: FlowParams = call.params();
    call.put(2, p.out as usize, &flow(&p, call.read(0), call.read(1)));
}
