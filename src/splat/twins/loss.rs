//! Twin of `kernels/splat/loss.wgsl`: the loss itself, and its gradient.

use super::raster::Pixel;
use super::raster_back::PixelGrad;
use super::ssim_rows::{background, blur, target};
use super::{ssim_back, ssim_columns, ssim_rows};
use crate::gpu::Call;
use crate::splat::training::{LossParams, Partials};

/// Inputs of the loss besides the raster's output.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Packed frame.
    pub frame: &'a [u32],
    /// Inverse depth, 0 where unknown and negative where a pixel is marked as one that counts for nothing; may be empty.
    pub inverse_depth: &'a [f32],
}

fn channel(pixels: &[Pixel], target_of: &Target<'_>, bg: [f64; 3], c: usize) -> [Vec<f64>; 2] {
    [
        pixels
            .iter()
            .map(|p| p.colour[c] + p.clear * bg[c])
            .collect(),
        target_of.frame.iter().map(|&p| target(p, bg)[c]).collect(),
    ]
}

fn known_depth(p: &Pixel, target: &Target<'_>, i: usize, params: &LossParams) -> Option<f64> {
    let rho = f64::from(*target.inverse_depth.get(i)?);
    (params.depth > 0.0 && 1.0 - p.clear > 0.5 && p.depth > 0.0 && rho > 0.0 && rho.is_finite())
        .then_some(rho)
}

/// Whether a pixel is marked as one that counts for nothing.
fn marked(target: &Target<'_>, i: usize, params: &LossParams) -> bool {
    params.marked != 0 && target.inverse_depth.get(i).is_some_and(|&rho| rho < 0.0)
}

/// The loss: a sum over pixels and channels with the weights of `params`.
pub fn value(pixels: &[Pixel], target: &Target<'_>, params: &LossParams) -> f64 {
    let [width, height] = params.size.map(|v| v as usize);
    let bg = background(params);
    let mut total = 0.0;
    for c in 0..3 {
        let [x, y] = channel(pixels, target, bg, c);
        let rows = ssim_rows::ssim_rows(&x, &y, width, height);
        let (ssim, _) = ssim_columns::ssim_columns(&rows, width, height);
        for (i, ((x, y), s)) in x.iter().zip(&y).zip(ssim).enumerate() {
            if marked(target, i, params) {
                // Its window still holds its neighbours.
                total += f64::from(params.ssim) * (1.0 - s);
                continue;
            }
            total += f64::from(params.l1) * (x - y).abs() + f64::from(params.ssim) * (1.0 - s);
        }
    }
    for (i, p) in pixels.iter().enumerate() {
        if let Some(rho) = known_depth(p, target, i, params) {
            total += f64::from(params.depth) * ((1.0 - p.clear) / p.depth - rho).abs();
        }
    }
    total
}

/// Derivative of [`value`] by each pixel; by those that are marked it is 0, whatever their part in their neighbours'
/// windows.
pub fn loss(pixels: &[Pixel], target: &Target<'_>, params: &LossParams) -> Vec<PixelGrad> {
    let [width, height] = params.size.map(|v| v as usize);
    let bg = background(params);
    let back = [0, 1, 2].map(|c| {
        let [x, y] = channel(pixels, target, bg, c);
        let rows = ssim_rows::ssim_rows(&x, &y, width, height);
        let (_, partials) = ssim_columns::ssim_columns(&rows, width, height);
        ssim_back::ssim_back(&partials, width, height)
    });
    finish(pixels, target, params, &back)
}

/// The last step of [`loss`], from SSIM's derivatives blurred along rows, channel by channel.
fn finish(
    pixels: &[Pixel],
    target: &Target<'_>,
    params: &LossParams,
    back: &[Vec<[f64; 3]>; 3],
) -> Vec<PixelGrad> {
    let [width, height] = params.size.map(|v| v as usize);
    let bg = background(params);
    let sign = |v: f64| if v == 0.0 { 0.0 } else { v.signum() };
    let mut out = vec![PixelGrad::default(); pixels.len()];
    for c in 0..3 {
        let [x, y] = channel(pixels, target, bg, c);
        let by = blur(&back[c], width, height, true);
        for (i, g) in out.iter_mut().enumerate() {
            let [by_x, by_xx, by_xy] = by[i];
            let value = f64::from(params.l1) * sign(x[i] - y[i])
                - f64::from(params.ssim) * (by_x + 2.0 * x[i] * by_xx + y[i] * by_xy);
            g.colour[c] = value;
            g.clear += value * bg[c];
        }
    }
    for (i, (g, p)) in out.iter_mut().zip(pixels).enumerate() {
        if marked(target, i, params) {
            *g = PixelGrad::default();
            continue;
        }
        if let Some(rho) = known_depth(p, target, i, params) {
            let covered = 1.0 - p.clear;
            let e = f64::from(params.depth) * sign(covered / p.depth - rho);
            g.clear -= e / p.depth;
            g.depth = -e * covered / (p.depth * p.depth);
        }
    }
    out
}

/// The kernel, from the blurred rows that it is given.
pub fn twin(call: &mut Call<'_>) {
    let p: LossParams = call.params();
    let [width, height] = p.size.map(|v| v as usize);
    let count = width * height;
    let rows: &[Partials] = &call.read(0)[..count];
    let back = [0, 1, 2].map(|c| {
        let of = |p: &Partials| [p.x[c], p.xx[c], p.xy[c]].map(f64::from);
        rows.iter().map(of).collect()
    });
    let (image, depth): (&[[f32; 4]], &[f32]) = (call.read(1), call.read(3));
    let pixels: Vec<Pixel> = image[..count]
        .iter()
        .zip(depth)
        .map(|(image, depth)| Pixel::from_record(*image, *depth))
        .collect();
    let target = Target {
        frame: &call.read(2)[..count],
        inverse_depth: call.read(4),
    };
    let grads = finish(&pixels, &target, &p, &back);
    let image: Vec<[f32; 4]> = grads
        .iter()
        .map(|g| [g.colour[0], g.colour[1], g.colour[2], g.clear].map(|v| v as f32))
        .collect();
    let depth: Vec<f32> = grads.iter().map(|g| g.depth as f32).collect();
    call.put(5, 0, &image);
    call.put(6, 0, &depth);
}
