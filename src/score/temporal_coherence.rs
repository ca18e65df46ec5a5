//! Temporal coherence: what the flow does not explain, flicker, and flow that contradicts itself.

use rayon::prelude::*;

use super::Components;
use super::evidence::Evidence;
use super::picture::{box9, mean};
use crate::motion::FlowPair;

const BLOCK: usize = 16;

/// Warping residual of one step.
struct Residual {
    /// Sum of |r - box9 r| over the valid pixels.
    fine: f64,
    /// Sum of |grad I| + 1 over them.
    detail: f64,
    /// Mean residual of each 16-pixel block; `None` where under a quarter of it is valid.
    blocks: Vec<Option<f64>>,
}

pub(super) fn score(e: &Evidence<'_>, out: &mut Components) -> f64 {
    let residuals: Vec<Residual> = e.steps.par_iter().map(|p| residual(e, p)).collect();
    let fine: f64 = residuals.iter().map(|r| r.fine).sum();
    let detail: f64 = residuals.iter().map(|r| r.detail).sum();
    // Without a single valid pixel nothing is explained at all.
    let error = if detail > 0.0 { fine / detail } else { 1.0 };
    let flicker = mean(residuals.windows(2).flat_map(|r| {
        let both = r[0].blocks.iter().zip(&r[1].blocks);
        both.filter_map(|(a, b)| Some((a.as_ref()? - b.as_ref()?).abs() * 100.0 / 255.0))
    }));
    let inconsistent = 1.0 - mean(e.steps.iter().map(|p| f64::from(p.consistent)));
    out.put("temporal_coherence", "warp_error", error);
    out.put("temporal_coherence", "flicker", flicker);
    out.put("temporal_coherence", "inconsistent", inconsistent);
    (-error / 0.6 - flicker / 1.2 - inconsistent / 0.25).exp() * e.gate()
}

fn residual(e: &Evidence<'_>, pair: &FlowPair) -> Residual {
    let (w, h) = (e.motion.width as usize, e.motion.height as usize);
    let (a, b) = (&e.motion.luma[pair.a], &e.motion.luma[pair.b]);
    let mut r = vec![0.0f32; w * h];
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            if pair.valid[i] == 1 {
                let u = pair.forward[i];
                r[i] = bilinear(b, w, h, x as f32 + u[0], y as f32 + u[1]) - a[i];
            }
        }
    }
    let smooth = box9(&r, w, h);
    let (mut fine, mut detail) = (0.0f64, 0.0f64);
    let across = w.div_ceil(BLOCK);
    let mut blocks = vec![(0.0f64, 0usize, 0usize); across * h.div_ceil(BLOCK)];
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            let block = &mut blocks[y / BLOCK * across + x / BLOCK];
            block.2 += 1;
            if pair.valid[i] == 0 {
                continue;
            }
            block.0 += f64::from(r[i]);
            block.1 += 1;
            let gx = a[y * w + (x + 1).min(w - 1)] - a[y * w + x.saturating_sub(1)];
            let gy = a[(y + 1).min(h - 1) * w + x] - a[y.saturating_sub(1) * w + x];
            fine += f64::from((r[i] - smooth[i]).abs());
            detail += f64::from(0.5 * gx.hypot(gy)) + 1.0;
        }
    }
    let blocks = blocks
        .into_iter()
        .map(|(sum, valid, all)| (valid * 4 >= all && valid > 0).then(|| sum / valid as f64))
        .collect();
    Residual {
        fine,
        detail,
        blocks,
    }
}

fn bilinear(image: &[f32], w: usize, h: usize, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, (w - 1) as f32), y.clamp(0.0, (h - 1) as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let top = image[y0 * w + x0] * (1.0 - fx) + image[y0 * w + x1] * fx;
    let low = image[y1 * w + x0] * (1.0 - fx) + image[y1 * w + x1] * fx;
    top * (1.0 - fy) + low * fy
}
