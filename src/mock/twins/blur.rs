//! Twin of `kernels/mock/blur.wgsl`.

use crate::gpu::Call;
use crate::mock::blur::{BlurParams, MOST_SIGMA, REACH};

/// The blurred image; `base` of the parameters is ignored.
pub fn blur(p: &BlurParams, image: &[u32]) -> Vec<u32> {
    let sigma = if p.sigma.is_finite() {
        p.sigma.clamp(0.0, MOST_SIGMA)
    } else {
        0.0
    };
    let radius = ((3.0 * sigma).ceil() as u32).min(REACH) as i32;
    let [width, height] = p.size.map(|side| side as i32);
    let image = &image[p.source as usize..];
    let at =
        |x: i32, y: i32| image[(y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize];
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let channel = |shift: u32| {
                let level = |k: i32| {
                    let p = at(x + k * p.step[0], y + k * p.step[1]);
                    (p >> shift & 255) as f32
                };
                let (mut sum, mut total) = (level(0), 1.0);
                for k in 1..=radius {
                    let away = k as f32 / sigma.max(1.0e-3);
                    let w = (-0.5 * away * away).exp();
                    sum += w * (level(-k) + level(k));
                    total += 2.0 * w;
                }
                ((sum / total + 0.5) as u32) << shift
            };
            out.push(channel(0) | channel(8) | channel(16) | at(x, y) & 0xff00_0000);
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: BlurParams = call.params();
    call.put(1, p.base as usize, &blur(&p, call.read(0)));
}
