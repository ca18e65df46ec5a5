//! Twin of `kernels/world/pick.wgsl`.

use crate::gpu::Call;
use crate::world::refine::PickParams;

const NONE: f32 = 1e9;

fn pick(p: &PickParams, changes: &[f32], cost: impl Fn(u32) -> f32, prior: f32) -> [f32; 4] {
    let own = cost(p.zero);
    let (mut best, mut least, mut deeper, mut nearer) = (p.zero, own, NONE, NONE);
    for k in 0..p.candidates.min(64) {
        let (change, c) = (changes[k as usize], cost(k));
        if change <= -p.apart {
            deeper = deeper.min(c);
        }
        if change >= p.apart {
            nearer = nearer.min(c);
        }
        let all = c + p.penalty * (change.abs() / p.far).min(1.0);
        if all < least {
            (least, best) = (all, k);
        }
    }
    let mut change = 0.0;
    if least <= p.hopeless {
        change = changes[best as usize];
        if best > 0 && best + 1 < p.candidates {
            let [a, b, c] = [cost(best - 1), cost(best), cost(best + 1)];
            let bend = a - 2.0 * b + c;
            if bend > 1e-4 {
                let off = (0.5 * (a - c) / bend).clamp(-0.5, 0.5);
                let side = changes[if off < 0.0 { best - 1 } else { best + 1 } as usize];
                change += off.abs() * (side - change);
            }
        }
    }
    [prior * (1.0 + change), own, deeper, nearer]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: PickParams = call.params();
    let pixels = (p.width * p.height) as usize;
    let (changes, cost): (&[f32], &[f32]) = (call.read(0), call.read(1));
    let prior: &[f32] = call.read(2);
    let out: Vec<[f32; 4]> = (0..pixels)
        .map(|i| pick(&p, changes, |k| cost[k as usize * pixels + i], prior[i]))
        .collect();
    call.put(3, 0, &out);
}
