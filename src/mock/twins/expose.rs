//! Twin of `kernels/mock/expose.wgsl`.

use crate::gpu::Call;
use crate::mock::expose::{ExposeParams, MOST_IMAGES};

fn decode(level: u32) -> f32 {
    let c = level as f32 / 255.0;
    if c <= 0.04045 {
        c / 12.92
    } else {
        ((c + 0.055) / 1.055).powf(2.4)
    }
}

fn encode(linear: f32) -> u32 {
    let x = linear.clamp(0.0, 1.0);
    let s = if x <= 0.003_130_8 {
        12.92 * x
    } else {
        1.055 * x.max(1.0e-6).powf(1.0 / 2.4) - 0.055
    };
    (s * 255.0 + 0.5) as u32
}

/// The mean image; `base` of the parameters is ignored.
pub fn expose(p: &ExposeParams, images: &[u32]) -> Vec<u32> {
    let count = p.count.clamp(1, MOST_IMAGES) as usize;
    let pixels = p.pixels as usize;
    let images = &images[p.source as usize..];
    (0..pixels)
        .map(|i| {
            let first = images[i];
            if count == 1 {
                return first;
            }
            let mean = |shift: u32| {
                let levels = (0..count).map(|k| images[k * pixels + i] >> shift & 255);
                encode(levels.map(decode).sum::<f32>() / count as f32) << shift
            };
            mean(0) | mean(8) | mean(16) | first & 0xff00_0000
        })
        .collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: ExposeParams = call.params();
    call.put(1, p.base as usize, &expose(&p, call.read(0)));
}
