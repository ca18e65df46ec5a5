//! Twin of `kernels/mock/spoil.wgsl`.

use crate::gpu::Call;
use crate::mock::spoil::{MOST_NOISE, SpoilParams};
use crate::numeric::scramble32;

/// Standard deviation of the sum of four uniform numbers of 16 bits.
const SPREAD: f32 = 37837.2;

fn usable(v: f32, most: f32) -> f32 {
    if v.is_finite() {
        v.clamp(0.0, most)
    } else {
        0.0
    }
}

fn bell(seed: u32, x: u32, y: u32, channel: u32) -> f32 {
    let a = scramble32(
        scramble32(seed)
            .wrapping_add(x.wrapping_mul(0x9e37_79b1))
            .wrapping_add(y.wrapping_mul(0x85eb_ca77))
            .wrapping_add(channel.wrapping_mul(0xc2b2_ae3d)),
    );
    let b = scramble32(a.wrapping_add(0x9e37_79b9));
    let sum = (a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16);
    (sum as i32 - 131_070) as f32
}

/// The spoiled image; `base` of the parameters is ignored.
pub fn spoil(p: &SpoilParams, image: &[u32]) -> Vec<u32> {
    let [width, height] = p.size;
    let image = &image[p.source as usize..][..width as usize * height as usize];
    let block = p.block.clamp(1, 16);
    let keep = 1.0 - usable(p.mix, 1.0);
    let step = ((256.0 * usable(p.step, 255.0)).round_ties_even() as i32).max(1);
    let noise = usable(p.sigma, MOST_NOISE) * (256.0 / SPREAD);
    let mut out: Vec<u32> = image.iter().map(|pixel| pixel & 0xff00_0000).collect();
    for top in (0..height).step_by(block as usize) {
        for left in (0..width).step_by(block as usize) {
            let pixels: Vec<[u32; 2]> = (top..(top + block).min(height))
                .flat_map(|y| (left..(left + block).min(width)).map(move |x| [x, y]))
                .collect();
            for channel in 0..3 {
                let level =
                    |[x, y]: [u32; 2]| image[(y * width + x) as usize] >> (8 * channel) & 255;
                let sum: u32 = pixels.iter().map(|&at| level(at)).sum();
                let count = pixels.len() as u32;
                let mean = ((256 * sum + count / 2) / count) as i32;
                for &at in &pixels {
                    let away = (256 * level(at) as i32 - mean) as f32;
                    let left = (keep * away).round_ties_even() as i32;
                    let steps = (left.abs() + step / 2) / step * step;
                    let [x, y] = at;
                    let grain = (noise * bell(p.seed, x, y, channel)).round_ties_even() as i32;
                    let value = mean + left.signum() * steps + grain;
                    let level = ((value + 128) >> 8).clamp(0, 255) as u32;
                    out[(y * width + x) as usize] |= level << (8 * channel);
                }
            }
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SpoilParams = call.params();
    call.put(1, p.base as usize, &spoil(&p, call.read(0)));
}
