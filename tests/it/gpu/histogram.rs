//! Histograms.

use sora_director::gpu::groups_1d;
use sora_director::gpu::histogram::{BLOCK, HISTOGRAM, Histogram, HistogramParams};
use sora_director::gpu::twins as twin;

use crate::common::parity::Case;
use crate::common::{Rng, garbage, gpu};

#[test]
fn histogram_matches_its_twin() {
    let mut rng = Rng(11);
    for n in [0usize, 1, 3, 127, 128, 129, 8191, 8192, 8193, 30_000] {
        for (shift, mask) in [(0, 4095), (20, 4095), (7, 0), (31, 1), (4, 63)] {
            let keys: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
            let params = HistogramParams {
                n: u32::MAX,
                at: 1,
                shift,
                mask,
            };
            // On top of what the bins hold, which wraps.
            let mut bins: Vec<u32> = (0..=mask).map(|_| rng.u32() | 0xffff_0000).collect();
            let got: Vec<u32> = Case::new(&HISTOGRAM, params)
                .input(&[[0u32; 4], [0, 0, 0, n as u32]])
                .quads(&keys)
                .input(&keys)
                .update(&bins)
                .run(groups_1d(n.div_ceil(BLOCK), 1))
                .get(0);
            twin::histogram::histogram(&keys, shift, mask, &mut bins);
            assert_eq!(got, bins, "{n} {shift} {mask}");
        }
    }
}

#[test]
fn a_histogram_counts_what_the_length_says() {
    let gpu = gpu();
    let mut rng = Rng(12);
    let histogram = Histogram::new(&gpu).expect("histogram");
    let input: Vec<u32> = (0..100_000).map(|_| rng.u32()).collect();
    let keys = gpu.upload(&input).expect("keys");
    let bins = garbage(&gpu, 300);
    let mut recorder = gpu.recorder();
    for n in [0usize, 1, 8192, 100_000] {
        let mut want = vec![0; 300];
        twin::histogram::histogram(&input[..n], 24, 255, &mut want);
        let count = gpu.upload(&[n as u32]).expect("count");
        for on_gpu in [false, true] {
            let recorded = if on_gpu {
                histogram.record(&mut recorder, &keys, (&count, 0), 24, 8, &bins)
            } else {
                histogram.record(&mut recorder, &keys, n, 24, 8, &bins)
            };
            recorded.expect("record");
            recorder.submit().expect("submit");
            assert_eq!(gpu.read(&bins).expect("bins"), want, "{n} {on_gpu}");
        }
    }
    for (n, shift, bits) in [(100_001, 0, 8), (9, 32, 8), (9, 0, 13), (9, 0, 9)] {
        let refused = histogram.record(&mut recorder, &keys, n, shift, bits, &bins);
        assert!(refused.is_err(), "{n} {shift} {bits}");
    }
}
