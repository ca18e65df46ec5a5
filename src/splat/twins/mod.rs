//! Twins of `kernels/splat/`, in f64 so that finite differences of them are sharp.

pub mod adam;
pub mod emit;
pub mod loss;
pub mod project;
pub mod project_back;
pub mod ranges;
pub mod raster;
pub mod raster_back;
pub mod raster_back_lanes;
pub mod raster_lanes;
pub mod ssim_back;
pub mod ssim_columns;
pub mod ssim_rows;

use crate::splat::records::{Projected, Splat};

/// One splat's parameters in the order of the record's 24 floats.
pub type Flat = [f64; 24];

/// A record as f64.
pub fn flat(splat: &Splat) -> Flat {
    let floats: [f32; 24] = bytemuck::cast(*splat);
    floats.map(f64::from)
}

/// A record from f64.
pub fn record(flat: &Flat) -> Splat {
    bytemuck::cast(flat.map(|v| v as f32))
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
