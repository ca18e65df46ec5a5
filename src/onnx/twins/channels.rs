//! Twin of `kernels/onnx/channels.wgsl`.

use crate::gpu::Call;
use crate::onnx::picture::ChannelsParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: ChannelsParams = call.params();
    let rgba: &[u32] = call.read(0);
    let mut planes = Vec::with_capacity(3 * p.count as usize);
    for c in 0..3 {
        let shade = |pixel: &u32| ((pixel >> (8 * c)) & 255) as f32 / 255.0;
        let made = rgba[..p.count as usize].iter().map(shade);
        planes.extend(made.map(|shade| (shade - p.less[c]) * p.times[c]));
    }
    call.put(1, 0, &planes);
}
