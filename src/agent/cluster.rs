//! Merges marked cells into connected regions, so that one defect is one violation.

use std::collections::{BTreeMap, BTreeSet};

/// Regions of cells that lie within `gap` of each other along every axis, each sorted, the largest first.
pub fn regions(cells: &[[i64; 3]], gap: i64) -> Vec<Vec<[i64; 3]>> {
    let mut left: BTreeSet<[i64; 3]> = cells.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(start) = left.pop_first() {
        let mut region = vec![start];
        let mut at = 0;
        while at < region.len() {
            let [x, y, z] = region[at];
            at += 1;
            for dx in -gap..=gap {
                for dy in -gap..=gap {
                    for dz in -gap..=gap {
                        let next = [x + dx, y + dy, z + dz];
                        if left.remove(&next) {
                            region.push(next);
                        }
                    }
                }
            }
        }
        region.sort_unstable();
        found.push(region);
    }
    found.sort_by_key(|r| std::cmp::Reverse(r.len()));
    found
}

/// Cells along each axis that a region spans.
pub fn extent(region: &[[i64; 3]]) -> [i64; 3] {
    std::array::from_fn(|a| {
        let low = region.iter().map(|c| c[a]).min().unwrap_or(0);
        let high = region.iter().map(|c| c[a]).max().unwrap_or(-1);
        high - low + 1
    })
}

/// The region's cell nearest to its mean, so that a location lies on the defect.
pub fn heart(region: &[[i64; 3]]) -> [i64; 3] {
    let n = region.len().max(1) as f64;
    let mean: [f64; 3] =
        std::array::from_fn(|a| region.iter().map(|c| c[a] as f64).sum::<f64>() / n);
    let off = |c: &[i64; 3]| (0..3).map(|a| (c[a] as f64 - mean[a]).powi(2)).sum::<f64>();
    region
        .iter()
        .copied()
        .min_by(|a, b| off(a).total_cmp(&off(b)))
        .unwrap_or_default()
}

/// The key that occurs most often, the smallest of equals.
pub fn most_common(keys: impl IntoIterator<Item = usize>) -> Option<usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(key, n)| (n, std::cmp::Reverse(key)))
        .map(|(key, _)| key)
}
