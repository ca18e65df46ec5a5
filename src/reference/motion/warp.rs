//! Twin of `kernels/motion/warp.wgsl`.

use super::{clamped, inside, seen};
use crate::motion::kernels::SizeParams;

/// Catmull-Rom weights of the four samples around `t` in [0, 1].
fn cubic(t: f32) -> [f32; 4] {
    [
        0.5 * (t * (t * (2.0 - t) - 1.0)),
        0.5 * (t * t * (3.0 * t - 5.0) + 2.0),
        0.5 * (t * (t * (4.0 - 3.0 * t) + 1.0)),
        0.5 * (t * t * (t - 1.0)),
    ]
}

/// The second picture along the flow: (value, 1 where the target is inside).
pub fn warp(p: &SizeParams, b: &[f32], flow: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut out = Vec::new();
    for row in 0..p.height {
        for column in 0..p.width {
            let u = flow[(row * p.width + column) as usize];
            let (x, y) = (column as f32 + u[0], row as f32 + u[1]);
            let cx = inside(x, (p.width - 1) as f32);
            let cy = inside(y, (p.height - 1) as f32);
            let (x0, y0) = (cx as i64, cy as i64);
            let (wx, wy) = (cubic(cx - x0 as f32), cubic(cy - y0 as f32));
            let mut value = 0.0;
            for (j, wy) in (-1..).zip(wy) {
                let mut line = 0.0;
                for (i, wx) in (-1..).zip(wx) {
                    line += wx * b[clamped(x0 + i, y0 + j, p.width, p.height)];
                }
                value += wy * line;
            }
            let inside = seen(x, y, p.width, p.height);
            out.push([value, if inside { 1.0 } else { 0.0 }]);
        }
    }
    out
}
