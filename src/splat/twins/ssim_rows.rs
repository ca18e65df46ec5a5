//! Twin of `kernels/splat/ssim_rows.wgsl`.

use crate::gpu::Call;
use crate::splat::training::{LossParams, Stats, window};

/// Blurred x, y, x^2, y^2, xy of one channel.
pub type Blurred = [f64; 5];

/// Blurs along rows (`vertical` false) or columns, zeros outside.
pub fn blur<const N: usize>(
    data: &[[f64; N]],
    width: usize,
    height: usize,
    vertical: bool,
) -> Vec<[f64; N]> {
    let w = window();
    let mut out = vec![[0.0; N]; data.len()];
    for y in 0..height {
        for x in 0..width {
            for (k, weight) in w.iter().enumerate() {
                let (sx, sy) = if vertical { (x, y + k) } else { (x + k, y) };
                let (sx, sy) = if vertical {
                    (sx, sy.wrapping_sub(5))
                } else {
                    (sx.wrapping_sub(5), sy)
                };
                if sx < width && sy < height {
                    for c in 0..N {
                        out[y * width + x][c] += weight * data[sy * width + sx][c];
                    }
                }
            }
        }
    }
    out
}

/// The background's RGB.
pub(super) fn background(params: &LossParams) -> [f64; 3] {
    let [r, g, b, _] = params.background.map(f64::from);
    [r, g, b]
}

/// The frame's colour over the background.
pub fn target(packed: u32, background: [f64; 3]) -> [f64; 3] {
    let alpha = f64::from(packed >> 24) / 255.0;
    std::array::from_fn(|c| {
        f64::from(packed >> (8 * c) & 255) / 255.0 * alpha + background[c] * (1.0 - alpha)
    })
}

/// Horizontally blurred moments of one channel, from that channel of rendering and frame.
pub fn ssim_rows(x: &[f64], y: &[f64], width: usize, height: usize) -> Vec<Blurred> {
    let raw: Vec<Blurred> = x
        .iter()
        .zip(y)
        .map(|(&x, &y)| [x, y, x * x, y * y, x * y])
        .collect();
    blur(&raw, width, height, false)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: LossParams = call.params();
    let ([width, height], bg) = (p.size.map(|v| v as usize), background(&p));
    let (image, truth): (&[[f32; 4]], &[u32]) = (call.read(0), call.read(1));
    let pixels = image.iter().zip(truth).take(width * height);
    let pixels: Vec<[[f64; 3]; 2]> = pixels
        .map(|(image, truth)| {
            let [r, g, b, clear] = image.map(f64::from);
            let x = std::array::from_fn(|c| [r, g, b][c] + clear * bg[c]);
            [x, target(*truth, bg)]
        })
        .collect();
    let mut out = vec![Stats::default(); pixels.len()];
    for c in 0..3 {
        let [x, y] = [0, 1].map(|i| pixels.iter().map(|p| p[i][c]).collect::<Vec<_>>());
        for (out, sums) in out.iter_mut().zip(ssim_rows(&x, &y, width, height)) {
            let [x, y, xx, yy, xy] = sums.map(|v| v as f32);
            (out.x[c], out.y[c], out.xx[c], out.yy[c], out.xy[c]) = (x, y, xx, yy, xy);
        }
    }
    call.put(2, 0, &out);
}
