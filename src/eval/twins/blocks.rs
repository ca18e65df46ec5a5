//! Twin of `kernels/eval/blocks.wgsl`: the transform as it is written in the standard.

use super::{colour, packed, usable};
use crate::eval::corrupt::levels::{BlocksParams, FREQUENCIES};
use crate::gpu::Call;

/// The cosine of frequency `k` at sample `n`, of unit length over the eight samples.
fn cosine(k: usize, n: usize) -> f64 {
    let scale = if k == 0 { 0.125_f64.sqrt() } else { 0.5 };
    scale * (std::f64::consts::PI * (2 * n + 1) as f64 * k as f64 / 16.0).cos()
}

/// The image as JPEG leaves it.
pub fn blocks(p: &BlocksParams, image: &[u32]) -> Vec<u32> {
    let [width, height] = p.size;
    let mut out = image.to_vec();
    let cosines: [[f64; 8]; 8] = std::array::from_fn(|k| std::array::from_fn(|n| cosine(k, n)));
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            let mut block = [[[0.0f64; 8]; 8]; 3];
            for y in 0..8 {
                for x in 0..8 {
                    let at = [(left + x).min(width - 1), (top + y).min(height - 1)];
                    let c = colour(image[(at[1] * width + at[0]) as usize]).map(f64::from);
                    let [r, g, b] = c;
                    let place = (y as usize, x as usize);
                    block[0][place.0][place.1] = 0.299 * r + 0.587 * g + 0.114 * b - 128.0;
                    block[1][place.0][place.1] = -0.168736 * r - 0.331264 * g + 0.5 * b;
                    block[2][place.0][place.1] = 0.5 * r - 0.418688 * g - 0.081312 * b;
                }
            }
            for (channel, values) in block.iter_mut().enumerate() {
                let table = if channel == 0 { &p.luma } else { &p.chroma };
                lose(values, table, &cosines);
            }
            for y in 0..8.min(height - top) {
                for x in 0..8.min(width - left) {
                    let [l, cb, cr] = [0, 1, 2].map(|k| block[k][y as usize][x as usize] as f32);
                    let l = l + 128.0;
                    let c = [
                        l + 1.402 * cr,
                        l - 0.344136 * cb - 0.714136 * cr,
                        l + 1.772 * cb,
                    ];
                    let i = ((top + y) * width + left + x) as usize;
                    out[i] = packed(c, image[i]);
                }
            }
        }
    }
    out
}

fn lose(values: &mut [[f64; 8]; 8], table: &[[f32; 4]; 16], cosines: &[[f64; 8]; 8]) {
    let mut coefficients = [[0.0f64; 8]; 8];
    for (c, &v) in FREQUENCIES.iter().enumerate() {
        for (r, &u) in FREQUENCIES.iter().enumerate() {
            let mut sum = 0.0;
            for y in 0..8 {
                for x in 0..8 {
                    sum += cosines[u][y] * cosines[v][x] * values[y][x];
                }
            }
            let i = 8 * c + r;
            let step = f64::from(usable(table[i / 4][i % 4], 1.0, 255.0));
            coefficients[u][v] = (sum / step).round_ties_even() * step;
        }
    }
    for y in 0..8 {
        for x in 0..8 {
            let mut sum = 0.0;
            for u in 0..8 {
                for v in 0..8 {
                    sum += cosines[u][y] * cosines[v][x] * coefficients[u][v];
                }
            }
            values[y][x] = sum;
        }
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: BlocksParams = call.params();
    let image = &call.read(0)[..(p.size[0] * p.size[1]) as usize];
    call.put(1, 0, &blocks(&p, image));
}
