//! Twin of `kernels/agent/met.wgsl`.

use crate::agent::met::MetParams;
use crate::agent::raycast::Hit;
use crate::gpu::Call;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: MetParams = call.params();
    let hits: &[Hit] = call.read(0);
    let flags: Vec<u32> = hits[..p.n as usize]
        .iter()
        .map(|hit| u32::from(hit.met()))
        .collect();
    call.put(1, 0, &flags);
}
