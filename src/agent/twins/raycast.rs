//! Twin of `kernels/agent/raycast.wgsl`; the stepping of `kernels/shared/grid.wgsl` is [`crate::world::walk`].

use crate::agent::raycast::{Hit, Ray, RaycastParams};
use crate::gpu::Call;
use crate::world::walk::Grid;
use rayon::prelude::*;

/// The world of a dispatch: its first four buffers.
pub fn grid<'a>(call: &Call<'a>, origin: [f32; 4], dims: [u32; 4]) -> Grid<'a> {
    let [nx, ny, nz, _] = dims;
    let fours = |at: usize| call.read::<u32>(at).as_chunks().0;
    Grid::of(
        origin,
        [nx, ny, nz],
        call.read(0),
        fours(1),
        [fours(2), fours(3)],
    )
}

/// Casts the rays of a dispatch, on every core.
pub fn cast(call: &Call<'_>) -> Vec<Hit> {
    let p: RaycastParams = call.params();
    let grid = grid(call, p.origin, p.dims);
    let rays: &[Ray] = call.read(4);
    rays[..p.rays as usize]
        .par_iter()
        .map(|ray| grid.cast(ray, p.stop_unknown != 0))
        .collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let hits = cast(call);
    call.put(5, 0, &hits);
}
