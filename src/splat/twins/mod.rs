//! Twins of `kernels/splat/`, in f64 so that finite differences of them are sharp.

pub mod choose;
pub mod clone;
pub mod emit;
pub mod loss;
pub mod project;
pub mod ranges;
pub mod raster;
pub mod raster_back;
pub mod raster_back_lanes;
pub mod raster_lanes;
pub mod share;
pub mod ssim_back;
pub mod ssim_columns;
pub mod ssim_rows;
pub mod update;

use crate::splat::harmonics::MOST;
use crate::splat::records::{Projected, Splat};

/// Floats of a splat: its record's, then 16 coefficients times RGB, one after the other.
pub const FLOATS: usize = 12 + 3 * MOST;

/// One splat's parameters.
pub type Flat = [f64; FLOATS];

/// Splat `i` as f64; coefficients that there are no planes for are 0.
pub fn flat(splats: &[Splat], planes: &[[f32; 4]], i: usize) -> Flat {
    let floats: [f32; 12] = bytemuck::cast(splats[i]);
    let sh = planes.iter().skip(i).step_by(splats.len()).flatten();
    let mut out = [0.0; FLOATS];
    for (to, from) in out.iter_mut().zip(floats.iter().chain(sh)) {
        *to = f64::from(*from);
    }
    out
}

/// Writes splat `i` back.
pub fn unflat(flat: &Flat, splats: &mut [Splat], planes: &mut [[f32; 4]], i: usize) {
    let (record, sh) = flat.split_at(12);
    let record: [f32; 12] = std::array::from_fn(|k| record[k] as f32);
    splats[i] = bytemuck::cast(record);
    let planes = planes.iter_mut().skip(i).step_by(splats.len()).flatten();
    for (to, from) in planes.zip(sh) {
        *to = *from as f32;
    }
}

/// A projected splat in f64; `cutoff < 0` when culled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Pixel x, y; depth; opacity.
    pub centre: [f64; 4],
    /// a, b, c, cut-off.
    pub conic: [f64; 4],
    /// RGB.
    pub colour: [f64; 3],
}

impl Seen {
    /// From the kernel's record.
    pub fn from_record(p: &Projected) -> Self {
        let [r, g, b, _] = p.colour.map(f64::from);
        Self {
            centre: p.centre.map(f64::from),
            conic: p.conic.map(f64::from),
            colour: [r, g, b],
        }
    }

    /// As the kernel's record.
    pub fn to_record(&self) -> Projected {
        let [r, g, b] = self.colour.map(|v| v as f32);
        Projected {
            centre: self.centre.map(|v| v as f32),
            conic: self.conic.map(|v| v as f32),
            colour: [r, g, b, 0.0],
        }
    }
}
