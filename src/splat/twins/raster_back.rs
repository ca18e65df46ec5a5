//! Twin of `kernels/splat/raster_back.wgsl`.

use super::Seen;
use super::raster::{DONE, Pixel, alpha, blend};
use crate::gpu::Call;
use crate::splat::records::TILE;
use crate::splat::training::{Moments, RasterBackParams};

/// The loss's derivatives by one pixel's blended values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PixelGrad {
    /// By RGB before the background.
    pub colour: [f64; 3],
    /// By the transmittance.
    pub clear: f64,
    /// By the sum of weight times z.
    pub depth: f64,
}

/// Sums of one instance in the order of the kernel's record.
pub type Sums = [f64; 12];

/// A pixel under way, front to back.
#[derive(Clone, Copy, Debug)]
pub struct Behind {
    /// What is still to come of the gradient's product with the splats' values.
    pub rest: f64,
    /// Transmittance.
    pub clear: f64,
}

impl Behind {
    /// Before the first splat, of a pixel that blends to `out`.
    pub fn new(out: &Pixel, grad: &PixelGrad) -> Self {
        Self {
            rest: dot(&grad.colour, &out.colour) + grad.clear * out.clear + grad.depth * out.depth,
            clear: 1.0,
        }
    }

    /// One pixel's part of the sums of the next splat; none where the pixel is done, or out of the splat's reach.
    pub fn take(&mut self, p: &Seen, x: f64, y: f64, grad: &PixelGrad) -> Option<Sums> {
        if self.clear < DONE {
            return None;
        }
        let (alpha, clamped) = alpha(p, x, y)?;
        let w = self.clear * alpha;
        let value = dot(&grad.colour, &p.colour) + grad.depth * p.centre[2];
        self.rest -= w * value;
        self.clear -= w;
        let s = if clamped {
            0.0
        } else {
            w * value - self.rest * alpha / (1.0 - alpha)
        };
        let (dx, dy) = (x - p.centre[0], y - p.centre[1]);
        Some([
            s,
            s * dx,
            s * dy,
            s * dx * dx,
            s * dx * dy,
            s * dy * dy,
            w * grad.depth,
            w,
            w * grad.colour[0],
            w * grad.colour[1],
            w * grad.colour[2],
            0.0,
        ])
    }
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds one pixel's part to the sums of each splat of its list.
pub fn blend_back(
    splats: &[&Seen],
    x: f64,
    y: f64,
    out: &Pixel,
    grad: &PixelGrad,
    sums: &mut [Sums],
) {
    let mut behind = Behind::new(out, grad);
    for (p, sum) in splats.iter().zip(sums) {
        let parts = behind.take(p, x, y, grad).unwrap_or_default();
        for (total, part) in sum.iter_mut().zip(parts) {
            *total += part;
        }
    }
}

/// Sums of all slots.
pub fn raster_back(
    size: [u32; 2],
    ranges: &[[u32; 2]],
    values: &[u32],
    owners: &[u32],
    projected: &[Seen],
    grads: &[PixelGrad],
) -> Vec<Sums> {
    let across = size[0].div_ceil(TILE);
    let mut out = vec![Sums::default(); owners.len()];
    for (tile, [first, last]) in ranges.iter().enumerate() {
        let slots = &values[*first as usize..*last as usize];
        let list: Vec<_> = slots
            .iter()
            .map(|&slot| &projected[owners[slot as usize] as usize])
            .collect();
        let mut sums = vec![Sums::default(); list.len()];
        let (column, row) = (tile as u32 % across * TILE, tile as u32 / across * TILE);
        for y in row..(row + TILE).min(size[1]) {
            for x in column..(column + TILE).min(size[0]) {
                let (fx, fy) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                let pixel = blend(list.iter().copied(), fx, fy);
                let grad = &grads[(y * size[0] + x) as usize];
                blend_back(&list, fx, fy, &pixel, grad, &mut sums);
            }
        }
        for (slot, sum) in slots.iter().zip(sums) {
            out[*slot as usize] = sum;
        }
    }
    out
}

/// The kernel. It blends again instead of reading the image.
pub fn twin(call: &mut Call<'_>) {
    run(call, raster_back);
}

/// The kernel, by one of the ways to make its sums.
pub(super) fn run(
    call: &mut Call<'_>,
    raster_back: impl Fn([u32; 2], &[[u32; 2]], &[u32], &[u32], &[Seen], &[PixelGrad]) -> Vec<Sums>,
) {
    let p: RasterBackParams = call.params();
    let counts: &[u32] = call.read(0);
    if p.first > 0 && counts[p.count_at as usize] <= p.first {
        return;
    }
    let projected: Vec<Seen> = call.read(4).iter().map(Seen::from_record).collect();
    let ranges: &[[u32; 2]] = &call.read(1)[..p.tiles as usize];
    let (values, owners): (&[u32], _) = (call.read(2), call.read(3));
    let (image_grad, depth_grad): (&[[f32; 4]], &[f32]) = (call.read(7), call.read(8));
    let grads: Vec<PixelGrad> = image_grad
        .iter()
        .zip(depth_grad)
        .map(|(image, depth)| {
            let [r, g, b, clear] = image.map(f64::from);
            PixelGrad {
                colour: [r, g, b],
                clear,
                depth: f64::from(*depth),
            }
        })
        .collect();
    let sums = raster_back(p.size, ranges, values, owners, &projected, &grads);
    let moments: &mut [Moments] = call.write(9);
    for [first, last] in ranges {
        for slot in &values[*first as usize..*last as usize] {
            let at = slot.wrapping_sub(p.first) as usize;
            if let Some(to) = moments.get_mut(at) {
                *to = bytemuck::cast(sums[*slot as usize].map(|v| v as f32));
            }
        }
    }
}
