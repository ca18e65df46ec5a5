//! Twin of `kernels/video/planes.wgsl`: what the encoder converts with where no GPU does.

use crate::gpu::Call;
use crate::video::PlanesParams;
use crate::video::planes::planes;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: PlanesParams = call.params();
    call.put(1, p.out as usize, &planes(&p, call.read(0)));
}
