//! Twin of `kernels/motion/relax.wgsl`.

use crate::motion::kernels::RelaxParams;

/// Half a sweep of red-black over-relaxation, in place.
pub fn relax(p: &RelaxParams, system: &[[f32; 4]], right: &[[f32; 2]], flow: &mut [[f32; 2]]) {
    let (width, height) = (p.width as usize, p.height as usize);
    for y in 0..height {
        for x in ((y + p.colour as usize) & 1..width).step_by(2) {
            let here = y * width + x;
            let m = system[here];
            let (mut sum, mut total) = (right[here], 0.0f32);
            let neighbours = [
                (x > 0).then(|| here - 1),
                (x + 1 < width).then(|| here + 1),
                (y > 0).then(|| here - width),
                (y + 1 < height).then(|| here + width),
            ];
            for n in neighbours.into_iter().flatten() {
                let w = 0.5 * (m[3] + system[n][3]);
                sum = [sum[0] + w * flow[n][0], sum[1] + w * flow[n][1]];
                total += w;
            }
            let (a, c) = (m[0] + total, m[2] + total);
            let det = a * c - m[1] * m[1];
            let solved = [
                (c * sum[0] - m[1] * sum[1]) / det.max(1e-20),
                (a * sum[1] - m[1] * sum[0]) / det.max(1e-20),
            ];
            let old = flow[here];
            let u = [0, 1].map(|c| old[c] + p.omega * (solved[c] - old[c]));
            if det > 1e-20 && u[0].abs() < 1e6 && u[1].abs() < 1e6 {
                flow[here] = u;
            }
        }
    }
}
