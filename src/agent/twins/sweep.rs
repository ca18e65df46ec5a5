//! Twin of `kernels/agent/sweep.wgsl`; `kernels/shared/capsule.wgsl` is [`crate::world::sweep`].

use rayon::prelude::*;

use super::raycast::grid;
use crate::agent::sweep::{Capsule, Met, SweepParams};
use crate::gpu::Call;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: SweepParams = call.params();
    let grid = grid(call, p.origin, p.dims);
    let capsules: &[Capsule] = call.read(4);
    let contacts: Vec<Met> = capsules[..p.capsules as usize]
        .par_iter()
        .map(|capsule| Met::of(&grid.sweep(&capsule.sweep(), p.stop_unknown != 0)))
        .collect();
    call.put(5, 0, &contacts);
}
