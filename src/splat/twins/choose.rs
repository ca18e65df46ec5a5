//! Twin of `kernels/splat/choose.wgsl`.

use crate::gpu::Call;
use crate::numeric::hashed;
use crate::splat::records::Splat;
use crate::splat::relocate::{ChooseParams, Credit, NONE};

/// Opacity logit under which a splat is dead.
const DEAD: f32 = -5.3;
/// Splats of which one is drawn.
const DRAWN: u32 = 16;

/// Uniform in 0 to 1, without the ends.
pub fn uniform(i: u32, draw: u32, seed: u32) -> f64 {
    (f64::from(hashed(i, draw, seed) >> 9) + 0.5) / 8_388_608.0
}

/// By splat, the one that it becomes a part of, and [`NONE`] where it stays.
pub fn choose(p: &ChooseParams, splats: &[Splat], square: &[Splat], credit: &[Credit]) -> Vec<u32> {
    let dead = |i: usize| {
        let logit = splats[i].centre[3];
        !logit.is_finite()
            || logit <= DEAD
            || (credit[i].views >= p.views && credit[i].weight < p.unseen)
    };
    let score = |i: usize| {
        let opacity = 1.0 / (1.0 + f64::from(-splats[i].centre[3]).exp());
        let pull: f64 = square[i].centre[..3].iter().map(|v| f64::from(*v)).sum();
        opacity * pull.sqrt()
    };
    let source = |i: u32| {
        if !dead(i as usize) || hashed(i, 0, p.seed) >= p.limit {
            return NONE;
        }
        let drawn = (0..DRAWN).filter_map(|k| {
            let c = hashed(i, 1 + 2 * k, p.seed) % p.n;
            let s = score(c as usize);
            let time = -uniform(i, 2 + 2 * k, p.seed).ln() / s;
            (s > 0.0 && s.is_finite() && !dead(c as usize)).then_some((c, time))
        });
        let first = drawn.reduce(|best, one| if one.1 < best.1 { one } else { best });
        first.map_or(NONE, |(c, _)| c)
    };
    (0..p.n).map(source).collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: ChooseParams = call.params();
    let sources = choose(&p, call.read(0), call.read(1), call.read(2));
    let copies: &mut [u32] = call.write(4);
    for source in sources.iter().filter(|source| **source != NONE) {
        copies[*source as usize] += 1;
        copies[p.n as usize] += 1;
    }
    call.put(3, 0, &sources);
}
