//! Twin of `kernels/world/pick.wgsl`.

use crate::gpu::Call;
use crate::world::refine::PickParams;

const NONE: f32 = 1e9;
const SAME: f32 = 1e-3;

fn pick(
    p: &PickParams,
    changes: &[f32],
    cost: impl Fn(u32) -> f32,
    [prior, plane]: [f32; 2],
) -> [f32; 4] {
    let (mut best, mut least) = (p.zero, cost(p.zero));
    let level = plane / prior - 1.0;
    let (mut at_plane, mut under, mut any) = (NONE, NONE, NONE);
    let candidates = p.candidates.min(64);
    for k in 0..candidates {
        let (change, c) = (changes[k as usize], cost(k));
        any = any.min(c);
        if plane > 0.0 && prior > 0.0 {
            if prior * (1.0 + change) <= plane * (1.0 - p.apart) {
                under = under.min(c);
            }
            let next = k + 1;
            if (level - change).abs() <= SAME {
                at_plane = at_plane.min(c);
            } else if next < p.candidates
                && change + SAME < level
                && level < changes[next as usize] - SAME
            {
                at_plane = at_plane.min(c.min(cost(next)));
            }
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
    [prior * (1.0 + change), at_plane, under, any]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: PickParams = call.params();
    let pixels = (p.width * p.height) as usize;
    let (changes, cost): (&[f32], &[f32]) = (call.read(0), call.read(1));
    let (prior, plane): (&[f32], &[f32]) = (call.read(2), call.read(3));
    let out: Vec<[f32; 4]> = (0..pixels)
        .map(|i| {
            pick(
                &p,
                changes,
                |k| cost[k as usize * pixels + i],
                [prior[i], plane[i]],
            )
        })
        .collect();
    call.put(4, 0, &out);
}
