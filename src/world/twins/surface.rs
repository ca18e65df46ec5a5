//! Twin of `kernels/world/surface.wgsl`.

use crate::gpu::Call;
use crate::world::fuse::SurfaceParams;

/// Depth of the sky.
const SKY: f32 = 1e30;

/// Writes the view's points with normals into `surface`, at the same elements as in `depth` and `alpha`.
pub fn surface(p: &SurfaceParams, depth: &[f32], alpha: &[f32], surface: &mut [[f32; 4]]) {
    let seen = |x: i32, y: i32| -> f32 {
        if x < 0 || y < 0 || x >= p.width as i32 || y >= p.height as i32 {
            return 0.0;
        }
        let i = (p.first + y as u32 * p.width + x as u32) as usize;
        let d = depth[i];
        if d == f32::INFINITY && alpha[i] > 0.5 {
            SKY
        } else if d.is_finite() && d > 0.0 && alpha[i] > 0.5 {
            d
        } else {
            0.0
        }
    };
    let [fx, fy, cx, cy] = p.intrinsics;
    let point = |x: i32, y: i32, d: f32| {
        [
            (x as f32 + 0.5 - cx) / fx * d,
            (y as f32 + 0.5 - cy) / fy * d,
            d,
        ]
    };
    let bent = |a: f32, b: f32, c: f32| (1.0 / a - 2.0 * (1.0 / b) + 1.0 / c).abs() > p.edge / b;
    let minus = |a: [f32; 3], b: [f32; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    for y in 0..p.height as i32 {
        for x in 0..p.width as i32 {
            let d = seen(x, y);
            let (l, r, t, b) = (
                seen(x - 1, y),
                seen(x + 1, y),
                seen(x, y - 1),
                seen(x, y + 1),
            );
            let mut answer = [0.0, 0.0, 0.0, d];
            if d > 0.0 {
                for dy in -1..=1 {
                    for dx in -1..=1 {
                        let n = seen(x + dx, y + dy);
                        if n > 0.0 {
                            answer[3] = answer[3].min(n);
                        }
                    }
                }
                let whole = l > 0.0 && r > 0.0 && t > 0.0 && b > 0.0;
                if d < SKY && whole && !bent(l, d, r) && !bent(t, d, b) {
                    let down = minus(point(x, y + 1, b), point(x, y - 1, t));
                    let right = minus(point(x + 1, y, r), point(x - 1, y, l));
                    let n = [
                        down[1] * right[2] - down[2] * right[1],
                        down[2] * right[0] - down[0] * right[2],
                        down[0] * right[1] - down[1] * right[0],
                    ];
                    let size = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt();
                    if size > 0.0 {
                        answer = [n[0] / size, n[1] / size, n[2] / size, d];
                    }
                }
            }
            surface[(p.first + y as u32 * p.width + x as u32) as usize] = answer;
        }
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    surface(&call.params(), call.read(0), call.read(1), call.write(2));
}
