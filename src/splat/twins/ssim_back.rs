//! Twin of `kernels/splat/ssim_back.wgsl`.

use super::ssim_rows::blur;

/// Horizontal blur of SSIM's derivatives, one channel.
pub fn ssim_back(partials: &[[f64; 3]], width: usize, height: usize) -> Vec<[f64; 3]> {
    blur(partials, width, height, false)
}
