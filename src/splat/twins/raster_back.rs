//! Twin of `kernels/splat/raster_back.wgsl`.

use super::Seen;
use super::raster::{DONE, Pixel, alpha, blend};
use crate::gpu::Call;
use crate::splat::records::{RasterParams, TILE};
use crate::splat::training::Moments;

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

/// Adds one pixel's part to the sums of each splat of its list.
pub fn blend_back(
    splats: &[&Seen],
    x: f64,
    y: f64,
    out: &Pixel,
    grad: &PixelGrad,
    sums: &mut [Sums],
) {
    let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut rest = dot(&grad.colour, &out.colour) + grad.clear * out.clear + grad.depth * out.depth;
    let mut clear = 1.0;
    for (p, sum) in splats.iter().zip(sums) {
        if clear < DONE {
            break;
        }
        let Some((alpha, clamped)) = alpha(p, x, y) else {
            continue;
        };
        let w = clear * alpha;
        let value = dot(&grad.colour, &p.colour) + grad.depth * p.centre[2];
        rest -= w * value;
        clear -= w;
        let s = if clamped {
            0.0
        } else {
            w * value - rest * alpha / (1.0 - alpha)
        };
        let (dx, dy) = (x - p.centre[0], y - p.centre[1]);
        let add = [
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
        ];
        for (total, part) in sum.iter_mut().zip(add) {
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
    let p: RasterParams = call.params();
    let projected: Vec<Seen> = call.read(3).iter().map(Seen::from_record).collect();
    let ranges: &[[u32; 2]] = &call.read(0)[..p.tiles as usize];
    let (values, owners): (&[u32], _) = (call.read(1), call.read(2));
    let (image_grad, depth_grad): (&[[f32; 4]], &[f32]) = (call.read(6), call.read(7));
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
    let moments: &mut [Moments] = call.write(8);
    for [first, last] in ranges {
        for slot in &values[*first as usize..*last as usize] {
            moments[*slot as usize] = bytemuck::cast(sums[*slot as usize].map(|v| v as f32));
        }
    }
}
