//! Twin of `kernels/score/unlike.wgsl`.

use super::likeness::Look;
use crate::gpu::Call;
use crate::score::kernels::UnlikeParams;

/// The number of each cell.
pub fn unlike(q: &UnlikeParams, a: &Look<'_>, b: &Look<'_>, flow: &[[f32; 2]]) -> Vec<f32> {
    let mut out = Vec::new();
    for y0 in (0..q.height).step_by(q.cell as usize) {
        for x0 in (0..q.width).step_by(q.cell as usize) {
            out.push(one(q, a, b, flow, [x0, y0]));
        }
    }
    out
}

/// Of a picture of this size what lies at a place, by its four pixels.
fn between<const N: usize>(
    p: [f32; 2],
    ratio: [f32; 2],
    [w, h]: [u32; 2],
    pixel: impl Fn(usize) -> [f32; N],
) -> [f32; N] {
    let at = |v: f32, ratio: f32, n: u32| ((v + 0.5) * ratio - 0.5).max(0.0).min(n as f32 - 1.0);
    let (x, y) = (at(p[0], ratio[0], w), at(p[1], ratio[1], h));
    let mix = |a: [f32; N], b: [f32; N], t: f32| -> [f32; N] {
        std::array::from_fn(|k| a[k] * (1.0 - t) + b[k] * t)
    };
    let row = |y: u32| {
        let pixel = |x: u32| pixel((y * w + x) as usize);
        mix(pixel(x as u32), pixel((x as u32 + 1).min(w - 1)), x.fract())
    };
    mix(row(y as u32), row((y as u32 + 1).min(h - 1)), y.fract())
}

fn one(q: &UnlikeParams, a: &Look<'_>, b: &Look<'_>, flow: &[[f32; 2]], [x0, y0]: [u32; 2]) -> f32 {
    let size = [q.width, q.height].map(|s| s as f32);
    let area = size.map(|s| (s * q.ratio).ceil() as u32);
    let tints = [q.tint_width, q.tint_height];
    let less = [tints[0] as f32 / size[0], tints[1] as f32 / size[1]];
    let luma = |look: &Look<'_>, p| between(p, [q.ratio; 2], area, |i| [look.luma[i]])[0];
    let tint = |look: &Look<'_>, p| between(p, less, tints, |i| look.tint[i]);
    let (mut sum, mut inside, mut all) = (0.0f32, 0.0f32, 0.0f32);
    for y in (y0..(y0 + q.cell).min(q.height)).step_by(2) {
        for x in (x0..(x0 + q.cell).min(q.width)).step_by(2) {
            all += 1.0;
            let u = flow[(y * q.width + x) as usize];
            let p = [x as f32, y as f32];
            let to = [p[0] + u[0], p[1] + u[1]];
            if !(0..2).all(|k| to[k] >= 0.0 && to[k] <= size[k] - 1.0) {
                continue;
            }
            inside += 1.0;
            let (ca, cb) = (tint(a, p), tint(b, to));
            sum += (luma(b, to) - luma(a, p)).abs().min(64.0)
                + (cb[0] - ca[0]).abs()
                + (cb[1] - ca[1]).abs();
        }
    }
    match 3.0 * inside >= all {
        true => sum / inside.max(1.0),
        false => -1.0,
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let params: UnlikeParams = call.params();
    let look = |luma, tint| Look { luma, tint };
    let values = unlike(
        &params,
        &look(call.read(0), call.read(2)),
        &look(call.read(1), call.read(3)),
        call.read(4),
    );
    call.put(5, params.at as usize, &values);
}
