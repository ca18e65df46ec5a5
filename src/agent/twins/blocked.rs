//! Twin of `kernels/agent/blocked.wgsl`.

use super::raycast::cast;
use crate::gpu::Call;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let flags: Vec<u32> = cast(call).iter().map(|hit| u32::from(hit.met())).collect();
    call.put(5, 0, &flags);
}
