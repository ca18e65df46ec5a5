//! Twin of `kernels/video/convert_420.wgsl`.

use super::convert::convert;
use crate::gpu::Call;
use crate::video::ConvertParams;

/// Packed sRGB pixels, row-major, from the bytes of one eight-bit planar 4:2:0 frame: what [`convert`] gives for it,
/// of which the kernel is the quick form.
pub fn convert_420(params: &ConvertParams, src: &[u32]) -> Vec<u32> {
    convert(params, src)
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(3, 0, &convert_420(&call.params(), call.read(0)));
}
