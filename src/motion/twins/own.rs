//! Twin of `kernels/motion/own.wgsl`.

use crate::gpu::Call;
use crate::motion::camera::{MODEL, OwnParams};

/// Length of each pixel's own motion, -1 where the flow is not consistent.
pub fn own(q: &OwnParams, flow: &[[f32; 2]], state: &[u32], model: &[[f32; 4]; MODEL]) -> Vec<f32> {
    let [a, b, e, size] = model;
    let half = 0.5 * q.width.max(q.height) as f32;
    let middle = [q.width, q.height].map(|side| 0.5 * (side as f32 - 1.0));
    let pixel = |i: u32| {
        if state[i as usize] != 3 {
            return -1.0;
        }
        let x = ((i % q.width) as f32 - middle[0]) / half;
        let y = ((i / q.width) as f32 - middle[1]) / half;
        let plane = [
            a[0] + a[1] * x + a[2] * y + b[2] * x * x + b[3] * x * y,
            a[3] + b[0] * x + b[1] * y + b[2] * x * y + b[3] * y * y,
        ];
        let u = flow[i as usize];
        let r = [u[0] * q.scale - plane[0], u[1] * q.scale - plane[1]];
        let to = [x * e[2] - e[0], y * e[2] - e[1]];
        let across = (r[0] * to[1] - r[1] * to[0]).abs() / to[0].hypot(to[1]).max(1e-6);
        let length = r[0].hypot(r[1]);
        length.min(across.max(length - size[0]))
    };
    (0..q.width * q.height).map(pixel).collect()
}

/// The kernel.
///
/// # Panics
/// When the model is cut short.
pub fn twin(call: &mut Call<'_>) {
    let model = call.read(2).first_chunk().expect("a model");
    call.put(
        3,
        0,
        &own(&call.params(), call.read(0), call.read(1), model),
    );
}
