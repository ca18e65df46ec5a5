//! SOG (PlayCanvas): a zip of lossless images with a pixel a splat, and a document that tells what their bytes mean.

use super::super::harmonics::coefficients;

mod codebook;
mod files;
mod palette;
mod read;
mod write;

pub use read::parse;
pub use write::encode;

/// The document's name.
const DOCUMENT: &str = "meta.json";

/// Entries of a palette side by side in its image.
const PALETTE_ROW: usize = 64;

/// The most that a part of a unit quaternion can be besides its largest.
const HALF_ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// The parts of a quaternion besides its largest, in the order of the image.
const fn others(largest: usize) -> [usize; 3] {
    match largest {
        0 => [1, 2, 3],
        1 => [0, 2, 3],
        2 => [0, 1, 3],
        _ => [0, 1, 2],
    }
}

/// Coefficients above degree 0.
const fn rest(sh_degree: u32) -> usize {
    coefficients(sh_degree) - 1
}

#[cfg(test)]
mod tests;
