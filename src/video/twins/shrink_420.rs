//! Twin of `kernels/video/shrink_420.wgsl`.

use super::convert::convert;
use crate::gpu::Call;
use crate::video::ConvertParams;

/// Packed sRGB pixels of `params.size`, row-major, from the bytes of one eight-bit planar 4:2:0 frame: what [`convert`]
/// gives for it, of which the kernel is the quick form.
pub fn shrink_420(params: &ConvertParams, src: &[u32]) -> Vec<u32> {
    convert(params, src)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &shrink_420(&call.params(), call.read(0)));
}
