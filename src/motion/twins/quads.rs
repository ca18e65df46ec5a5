//! Twin of `kernels/motion/quads.wgsl`, and reading of what it makes.

use super::clamped;
use crate::gpu::Call;
use crate::motion::kernels::SizeParams;

fn packed(low: f32, high: f32) -> u32 {
    let unorm = |v: f32| (0.5 + 65535.0 * v.clamp(0.0, 1.0)).floor() as u32;
    unorm(low) | unorm(high) << 16
}

/// Four neighbours in each element, as 16-bit fractions of 255; rows from x = -8 to width + 7.
pub fn quads(p: &SizeParams, image: &[f32]) -> Vec<[u32; 2]> {
    let mut out = Vec::new();
    for y in 0..i64::from(p.height) {
        for x in -8..i64::from(p.width) + 8 {
            let at = |i: i64| image[clamped(x + i, y, p.width, p.height)] / 255.0;
            out.push([packed(at(0), at(1)), packed(at(2), at(3))]);
        }
    }
    out
}

/// A picture that is given as quads.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The quads.
    pub quads: &'a [[u32; 2]],
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Picture<'_> {
    /// The pixel at (x, y), edges repeated.
    pub(super) fn at(&self, x: i64, y: i64) -> f32 {
        let (width, height) = (i64::from(self.width), i64::from(self.height));
        let (x, y) = (x.clamp(0, width - 1), y.clamp(0, height - 1));
        let word = self.quads[(y * (width + 16) + x + 8) as usize][0];
        255.0 * ((word & 0xffff) as f32 / 65535.0)
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &quads(&call.params(), call.read(0)));
}
