//! Twin of `kernels/agent/tally.wgsl`.

use crate::agent::met::MetParams;
use crate::agent::walk::{End, Walker};
use crate::gpu::Call;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: MetParams = call.params();
    let walkers: &[Walker] = &call.read(0)[..p.n as usize];
    let words = |f: fn(&Walker) -> u32| -> Vec<u32> { walkers.iter().map(f).collect() };
    let floats = |f: fn(&Walker) -> f32| -> Vec<f32> { walkers.iter().map(f).collect() };
    call.put(1, 0, &words(|w| u32::from(w.state == End::Walking as u32)));
    call.put(
        2,
        0,
        &words(|w| w.state + if w.counts[0] > 0 { 16 } else { 0 }),
    );
    call.put(3, 0, &words(|w| w.steps));
    call.put(4, 0, &floats(|w| w.place[3]));
    call.put(
        5,
        0,
        &floats(|w| {
            if w.state == End::Arrived as u32 && w.counts[0] == 0 {
                w.reach[0].min(w.place[3]) / w.place[3].max(1e-9)
            } else {
                0.0
            }
        }),
    );
}
