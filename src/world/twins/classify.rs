//! Twin of `kernels/world/classify.wgsl`.

use crate::gpu::Call;
use crate::world::fuse::ClassifyParams;

/// Packed states of `p.voxels` voxels, 16 a word.
pub fn classify(p: &ClassifyParams, evidence: &[[f32; 4]]) -> Vec<u32> {
    evidence[..p.voxels as usize]
        .chunks(16)
        .map(|chunk| {
            chunk
                .iter()
                .enumerate()
                .fold(0, |word, (k, &e)| word | state(p, e) << (2 * k))
        })
        .collect()
}

fn state(p: &ClassifyParams, [sum, weight, through, hits]: [f32; 4]) -> u32 {
    if ![sum, weight, through, hits].iter().all(|x| x.is_finite()) {
        return 0;
    }
    let carved = p.occupied * hits <= p.free * through;
    if weight > 0.0 {
        let mean = sum / weight;
        if mean > 0.25 * p.voxel {
            1
        } else if mean >= -2.25 * p.voxel && !carved {
            2
        } else {
            u32::from(through > 0.0 && carved)
        }
    } else {
        u32::from(through > 0.0)
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &classify(&call.params(), call.read(0)));
}
