//! Twin of `kernels/video/split.wgsl`.

use crate::gpu::Call;
use crate::video::SplitParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SplitParams = call.params();
    split(&p, call.write(0));
}

/// Chroma as pairs of bytes into two planes of bytes, in place.
///
/// # Panics
/// When `planes` ends before the frame does.
pub fn split(p: &SplitParams, planes: &mut [u32]) {
    let [pairs, stride, blue, red] = [p.pairs, p.stride, p.blue, p.red].map(|n| n as usize);
    let (row, rows) = (p.row as usize, p.rows as usize);
    for y in 0..rows {
        for x in 0..row {
            let at = pairs + y * stride + 2 * x;
            let [a, b] = [planes[at], planes[at + 1]].map(u32::to_le_bytes);
            let to = y * row + x;
            planes[blue + to] = u32::from_le_bytes([a[0], a[2], b[0], b[2]]);
            planes[red + to] = u32::from_le_bytes([a[1], a[3], b[1], b[3]]);
        }
    }
}
