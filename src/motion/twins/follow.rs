//! Twin of `kernels/motion/follow.wgsl`.

use super::sample2;
use crate::gpu::Call;
use crate::motion::follow::FollowParams;

/// The points of one age more.
pub fn follow(
    q: &FollowParams,
    flow: &[[f32; 2]],
    state: &[u32],
    own: &[f32],
    points: &[[f32; 4]],
) -> Vec<[f32; 4]> {
    let (right, low) = (q.width as f32 - 1.0, q.height as f32 - 1.0);
    let step = |p: &[f32; 4]| {
        if p[2] != 0.0 {
            return *p;
        }
        let (x, y) = (p[0].clamp(0.0, right), p[1].clamp(0.0, low));
        let u = sample2(flow, q.width, q.height, x, y);
        let to = [x + u[0], y + u[1]];
        let at = (y + 0.5) as usize * q.width as usize + (x + 0.5) as usize;
        let (seen, moved) = (state[at] == 3, p[3].max(own[at]));
        let inside = to[0] >= q.margin
            && to[0] <= right - q.margin
            && to[1] >= q.margin
            && to[1] <= low - q.margin;
        match (inside, seen) {
            (true, true) => [to[0], to[1], 0.0, moved],
            (true, false) => [p[0], p[1], 1.0, moved],
            (false, _) => [p[0], p[1], 2.0, moved],
        }
    };
    let from = q.from_at as usize;
    points[from..from + q.count as usize]
        .iter()
        .map(step)
        .collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: FollowParams = call.params();
    let points = call.write(3);
    let next = follow(&p, call.read(0), call.read(1), call.read(2), points);
    points[p.to_at as usize..][..next.len()].copy_from_slice(&next);
}
