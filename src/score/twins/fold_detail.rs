//! Twin of `kernels/score/fold_detail.wgsl`.

use crate::gpu::Call;
use crate::score::kernels::{DETAIL_RECORD, FoldDetailParams};

/// The value below which the share `q` of the counts lies, in bins.
fn at(counts: &[u32], q: f32) -> f32 {
    let want = q * counts.iter().sum::<u32>() as f32;
    let mut seen = 0u32;
    for (i, &here) in counts.iter().enumerate() {
        if here > 0 && (seen + here) as f32 >= want {
            return i as f32 + ((want - seen as f32) / here as f32).clamp(0.0, 1.0);
        }
        seen += here;
    }
    0.0
}

fn excess(bins: &[u32]) -> f32 {
    let (sums, counts) = bins.split_at(8);
    let total = sums.iter().map(|s| *s as f32).sum::<f32>();
    let count = counts.iter().map(|c| *c as f32).sum::<f32>();
    let worst = sums
        .iter()
        .zip(counts)
        .map(|(s, n)| *s as f32 / (*n as f32).max(1.0))
        .fold(0.0, f32::max);
    (worst / (total / count.max(1.0) + 1.0) - 1.0).max(0.0)
}

/// The record of one frame from the histograms of its own size and of its quarter.
pub fn fold_detail(fine: &[u32], coarse: &[u32]) -> [[f32; 4]; DETAIL_RECORD] {
    let (mut n, mut sum, mut square, mut ends) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for (i, &count) in fine[..256].iter().enumerate() {
        let (c, v) = (count as f32, i as f32);
        n += c;
        sum += c * v;
        square += c * v * v;
        if i <= 2 || i >= 253 {
            ends += c;
        }
    }
    let by = n.max(1.0);
    let mean = sum / by;
    [
        [
            0.25 * at(&fine[256..768], 0.97),
            0.5 * at(&fine[768..1280], 0.2),
            0.25 * at(&coarse[256..768], 0.97),
            0.5 * (excess(&fine[1280..1296]) + excess(&fine[1296..1312])),
        ],
        [
            ends / by,
            (square / by - mean * mean).max(0.0).sqrt(),
            mean,
            0.25 * at(&fine[256..768], 0.5),
        ],
    ]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: FoldDetailParams = call.params();
    call.put(2, p.at as usize, &fold_detail(call.read(0), call.read(1)));
}
