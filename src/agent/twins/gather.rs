//! Twin of `kernels/agent/gather.wgsl`.

use crate::agent::met::MetParams;
use crate::agent::raycast::Hit;
use crate::gpu::Call;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: MetParams = call.params();
    let list: &[u32] = call.read(0);
    let hits: &[Hit] = call.read(1);
    let kept: Vec<Hit> = list[..p.n as usize]
        .iter()
        .map(|&i| hits[i as usize])
        .collect();
    call.put(2, 0, &kept);
}
