//! Stable radix sort.

use sora_director::gpu::groups_1d;
use sora_director::gpu::sort::{BLOCK, DIGIT_BITS, SORT_COUNT, SORT_SCATTER, Sort, SortParams};
use sora_director::gpu::twins as twin;

use super::{SIZES, scanned};
use crate::common::parity::Case;
use crate::common::{Rng, gpu};

#[test]
fn sort_kernels_match_their_twins() {
    let mut rng = Rng(3);
    for n in SIZES {
        for digit in [(12, 255), (28, 15)] {
            let keys: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
            let values: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
            let blocks = n.div_ceil(BLOCK);
            let params = SortParams {
                at: 1,
                shift: digit.0,
                mask: digit.1,
                pad: 0,
            };
            let sizes = [[9; 4], [0, 0, 0, n as u32]];
            // Room as `Sort` makes it: whole vectors.
            let mut padded = [keys.clone(), values.clone()];
            padded
                .iter_mut()
                .for_each(|p| p.resize(n.next_multiple_of(4), 77));
            let counts: Vec<u32> = Case::new(&SORT_COUNT, params)
                .input(&sizes)
                .quads(&padded[0])
                .output::<u32>(blocks << DIGIT_BITS)
                .run(groups_1d(blocks, 1))
                .get(0);
            assert_eq!(counts, twin::sort_count::sort_count(&keys, digit));
            let places = scanned(&counts);
            let got = Case::new(&SORT_SCATTER, params)
                .input(&sizes)
                .input(&places)
                .quads(&padded[0])
                .quads(&padded[1])
                .output::<u32>(n)
                .output::<u32>(n)
                .run(groups_1d(blocks, 1));
            let want = twin::sort_scatter::sort_scatter(&keys, &values, digit, &places);
            assert_eq!((got.get(0), got.get(1)), want);
        }
    }
}

#[test]
fn the_sort_is_stable_and_stops_at_the_count() {
    let gpu = gpu();
    let mut rng = Rng(4);
    for (n, bits) in [
        (0, 32),
        (1, 32),
        (2047, 6),
        (4095, 26),
        (4096, 32),
        (4097, 9),
        (100_000, 32),
        (100_000, 13),
    ] {
        let mask = if bits == 32 {
            u32::MAX
        } else {
            (1 << bits) - 1
        };
        let sort = Sort::new(&gpu, n + 777).expect("sort");
        let mut pairs: Vec<(u32, u32)> = (0..n)
            .map(|i| (rng.u32() & mask & 0xff0f_ffff, i as u32))
            .collect();
        let (keys, values): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        gpu.write(sort.keys(), 0, &keys).expect("write");
        gpu.write(sort.values(), 0, &values).expect("write");
        let count = gpu.upload(&[n as u32]).expect("count");
        let mut recorder = gpu.recorder();
        let (k, v) = sort.record(&mut recorder, &count, 0, bits).expect("record");
        recorder.submit().expect("submit");
        pairs.sort_by_key(|p| p.0);
        let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        assert!(gpu.read_range(k, 0, n).expect("keys") == keys, "{n} {bits}");
        assert!(
            gpu.read_range(v, 0, n).expect("values") == values,
            "{n} {bits}"
        );
    }
}
