//! Twin of `kernels/splat/raster.wgsl`.

use super::Seen;
use crate::gpu::Call;
use crate::splat::records::{RasterParams, TILE};

/// A pixel is done once its transmittance is under this.
pub const DONE: f64 = 1e-4;

/// What one pixel holds after blending.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// RGB before the background.
    pub colour: [f64; 3],
    /// Transmittance.
    pub clear: f64,
    /// Sum of weight times z.
    pub depth: f64,
}

impl Pixel {
    /// From the kernels' records.
    pub fn from_record(image: [f32; 4], depth: f32) -> Self {
        let [r, g, b, clear] = image.map(f64::from);
        Self {
            colour: [r, g, b],
            clear,
            depth: f64::from(depth),
        }
    }
}

/// Alpha of one splat at a pixel's centre, and whether it is clamped.
pub fn alpha(p: &Seen, x: f64, y: f64) -> Option<(f64, bool)> {
    let (dx, dy) = (x - p.centre[0], y - p.centre[1]);
    let [a, b, c, cutoff] = p.conic;
    let q = a * dx * dx + dy * (2.0 * b * dx + c * dy);
    let raw = p.centre[3] * (-0.5 * q).exp();
    (q <= cutoff).then_some((raw.min(0.99), raw > 0.99))
}

/// A pixel before anything is blended into it.
pub const CLEAR: Pixel = Pixel {
    colour: [0.0; 3],
    clear: 1.0,
    depth: 0.0,
};

/// Blends the next splat into a pixel that is not done.
pub fn take(out: &mut Pixel, p: &Seen, x: f64, y: f64) {
    if out.clear < DONE {
        return;
    }
    if let Some((alpha, _)) = alpha(p, x, y) {
        let w = out.clear * alpha;
        for c in 0..3 {
            out.colour[c] += w * p.colour[c];
        }
        out.depth += w * p.centre[2];
        out.clear -= w;
    }
}

/// Blends the splats of one pixel, given in order.
pub fn blend<'a>(splats: impl Iterator<Item = &'a Seen>, x: f64, y: f64) -> Pixel {
    let mut out = CLEAR;
    for p in splats {
        if out.clear < DONE {
            break;
        }
        take(&mut out, p, x, y);
    }
    out
}

/// All pixels of an image, row-major, from per-tile ranges of sorted slots.
pub fn raster(
    size: [u32; 2],
    ranges: &[[u32; 2]],
    values: &[u32],
    owners: &[u32],
    projected: &[Seen],
) -> Vec<Pixel> {
    let across = size[0].div_ceil(TILE);
    let mut out = Vec::new();
    for y in 0..size[1] {
        for x in 0..size[0] {
            let [first, last] = ranges[(y / TILE * across + x / TILE) as usize];
            let list = values[first as usize..last as usize]
                .iter()
                .map(|&slot| &projected[owners[slot as usize] as usize]);
            out.push(blend(list, f64::from(x) + 0.5, f64::from(y) + 0.5));
        }
    }
    out
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    run(call, raster);
}

/// The kernel, by one of the ways to make its pixels.
pub(super) fn run(
    call: &mut Call<'_>,
    raster: impl Fn([u32; 2], &[[u32; 2]], &[u32], &[u32], &[Seen]) -> Vec<Pixel>,
) {
    let p: RasterParams = call.params();
    let projected: Vec<Seen> = call.read(3).iter().map(Seen::from_record).collect();
    let ranges: &[[u32; 2]] = call.read(0);
    let (values, owners) = (call.read(1), call.read(2));
    let ranges = &ranges[..p.tiles as usize];
    let pixels = raster(p.size, ranges, values, owners, &projected);
    let image: Vec<[f32; 4]> = pixels
        .iter()
        .map(|p| [p.colour[0], p.colour[1], p.colour[2], p.clear].map(|v| v as f32))
        .collect();
    let depth: Vec<f32> = pixels.iter().map(|p| p.depth as f32).collect();
    call.put(4, 0, &image);
    call.put(5, 0, &depth);
}
