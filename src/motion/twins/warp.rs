//! Twin of `kernels/motion/warp.wgsl`.

use super::inside;
use super::quads::Picture;
use crate::gpu::Call;
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

/// (first picture, second along the flow, flow).
pub fn warp(p: &SizeParams, a: &[[u32; 2]], b: &[[u32; 2]], flow: &[[f32; 2]]) -> Vec<[f32; 4]> {
    let (width, height) = (p.width, p.height);
    let [a, b] = [a, b].map(|quads| Picture {
        quads,
        width,
        height,
    });
    let mut out = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let u = flow[(row * width + column) as usize];
            let cx = inside(column as f32 + u[0], (width - 1) as f32);
            let cy = inside(row as f32 + u[1], (height - 1) as f32);
            let (x, y) = (cx as i64, cy as i64);
            let (wx, wy) = (cubic(cx - x as f32), cubic(cy - y as f32));
            let mut value = 0.0;
            for (j, wy) in (-1..).zip(wy) {
                let line: f32 = (-1..).zip(wx).map(|(i, w)| w * b.at(x + i, y + j)).sum();
                value += wy * line;
            }
            let first = a.at(i64::from(column), i64::from(row));
            out.push([first, value, u[0], u[1]]);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(
        3,
        0,
        &warp(&call.params(), call.read(0), call.read(1), call.read(2)),
    );
}
